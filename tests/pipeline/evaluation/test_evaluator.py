"""The Evaluator's executor: no blessing without evidence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from vertex_mlops.contract.reported import NOT_JUDGED
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.evaluation.evaluator import ask_pairs
from wine_pipeline.evaluation.metrics import read_metrics
from wine_pipeline.evaluation.verdict import NoPairedTestError, read_verdict
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.wine_examples import Artifacts, Row

# no bound that any figure misses: the paired test is alone
OPEN = EvaluationConfig(min_auc=0.0, min_accuracy=0.0, max_mad=10.0, max_auc_loss=1.0)


def served(model: Path) -> ServedModel:
    return ServedModel(f"{model}/Format-Serving")


def test_the_difference_is_that_of_the_mads(worse_verdict: stages.Verdict) -> None:
    figures = read_metrics(str(worse_verdict.evaluation))
    assert figures.baseline is not None

    evidence = read_verdict(str(worse_verdict.evaluation), "champion").evidence

    assert f" is {figures.candidate.mad - figures.baseline.mad:+.4f} compared" in evidence


def test_a_worse_model_is_refused_by_the_paired_test_alone(
    judge: Callable[..., stages.Verdict], model: Path, worse_model: Path
) -> None:
    verdict = judge(OPEN, worse_model, model)

    assert not verdict.blessed
    assert verdict.files == ["NOT_BLESSED"]
    assert "; " not in read_verdict(str(verdict.evaluation), "champion").reason


def test_too_few_rows_are_no_verdict_however_good_the_model_is_on_them(
    judge: Callable[..., stages.Verdict], model: Path, worse_model: Path, wine_rows: list[Row], tmp_path: Path
) -> None:
    stages.write_examples(wine_rows[:70], tmp_path)

    verdict = judge(OPEN, model, worse_model, tmp_path)

    assert not verdict.blessed
    found = read_verdict(str(verdict.evaluation), "champion")
    assert (found.name, found.reason) == (
        NOT_JUDGED,
        "the eval split has 14 distinct rows, a verdict needs 150",
    )


def test_copies_of_few_rows_are_no_verdict(
    judge: Callable[..., stages.Verdict], model: Path, worse_model: Path, wine_rows: list[Row], tmp_path: Path
) -> None:
    stages.write_examples(wine_rows[:75] * 10, tmp_path)

    verdict = judge(OPEN, model, worse_model, tmp_path)

    assert not verdict.blessed
    assert read_metrics(str(verdict.evaluation)).candidate.examples == 150
    assert read_verdict(str(verdict.evaluation), "champion").reason == (
        "the eval split has 15 distinct rows, a verdict needs 150"
    )


def test_one_class_alone_is_no_verdict(
    judge: Callable[..., stages.Verdict], model: Path, worse_model: Path, wine_rows: list[Row], tmp_path: Path
) -> None:
    stages.write_examples([row for row in wine_rows if row["good"]], tmp_path)

    verdict = judge(OPEN, model, worse_model, tmp_path)

    assert not verdict.blessed
    assert (
        "rows of the eval split are good, a verdict needs both"
        in read_verdict(str(verdict.evaluation), "champion").reason
    )


def test_each_distinct_row_is_one_pair_wherever_it_lies(
    artifacts: Artifacts, model: Path, worse_model: Path, wine_rows: list[Row], tmp_path: Path
) -> None:
    stages.write_examples(_with_eval_reversed(wine_rows), tmp_path)
    here, there = (
        ask_pairs(stages.examples_of(folder), served(model), served(worse_model))
        for folder in (artifacts.examples, tmp_path)
    )

    rows = [tuple(row.values()) for row in stages.split(wine_rows)["eval"]]
    assert len(here) == len(set(rows))
    assert sum(pair.copies for pair in here) == len(rows)
    assert [pair.copies for pair in there] == [pair.copies for pair in here]
    assert [pair.difference for pair in there] == pytest.approx([pair.difference for pair in here], abs=1e-5)


def _with_eval_reversed(rows: list[Row]) -> list[Row]:
    turned = list(rows)
    turned[::5] = rows[::5][::-1]
    return turned


def test_an_evaluation_without_a_paired_test_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(NoPairedTestError, match=str(tmp_path)):
        read_verdict(str(tmp_path), "champion")


def test_a_model_does_not_differ_from_itself(artifacts: Artifacts, model: Path) -> None:
    same = ask_pairs(stages.examples_of(artifacts.examples), served(model), served(model))

    np.testing.assert_array_equal([pair.difference for pair in same], 0.0)
