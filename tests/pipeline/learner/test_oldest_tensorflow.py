"""The exported models in the oldest TensorFlow that may serve them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.learner.preprocessing import preprocessing_fn

from tests.pipeline import stages
from tests.pipeline.learner import ask_models
from tests.pipeline.stages import to_example
from tests.pipeline.wine_examples import REPOSITORY, Artifacts, Row

PYTHON = REPOSITORY / ".tools" / "oldest-tensorflow" / "bin" / "python"
SERVED = ("blend", "table", "majority")


def ph_by_its_rank(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Look up a feature in a vocabulary, which the model contains as a file."""
    outputs = preprocessing_fn(inputs)
    rank = tft.compute_and_apply_vocabulary(tf.strings.as_string(inputs["ph"], precision=2))
    outputs["ph"] = tf.cast(rank, tf.float32) / 10
    return outputs


@pytest.fixture(scope="module")
def table(wine_rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model whose scaling holds a table."""
    folder = tmp_path_factory.mktemp("table")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "preprocessing_fn", ph_by_its_rank)
        stages.transform(wine_rows[:200], folder / "transformed", folder / "graph")
    stages.train(folder / "transformed", folder / "graph", folder / "model", {})
    assert list((folder / "model" / "Format-Serving" / "assets").iterdir())
    return folder / "model"


@pytest.fixture(scope="module")
def folders(
    model: Path,
    table: Path,
    artifacts: Artifacts,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, str]:
    """Return the SavedModel of each kind and of the majority, and one of a TensorFlow yet to come."""
    majority = tmp_path_factory.mktemp("majority")
    stages.baseline(artifacts.examples, majority)
    models = {"blend": model, "table": table, "majority": majority}
    found = {name: str(folder / "Format-Serving") for name, folder in models.items()}
    return found | {"newer": str(newer(found["majority"], tmp_path_factory.mktemp("newer")))}


def newer(exported: str, folder: Path) -> Path:
    """Copy a model, and give it an operation and an attribute that no TensorFlow has."""
    shutil.copytree(exported, folder, dirs_exist_ok=True)
    saved = ask_models.read(exported)
    graph = saved.meta_graphs[0].graph_def
    graph.node.add(name="to_come", op="YetToCome")
    known = graph.library.function[0].node_def.add(name="known", op="NoOp")
    known.attr["later"].b = True
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    return folder


@pytest.fixture(scope="module")
def wines(wine_rows: list[Row]) -> dict[str, Any]:
    return {
        "columns": {name: [row[name] for row in wine_rows] for name in FEATURE_NAMES},
        "examples": [base64.b64encode(to_example(row).SerializeToString()).decode() for row in wine_rows],
    }


@pytest.fixture(scope="module")
def oldest(folders: dict[str, str], wines: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what the oldest TensorFlow says of every model."""
    subprocess.run([REPOSITORY / "dev" / "install" / "oldest-tensorflow.sh"], check=True)
    questions = tmp_path_factory.mktemp("questions") / "wines.json"
    questions.write_text(json.dumps(wines))
    done = subprocess.run(
        [PYTHON, ask_models.__file__, questions, *folders.values()],
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY / 'pipeline'}:{REPOSITORY / 'plugins'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_another_tensorflow_than_the_one_that_exports(oldest: Any) -> None:
    assert oldest["version"].split(".")[:2] == ["2", "15"]
    assert oldest["version"] != tf.__version__


@pytest.mark.parametrize("name", SERVED)
def test_it_knows_every_operation_and_every_attribute(
    name: str, oldest: Any, folders: dict[str, str]
) -> None:
    assert oldest["models"][folders[name]]["unknown"] == []


def test_what_it_does_not_know_is_named(oldest: Any, folders: dict[str, str]) -> None:
    assert oldest["models"][folders["newer"]]["unknown"] == ["NoOp.later", "YetToCome"]


@pytest.mark.parametrize("name", SERVED)
def test_it_answers_through_both_signatures_as_the_one_that_exports(
    name: str, oldest: Any, folders: dict[str, str], wines: dict[str, Any]
) -> None:
    expected = ask_models.ask(folders[name], wines)
    answers = oldest["models"][folders[name]]["answers"]

    assert set(answers) == set(expected) == {"serving_raw", "serving_examples"}
    for signature, outputs in expected.items():
        assert set(answers[signature]) == set(outputs) >= {"good", "grade"}
        assert ("grade_low" in outputs, "grade_high" in outputs) == 2 * (name != "majority",)
        for output, values in outputs.items():
            assert len(values) == len(wines["examples"])
            np.testing.assert_allclose(answers[signature][output], values, rtol=0, atol=1e-5)
