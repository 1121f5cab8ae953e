"""The figures of the bench, against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from bench.learners import LEARNERS, Prediction
from bench.measures import Figures, cross_validate, measure, summarize
from bench.wines import Wines, read_wines

GOOD_FROM = 6


def figures_of(quality: list[float], grade: list[float]) -> Figures:
    truth, expected = np.array(quality), np.array(grade)
    return measure(truth, expected, truth >= GOOD_FROM, expected)


def test_the_deviation_is_that_of_the_grade_as_it_was_predicted_not_rounded() -> None:
    figures = figures_of([5, 6, 6, 7], [5.1, 5.6, 6.5, 8.5])

    assert figures.mad == pytest.approx((0.1 + 0.4 + 0.5 + 1.5) / 4)


def test_a_grade_exactly_as_far_off_as_is_tolerated_counts() -> None:
    figures = figures_of([5, 6, 6, 7], [5.25, 5.5, 7.0, 8.5])

    assert (figures.accuracy_025, figures.accuracy_05, figures.accuracy_1) == (25.0, 50.0, 75.0)


def test_kappa_is_that_of_the_rounded_grade() -> None:
    figures = figures_of([5, 5, 6, 6], [5.2, 5.8, 6.1, 6.2])

    # 3 of 4 agree; by chance (2 * 1 + 2 * 3) / 16 would.
    assert figures.kappa == pytest.approx(100 * (0.75 - 0.5) / (1 - 0.5))


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    figures = figures_of([5, 5, 6, 7], [5.0, 6.2, 6.0, 6.4])

    assert figures.auc == pytest.approx(3 / 4)


def test_every_row_gets_the_prediction_made_without_it() -> None:
    seen: list[int] = []

    def learner(train: Wines, test: Wines, seed: int) -> Prediction:
        seen.append(train.rows + test.rows)
        return Prediction(test.quality, test.quality, seconds=2.0, transform_seconds=1.0)

    wines = read_wines("red")
    figures, fits = cross_validate(wines, learner, repetitions=2, said=lambda _line: None)
    result = summarize("red", "paper", "oracle", wines, figures, fits)

    assert seen == [1599] * 10
    assert (result.figures.mad, result.figures.accuracy_025, result.figures.auc) == (0, 100, 1)
    assert (result.repetitions, result.seconds, result.transform_seconds) == (2, 2.0, 1.0)


@pytest.mark.parametrize("name", LEARNERS)
def test_each_learner_beats_the_median_on_rows_that_it_has_not_seen(name: str) -> None:
    if name == "LightGBM":
        pytest.importorskip("lightgbm", reason="the dependency group bench is not installed")
    wines = read_wines("red").without_copies()
    half = np.arange(wines.rows) % 2 == 0
    train, test = wines.take(half), wines.take(~half)

    prediction = LEARNERS[name](train, test, 1)

    blind = np.abs(test.quality - np.median(train.quality)).mean()
    found = measure(test.quality, prediction.grade, test.good, prediction.good)
    assert found.mad < 0.92 * blind
    assert found.auc > 0.75
    assert prediction.seconds > 0
