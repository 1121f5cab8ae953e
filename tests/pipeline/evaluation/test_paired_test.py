"""What the errors of two models on the same rows allow to say."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.evaluation.paired_test import Pair, PairedTest, run_paired_test

CONFIG = EvaluationConfig()


def pairs(differences: np.ndarray, copies: int = 1) -> list[Pair]:
    """Return both classes, and the same number of copies of each row."""
    return [Pair(float(value), copies, bool(row % 2)) for row, value in enumerate(differences)]


def scattered(rows: int, mean: float = 0.0, spread: float = 0.1) -> np.ndarray:
    """Return differences with just this mean and this standard deviation."""
    values = np.random.default_rng(7).normal(size=rows)
    return mean + spread * (values - values.mean()) / values.std(ddof=1)


def test_the_bound_is_that_of_a_one_sided_normal_test() -> None:
    found = run_paired_test(pairs(scattered(400, mean=-0.01)), 0.95)

    assert found.difference == pytest.approx(-0.01)
    assert found.standard_error == pytest.approx(0.1 / 20)
    assert found.bound == pytest.approx(-0.01 + 1.644854 * 0.005, abs=1e-6)


def test_copies_of_the_rows_are_no_further_evidence() -> None:
    once, thrice = (run_paired_test(pairs(scattered(200), copies), 0.95) for copies in (1, 3))

    assert (thrice.rows, thrice.distinct_rows) == (600, 200)
    assert thrice.difference == pytest.approx(once.difference)
    assert thrice.standard_error == pytest.approx(once.standard_error)


def test_copies_of_one_row_weigh_as_much_as_in_the_mad() -> None:
    found = run_paired_test([Pair(0.3, 2, True), Pair(-0.3, 1, False)], 0.95)

    assert found.difference == pytest.approx(0.1)


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = pairs(scattered(500))
    shuffled = random.Random(3).sample(rows, len(rows))

    assert run_paired_test(shuffled, 0.95) == run_paired_test(rows, 0.95)


@pytest.mark.parametrize(
    ("mean", "refused"), [(-0.02, False), (0.0, True), (0.02, True)], ids=["better", "equal", "worse"]
)
def test_a_model_passes_if_it_is_surely_worse_by_no_more_than_the_margin(mean: float, refused: bool) -> None:
    found = run_paired_test(pairs(scattered(300, mean, spread=0.2)), CONFIG.confidence)

    assert bool(found.refused_because(CONFIG, "champion")) is refused
    assert found.not_judged_because(CONFIG) == ""


def test_the_very_same_model_passes() -> None:
    assert run_paired_test(pairs(np.zeros(300)), 0.95).refused_because(CONFIG, "champion") == ""


def test_a_model_that_answers_no_number_is_refused() -> None:
    found = run_paired_test(pairs(np.full(300, np.nan)), 0.95)

    assert "at most +nan, allowed is +0.015" in found.refused_because(CONFIG, "champion")


@pytest.mark.parametrize(
    ("rows", "words"), [(0, "0 distinct rows"), (1, "1 distinct row"), (149, "149 distinct rows")]
)
def test_too_few_rows_allow_no_verdict(rows: int, words: str) -> None:
    found = run_paired_test(pairs(np.full(rows, -1.0), copies=10), 0.95)

    assert found.not_judged_because(CONFIG) == f"the eval split has {words}, a verdict needs 150"


@pytest.mark.parametrize(("good_rows", "kind"), [(300, "good"), (0, "not good")])
def test_one_class_alone_allows_no_verdict(good_rows: int, kind: str) -> None:
    found = replace(run_paired_test(pairs(scattered(300)), 0.95), good_rows=good_rows)

    reason = f"all 300 rows of the eval split are {kind}, a verdict needs both classes"
    assert found.not_judged_because(CONFIG) == reason


def test_without_a_difference_nothing_passes() -> None:
    nothing = PairedTest(1, 1, 1, None, None, None)

    assert nothing.refused_because(CONFIG, "champion") == "too few rows to compare"
    assert nothing.evidence(CONFIG, "champion") == ""
