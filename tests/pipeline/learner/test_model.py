from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from wine_pipeline.config import WineConfig
from wine_pipeline.data.data_contract import build_data_contract
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.stages import to_example
from tests.pipeline.wine_examples import Artifacts, Row


@pytest.fixture(scope="module")
def exported(model: Path) -> Path:
    """Return the folder of a SavedModel."""
    return model / "Format-Serving"


@pytest.fixture(scope="module")
def served(exported: Path) -> ServedModel:
    """Return the model as TensorFlow Serving loads it."""
    return ServedModel(str(exported))


@pytest.fixture(scope="module")
def raw_by_default(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    """Return a model that takes features when a request names no signature."""
    folder = tmp_path_factory.mktemp("raw")
    stages.train(artifacts.transformed, artifacts.transform_graph, folder, {}, "serving_raw")
    return ServedModel(str(folder / "Format-Serving"))


def predict_raw(
    served: ServedModel, rows: list[Row], signature: str = "serving_raw"
) -> dict[str, np.ndarray]:
    columns = {name: np.array([[row[name]] for row in rows], np.float32) for name in FEATURE_NAMES}
    return served.ask(signature, columns)


def predict_examples(
    served: ServedModel, examples: list[bytes], signature: str = "serving_examples"
) -> dict[str, np.ndarray]:
    return served.ask(signature, {"examples": np.array(examples, object)})


def test_each_weight_is_written_once(exported: Path) -> None:
    reader = tf.train.load_checkpoint(str(exported / "variables" / "variables"))
    types = reader.get_variable_to_dtype_map()
    # next to the weights there is the graph of the objects, a string
    weights = [reader.get_tensor(name) for name, kind in types.items() if kind != tf.string]

    handles = [node for node in graph_of(exported).node if node.op == "VarHandleOp"]
    assert len({weight.tobytes() for weight in weights}) == len(weights) == len(handles) > 2


def graph_of(exported: Path) -> tf.compat.v1.GraphDef:
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        return tf.compat.v1.saved_model.load(session, ["serve"], str(exported)).graph_def


def test_a_folder_without_a_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=f"SavedModel file does not exist at: {tmp_path}"):
        ServedModel(str(tmp_path))


def test_the_lab_wine_gets_the_same_numbers_through_both_signatures(served: ServedModel) -> None:
    contract = build_data_contract(WineConfig("white"))
    instance = {name: value[0] for name, value in contract.sample_instance.items()}

    raw = predict_raw(served, [instance])
    example = predict_examples(served, [base64.b64decode(contract.sample_example)])

    assert set(raw) == set(example) == set(contract.outputs) == {"good", "grade", "grade_low", "grade_high"}
    for name in raw:
        assert raw[name].shape == (1, 1)
        np.testing.assert_allclose(raw[name], example[name], rtol=1e-6)


def test_a_request_without_a_signature_asks_for_examples_unless_the_config_says_otherwise(
    served: ServedModel, raw_by_default: ServedModel, wine_rows: list[Row]
) -> None:
    row, raw = to_example(wine_rows[0]).SerializeToString(), raw_by_default

    by_name = predict_examples(served, [row])
    by_default = predict_examples(served, [row], "serving_default")
    raw_by_name = predict_raw(raw, wine_rows[:1])
    raw_by_default = predict_raw(raw, wine_rows[:1], "serving_default")

    np.testing.assert_array_equal(by_name["grade"], by_default["grade"])
    np.testing.assert_array_equal(raw_by_name["grade"], raw_by_default["grade"])
    np.testing.assert_allclose(predict_examples(raw, [row])["grade"], raw_by_name["grade"], rtol=1e-6)


def test_the_labels_in_an_example_change_nothing(served: ServedModel, wine_rows: list[Row]) -> None:
    row = wine_rows[0]
    unlabelled = {name: row[name] for name in FEATURE_NAMES}

    with_labels = predict_examples(served, [to_example(row).SerializeToString()])
    without = predict_examples(served, [to_example(unlabelled).SerializeToString()])

    np.testing.assert_array_equal(with_labels["grade"], without["grade"])


def test_the_answers_are_a_probability_and_a_grade(served: ServedModel, wine_rows: list[Row]) -> None:
    outputs = predict_raw(served, wine_rows)

    assert outputs["good"].min() >= 0
    assert outputs["good"].max() <= 1
    assert outputs["grade"].min() >= 3
    assert outputs["grade"].max() <= 9
    assert (outputs["grade_low"] <= outputs["grade"]).all()
    assert (outputs["grade"] <= outputs["grade_high"]).all()
    # One distribution, one opinion: wines that are likely good have the higher grades.
    assert np.corrcoef(outputs["good"][:, 0], outputs["grade"][:, 0])[0, 1] > 0.7


def test_an_example_without_a_feature_is_refused(served: ServedModel, wine_rows: list[Row]) -> None:
    incomplete = {name: wine_rows[0][name] for name in FEATURE_NAMES if name != "alcohol"}

    with pytest.raises(tf.errors.InvalidArgumentError, match="alcohol"):
        predict_examples(served, [to_example(incomplete).SerializeToString()])
