from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.metrics import NoEvaluationError, read_metrics

from tests.pipeline import stages
from tests.pipeline.conftest import Artifacts

LENIENT = EvaluationConfig(min_auc=0.5, min_accuracy=0.5, max_mad=2.0, max_auc_loss=0.0, max_mad_loss=0.0)


@pytest.fixture(scope="module")
def first(artifacts: Artifacts, model: Path, tmp_path_factory: pytest.TempPathFactory) -> stages.Verdict:
    """The verdict on the first model there ever was."""
    return stages.evaluate(LENIENT, artifacts.examples, model, tmp_path_factory.mktemp("first"))


def test_a_first_model_above_the_bounds_is_blessed(first: stages.Verdict) -> None:
    assert first.blessed
    assert read_metrics(str(first.evaluation)).baseline is None


def test_the_figures_are_those_of_the_eval_split(first: stages.Verdict, wine_rows: list[object]) -> None:
    candidate = read_metrics(str(first.evaluation)).candidate

    assert candidate.examples == len(wine_rows[::5])
    assert 0.7 < candidate.auc < 1
    assert 0.6 < candidate.accuracy < 1
    assert 0 < candidate.mad < 0.8


@pytest.mark.parametrize("strict", [{"min_auc": 0.999}, {"min_accuracy": 0.999}, {"max_mad": 0.001}])
def test_a_model_below_any_bound_is_not_blessed(
    strict: dict[str, float], artifacts: Artifacts, model: Path, tmp_path: Path
) -> None:
    verdict = stages.evaluate(EvaluationConfig(**strict), artifacts.examples, model, tmp_path)

    assert not verdict.blessed


def test_a_model_worse_than_the_champion_is_not_blessed(
    artifacts: Artifacts, model: Path, train: Callable[..., Path], tmp_path: Path
) -> None:
    worse = train(kernel_max_rows=0, epochs=1, learning_rate=1e-5)

    verdict = stages.evaluate(LENIENT, artifacts.examples, worse, tmp_path, champion=model)

    figures = read_metrics(str(verdict.evaluation))
    assert figures.baseline is not None
    assert figures.candidate.mad > figures.baseline.mad
    assert not verdict.blessed


def test_a_model_as_good_as_the_champion_is_blessed(
    artifacts: Artifacts, model: Path, tmp_path: Path
) -> None:
    verdict = stages.evaluate(LENIENT, artifacts.examples, model, tmp_path, champion=model)

    figures = read_metrics(str(verdict.evaluation))
    assert figures.candidate == figures.baseline
    assert verdict.blessed


def test_a_place_without_an_evaluation_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoEvaluationError, match=str(tmp_path)):
        read_metrics(str(tmp_path))


def test_the_metrics_command_prints_nothing_but_json(
    first: stages.Verdict, capfd: pytest.CaptureFixture[str]
) -> None:
    from wine_pipeline.__main__ import main

    assert main(["metrics", str(first.evaluation)]) == 0

    (figures,) = json.loads(capfd.readouterr().out).values()
    assert set(figures["candidate"]) == {"auc", "accuracy", "mad", "examples"}
    assert figures["baseline"] is None
