"""From the graph to the one file that everything outside this package reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tfx import v1 as tfx

from wine_pipeline.config import Target, WineConfig
from wine_pipeline.data_contract import build_data_contract
from wine_pipeline.pipeline import INPUT_CONFIG, create_pipeline


def compile_pipeline(config: WineConfig, target: Target) -> dict[str, Any]:
    """
    Return the PipelineJob, with the data contract beside its ``pipelineSpec``.

    :param config: of the wine.
    :param target: where it will run.
    """
    kubeflow = tfx.orchestration.experimental
    runner = kubeflow.KubeflowV2DagRunner(
        config=kubeflow.KubeflowV2DagRunnerConfig(default_image=target.task_image, use_pipeline_spec_2_1=True)
    )
    query = tfx.dsl.experimental.RuntimeParameter(name=INPUT_CONFIG, ptype=str)
    job = runner.run(create_pipeline(config, target, query, target.pipeline_root(config)), write_out=False)
    job["dataContract"] = build_data_contract(config)
    return job


def write_compiled(config: WineConfig, target: Target, output: Path) -> None:
    """
    Write the compiled file; the same arguments give the same bytes.

    :param config: of the wine.
    :param target: where it will run.
    :param output: file to write; its folder is made.
    """
    text = json.dumps(compile_pipeline(config, target), sort_keys=True, indent=2)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text + "\n", encoding="utf-8")
