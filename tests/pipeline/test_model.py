from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from wine_pipeline.config import WineConfig
from wine_pipeline.data_contract import build_data_contract
from wine_pipeline.features import FEATURE_NAMES

from tests.pipeline import stages
from tests.pipeline.conftest import Artifacts, Row
from tests.pipeline.stages import to_example


@pytest.fixture(scope="module", params=["model", "network_model"])
def served(request: pytest.FixtureRequest) -> Any:
    """A model with either head."""
    return tf.saved_model.load(str(request.getfixturevalue(request.param) / "Format-Serving"))


def predict_raw(served: Any, rows: list[Row]) -> dict[str, np.ndarray]:
    columns = {name: tf.constant([[row[name]] for row in rows], tf.float32) for name in FEATURE_NAMES}
    return {name: value.numpy() for name, value in served.signatures["serving_raw"](**columns).items()}


def predict_examples(
    served: Any, examples: list[bytes], signature: str = "serving_examples"
) -> dict[str, np.ndarray]:
    outputs = served.signatures[signature](examples=tf.constant(examples))
    return {name: value.numpy() for name, value in outputs.items()}


def test_the_lab_wine_gets_the_same_numbers_through_both_signatures(served: Any) -> None:
    contract = build_data_contract(WineConfig("white"))
    instance = {name: value[0] for name, value in contract["sample_instance"].items()}

    raw = predict_raw(served, [instance])
    example = predict_examples(served, [base64.b64decode(contract["sample_example"])])

    assert set(raw) == set(example) == {"good", "grade"}
    for name in raw:
        assert raw[name].shape == (1, 1)
        np.testing.assert_allclose(raw[name], example[name], rtol=1e-6)


def test_a_request_without_a_signature_asks_for_examples_unless_the_config_says_otherwise(
    served: Any, artifacts: Artifacts, wine_rows: list[Row], tmp_path: Path
) -> None:
    row = to_example(wine_rows[0]).SerializeToString()
    stages.train(artifacts.transformed, artifacts.transform_graph, tmp_path, {}, "serving_raw")
    raw = tf.saved_model.load(str(tmp_path / "Format-Serving"))

    by_name = predict_examples(served, [row])
    by_default = predict_examples(served, [row], "serving_default")

    np.testing.assert_array_equal(by_name["grade"], by_default["grade"])
    inputs = {name: raw.signatures[name].structured_input_signature[1] for name in raw.signatures}
    assert set(inputs["serving_default"]) == set(inputs["serving_raw"]) == set(FEATURE_NAMES)
    assert set(inputs["serving_examples"]) == {"examples"}


def test_the_labels_in_an_example_change_nothing(served: Any, wine_rows: list[Row]) -> None:
    row = wine_rows[0]
    unlabelled = {name: row[name] for name in FEATURE_NAMES}

    with_labels = predict_examples(served, [to_example(row).SerializeToString()])
    without = predict_examples(served, [to_example(unlabelled).SerializeToString()])

    np.testing.assert_array_equal(with_labels["grade"], without["grade"])


def test_the_answers_are_a_probability_and_a_grade(served: Any, wine_rows: list[Row]) -> None:
    outputs = predict_raw(served, wine_rows)

    assert outputs["good"].min() >= 0
    assert outputs["good"].max() <= 1
    assert outputs["grade"].min() >= 3
    assert outputs["grade"].max() <= 9
    # One distribution, one opinion: wines that are likely good have the higher grades.
    assert np.corrcoef(outputs["good"][:, 0], outputs["grade"][:, 0])[0, 1] > 0.7


def test_an_example_without_a_feature_is_refused(served: Any, wine_rows: list[Row]) -> None:
    incomplete = {name: wine_rows[0][name] for name in FEATURE_NAMES if name != "alcohol"}

    with pytest.raises(tf.errors.InvalidArgumentError, match="alcohol"):
        predict_examples(served, [to_example(incomplete).SerializeToString()])
