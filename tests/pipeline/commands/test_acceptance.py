"""What the acceptance takes to a project is of the kind that the package itself makes."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
import tensorflow as tf
from wine_pipeline.commands.acceptance import write_all
from wine_pipeline.commands.acceptance_task import AcceptanceTaskError
from wine_pipeline.config import Target


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("acceptance")
    target = Target("wine-local", "europe-west1", "bucket-of-wine", image="registry/image:1")
    write_all(target, "gs://bucket-of-wine/acceptance/run/root", folder)
    return folder


def test_the_task_is_started_as_those_of_the_wines_are(material: Path):
    job = json.loads((material / "pipeline.json").read_text())

    (executor,) = job["pipelineSpec"]["deploymentSpec"]["executors"].values()
    container = executor["container"]
    assert container["image"] == "registry/image:1"
    assert container["command"][-1].endswith("kubeflow_v2_run_executor")
    module, _, name = container["args"][1].rpartition(".")
    assert hasattr(importlib.import_module(module), name)
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://bucket-of-wine/acceptance/run/root"


def test_the_task_fails_as_it_is_asked_to():
    from wine_pipeline.commands import acceptance_task

    with pytest.raises(AcceptanceTaskError, match="on purpose"):
        acceptance_task.AcceptanceTask_Executor._FUNCTION("on purpose", "job", "reference", None)


@pytest.mark.parametrize(("signature", "answer"), [("serving_default", 6.0), ("serving_twice", 12.0)])
def test_a_session_restores_the_model(material: Path, signature: str, answer: float):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(material / "model"))
        definition = loaded.signature_def[signature]

        found = session.run(definition.outputs["y"].name, {definition.inputs["x"].name: [[3.0]]})

    assert found.tolist() == [[answer]]


def test_the_training_example_is_packed(material: Path):
    (path,) = (material / "examples").rglob("*.gz")

    (record,) = tf.data.TFRecordDataset(str(path), compression_type="GZIP").as_numpy_iterator()

    assert set(tf.train.Example.FromString(record).features.feature) == {"x", "y"}
