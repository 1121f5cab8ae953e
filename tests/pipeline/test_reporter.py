"""The Evaluator's figures as properties of an artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.types.experimental.simple_artifacts import Metrics
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.metrics import NoEvaluationError, read_metrics
from wine_pipeline.reporter import MetricsReporter

from tests.pipeline import stages
from tests.pipeline.conftest import Artifacts


def report(evaluation: Path) -> dict[str, float]:
    """Run the component's executor as a task of the pipeline does."""
    given, made = standard_artifacts.ModelEvaluation(), Metrics()
    given.uri = str(evaluation)
    MetricsReporter.EXECUTOR_SPEC.executor_class().Do({"evaluation": [given]}, {"metrics": [made]}, {})
    return {name: made.get_float_custom_property(name) for name in made.mlmd_artifact.custom_properties}


def test_a_first_model_has_its_own_figures_alone(artifacts: Artifacts, model: Path, tmp_path: Path) -> None:
    verdict = stages.evaluate(EvaluationConfig(), artifacts.examples, model, tmp_path)

    assert report(verdict.evaluation) == asdict(read_metrics(str(verdict.evaluation)).candidate)


def test_beside_a_champion_both_have_their_figures(
    artifacts: Artifacts, model: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    worse = train(kernel_max_rows=0, epochs=1, learning_rate=1e-5)
    verdict = stages.evaluate(EvaluationConfig(), artifacts.examples, worse, tmp_path, champion=model)

    figures = report(verdict.evaluation)

    assert set(figures) == {"auc", "accuracy", "mad", "examples"} | {
        "champion_auc",
        "champion_accuracy",
        "champion_mad",
        "champion_examples",
    }
    assert figures["mad"] > figures["champion_mad"]


def test_without_an_evaluation_the_task_fails(tmp_path: Path) -> None:
    with pytest.raises(NoEvaluationError, match=str(tmp_path)):
        report(tmp_path)
