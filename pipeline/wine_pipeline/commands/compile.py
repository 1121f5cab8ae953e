"""Compiles the graph to the file that everything outside this package reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import v1 as tfx
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.serving import ServingSpec

from wine_pipeline.config import Target, WineConfig
from wine_pipeline.pipeline import INPUT_CONFIG, create_pipeline
from wine_pipeline.scale import Scale


def compile_pipeline(
    config: WineConfig,
    target: Target,
    scale: Scale,
    monitored_table: str | None = None,
    *,
    push: bool = False,
) -> dict[str, Any]:
    """
    Return the PipelineJob, with the data contract and what serves the model next to its ``pipelineSpec``.

    Both are also constants of tasks, because Vertex AI keeps the ``pipelineSpec`` of a job and nothing that
    is next to it: so a job tells what it was compiled with after the file has been replaced.

    :param config: of the wine.
    :param target: where it will run.
    :param scale: steps that run outside their tasks.
    :param monitored_table: see :func:`wine_pipeline.pipeline.create_pipeline`; never in what the DAG submits,
        which has a monitoring task of its own.
    :param push: the same; the DAG has a rollout of its own.
    """
    kubeflow = tfx.orchestration.experimental
    runner = kubeflow.KubeflowV2DagRunner(
        config=kubeflow.KubeflowV2DagRunnerConfig(default_image=target.task_image, use_pipeline_spec_2_1=True)
    )
    query = tfx.dsl.experimental.RuntimeParameter(name=INPUT_CONFIG, ptype=str)
    pipeline = create_pipeline(
        config,
        target,
        scale,
        query,
        target.pipeline_root(config),
        monitored_table=monitored_table,
        push=push,
    )
    job = runner.run(pipeline, write_out=False)
    job[DataContract.key] = _constant(job, "MetricsReporter", DataContract.parameter)
    job[ServingSpec.key] = _constant(job, "ModelCard", ServingSpec.parameter)
    return job


def _constant(job: dict[str, Any], task: str, parameter: str) -> Any:
    inputs = job["pipelineSpec"]["root"]["dag"]["tasks"][task]["inputs"]
    return json.loads(inputs["parameters"][parameter]["runtimeValue"]["constant"])


def write_compiled(
    config: WineConfig,
    target: Target,
    scale: Scale,
    output: Path,
    monitored_table: str | None = None,
    *,
    push: bool = False,
) -> None:
    """
    Write the compiled file; the same arguments give the same bytes.

    :param config: of the wine.
    :param target: where it will run.
    :param scale: steps that run outside their tasks.
    :param output: file to write; its folder is made.
    :param monitored_table: see :func:`compile_pipeline`.
    :param push: the same.
    """
    job = compile_pipeline(config, target, scale, monitored_table, push=push)
    text = json.dumps(job, sort_keys=True, indent=2)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text + "\n", encoding="utf-8")
