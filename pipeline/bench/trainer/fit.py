"""Trains once, as the task Trainer does: ``python -m bench.trainer.fit FOLDER MODEL``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tfx.components.trainer.executor import GenericExecutor
from tfx.types import artifact_utils, standard_artifacts
from wine_pipeline.config import ServingConfig, TrainingConfig

from bench.trainer.examples import EXAMPLES, GRAPH


def main(folder: Path, model: Path) -> None:
    """
    Run the Trainer's executor.

    :param folder: what :func:`bench.trainer.examples.write_files` wrote.
    :param model: folder to write to.
    """
    examples = _artifact(standard_artifacts.Examples, folder / EXAMPLES)
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    config = TrainingConfig().to_custom_config() | {"default_signature": ServingConfig.default_signature}
    GenericExecutor().Do(
        {
            "examples": [examples],
            "transform_graph": [_artifact(standard_artifacts.TransformGraph, folder / GRAPH)],
        },
        {
            "model": [_artifact(standard_artifacts.Model, model)],
            "model_run": [_artifact(standard_artifacts.ModelRun, model / "run")],
        },
        {
            "run_fn": "wine_pipeline.learner.trainer.run_fn",
            "train_args": "{}",
            "eval_args": "{}",
            "custom_config": json.dumps(config),
        },
    )


def _artifact(kind: Any, uri: Path) -> Any:
    artifact = kind()
    artifact.uri = str(uri)
    return artifact


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
