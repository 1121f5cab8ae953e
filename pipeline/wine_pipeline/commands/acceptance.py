"""The files that ``make acceptance`` uses in a project: a one-task pipeline, a tiny model, an example."""

from __future__ import annotations

import json
from pathlib import Path

import tensorflow as tf
from tfx import v1 as tfx

from wine_pipeline.commands.acceptance_task import AcceptanceTask
from wine_pipeline.config import Target
from wine_pipeline.model_card.job import JOB_PLACEHOLDER

PIPELINE = "acceptance"
_PROBLEM = "problem"
# Vertex AI replaces this in a model's container, and must not replace it in a task
_REFERENCE = "$(AIP_STORAGE_URI)"
_FACTOR = 2.0
_EXAMPLE = Path("Split-train", "data_tfrecord-00000-of-00001.gz")


class _Multiplier(tf.Module):
    """Multiply by a variable: a server that does not restore it cannot answer."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(_FACTOR)

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
    def once(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x * self.factor}

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
    def twice(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": x * self.factor * self.factor}


def write_pipeline(image: str, root: str, output: Path) -> None:
    """
    Compile the pipeline of one task, as those of the wines are compiled.

    :param image: container image of the task.
    :param root: ``gs://`` folder of its artifacts.
    :param output: file to write.
    """
    kubeflow = tfx.orchestration.experimental
    config = kubeflow.KubeflowV2DagRunnerConfig(default_image=image, use_pipeline_spec_2_1=True)
    task = AcceptanceTask(
        problem=tfx.dsl.experimental.RuntimeParameter(name=_PROBLEM, ptype=str),
        job=JOB_PLACEHOLDER,
        reference=_REFERENCE,
    )
    pipeline = tfx.dsl.Pipeline(
        pipeline_name=PIPELINE, pipeline_root=root, components=[task], enable_cache=False
    )
    job = kubeflow.KubeflowV2DagRunner(config=config).run(pipeline, write_out=False)
    output.write_text(json.dumps(job, sort_keys=True, indent=2), encoding="utf-8")


def write_model(folder: Path) -> None:
    """
    Export a model that doubles: ``serving_default`` once, ``serving_twice`` twice.

    :param folder: of the SavedModel.
    """
    model = _Multiplier()
    signatures = {"serving_default": model.once, "serving_twice": model.twice}
    tf.saved_model.save(model, str(folder), signatures=signatures)


def write_examples(folder: Path) -> None:
    """
    Write one training example as TFX writes its own: a packed TFRecord in a folder of its split.

    :param folder: of the splits.
    """
    path = folder / _EXAMPLE
    path.parent.mkdir(parents=True)
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[1.0]))
    example = tf.train.Example(features=tf.train.Features(feature={"x": feature, "y": feature}))
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        writer.write(example.SerializeToString())


def write_all(target: Target, root: str, folder: Path) -> None:
    """
    Write ``pipeline.json``, the SavedModel ``model`` and the splits ``examples``.

    :param target: where the pipeline will run.
    :param root: ``gs://`` folder of its artifacts.
    :param folder: to write to; it is there.
    """
    write_pipeline(target.task_image, root, folder / "pipeline.json")
    write_model(folder / "model")
    write_examples(folder / "examples")
