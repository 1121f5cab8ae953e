"""Tables of which hardly anything can be learnt: what a launch without a check of the table says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.types.experimental.simple_artifacts import Metrics
from wine_pipeline.baseline import CHAMPION, KIND
from wine_pipeline.reporter import MetricsReporter
from wine_pipeline.verdict import NOT_JUDGED

from tests.pipeline import stages
from tests.pipeline.conftest import Row

# TFX reloads modules: the class that is raised may be a twin of the one that is imported
REFUSED = ValueError


def test_a_split_without_rows_is_named_before_anything_is_learnt(
    wine_rows: list[Row], tmp_path: Path
) -> None:
    # the one row is in eval
    stages.write_examples(wine_rows[:1], tmp_path / "examples")
    statistics = stages.measure(tmp_path / "examples", tmp_path / "statistics")

    with pytest.raises(REFUSED, match=r"^the split train has no rows: the query gave too few$"):
        stages.validate(statistics, tmp_path)


def test_an_eval_split_without_rows_is_named_by_the_evaluator(
    judge: Callable[..., stages.Verdict], model: Path, worse_model: Path, tmp_path: Path
) -> None:
    stages.write_examples([], tmp_path)

    with pytest.raises(REFUSED, match=r"^the split eval has no rows: the query gave too few$"):
        judge(stages.LENIENT, model, worse_model, tmp_path)


def test_an_eval_split_of_one_row_has_its_figures_and_no_verdict(
    judge: Callable[..., stages.Verdict], model: Path, worse_model: Path, wine_rows: list[Row], tmp_path: Path
) -> None:
    stages.write_examples(wine_rows[:1], tmp_path)
    verdict = judge(stages.LENIENT, model, worse_model, tmp_path)
    evaluation, trained, baseline, made = (
        standard_artifacts.ModelEvaluation(),
        standard_artifacts.Model(),
        standard_artifacts.Model(),
        Metrics(),
    )
    evaluation.uri, trained.uri = str(verdict.evaluation), str(model)
    baseline.set_string_custom_property(KIND, CHAMPION)

    MetricsReporter.EXECUTOR_SPEC.executor_class().Do(
        {"evaluation": [evaluation], "model": [trained], "baseline": [baseline]}, {"metrics": [made]}, {}
    )

    assert not verdict.blessed
    assert made.get_string_custom_property("verdict") == NOT_JUDGED
    assert made.get_float_custom_property("examples") == 1
