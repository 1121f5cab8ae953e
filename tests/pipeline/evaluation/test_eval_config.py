from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.evaluators.metrics_validator import validate_metrics
from tensorflow_model_analysis.metrics.metric_types import MetricKey
from wine_pipeline.evaluation.eval_config import build_eval_config
from wine_pipeline.evaluation.metrics import NoEvaluationError, read_metrics

from tests.pipeline import stages


def test_a_first_model_above_the_bounds_is_blessed(first_verdict: stages.Verdict) -> None:
    assert first_verdict.blessed
    assert first_verdict.files == ["BLESSED"]


def test_the_figures_are_those_of_the_eval_split(
    first_verdict: stages.Verdict, wine_rows: list[object]
) -> None:
    candidate = read_metrics(str(first_verdict.evaluation)).candidate

    assert candidate.examples == len(wine_rows[::5])
    assert 0.7 < candidate.auc < 1
    assert 0.6 < candidate.accuracy < 1
    assert 0 < candidate.mad < 0.8


def test_a_model_below_its_bounds_is_not_blessed(strict_verdict: stages.Verdict) -> None:
    assert not strict_verdict.blessed
    assert strict_verdict.files == ["NOT_BLESSED"]


@pytest.mark.parametrize(
    ("bound", "missed"),
    [
        ({"min_auc": 0.999}, ["auc"]),
        ({"min_accuracy": 0.999}, ["binary_accuracy"]),
        ({"max_mad": 0.001}, ["mean_absolute_error"]),
        ({}, []),
    ],
)
def test_any_bound_alone_refuses_a_model(
    bound: dict[str, float], missed: list[str], first_verdict: stages.Verdict
) -> None:
    config = build_eval_config(replace(stages.LENIENT, **bound))
    (of_all_rows,) = tfma.load_metrics(str(first_verdict.evaluation))
    figures = {
        MetricKey.from_proto(each.key): each.value.double_value.value
        for each in of_all_rows.metric_keys_and_values
    }

    # as the Evaluator's own pipeline asks, with figures that it measured
    filled_in = tfma.utils.update_eval_config_with_defaults(config, has_baseline=True, rubber_stamp=False)
    found = validate_metrics(((), figures), filled_in)

    assert found.validation_ok is (not missed)
    failures = [failure for each in found.metric_validations_per_slice for failure in each.failures]
    assert [failure.metric_key.name for failure in failures] == missed


def test_a_model_worse_than_the_champion_is_not_blessed(worse_verdict: stages.Verdict) -> None:
    figures = read_metrics(str(worse_verdict.evaluation))

    assert figures.baseline is not None
    assert figures.candidate.mad > figures.baseline.mad
    assert not worse_verdict.blessed
    assert worse_verdict.files == ["NOT_BLESSED"]


def test_a_model_as_good_as_the_champion_is_blessed(
    judge: Callable[..., stages.Verdict], model: Path
) -> None:
    verdict = judge(replace(stages.LENIENT, max_auc_loss=0.0, mad_margin=0.0), model, model)

    figures = read_metrics(str(verdict.evaluation))
    assert figures.candidate == figures.baseline
    assert verdict.blessed


def test_a_place_without_an_evaluation_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoEvaluationError, match=str(tmp_path)):
        read_metrics(str(tmp_path))


def test_the_metrics_command_prints_nothing_but_json(
    first_verdict: stages.Verdict, capfd: pytest.CaptureFixture[str]
) -> None:
    from wine_pipeline.__main__ import main

    assert main(["metrics", str(first_verdict.evaluation)]) == 0

    (figures,) = json.loads(capfd.readouterr().out).values()
    assert set(figures["candidate"]) == {"auc", "accuracy", "mad", "examples"}
    assert set(figures["baseline"]) == set(figures["candidate"])
