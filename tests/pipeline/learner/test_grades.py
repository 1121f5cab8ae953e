from __future__ import annotations

import statistics

import numpy as np
import pytest
import tensorflow as tf
from wine_pipeline.learner.grades import Answers, Grades


def grades(counts: dict[int, int], good_from: int = 6) -> Grades:
    grade = np.repeat(list(counts), list(counts.values())).astype(np.float32)[:, None]
    return Grades.of({"grade": grade, "good": (grade >= good_from).astype(np.float32)})


@pytest.mark.parametrize(
    "counts", [{5: 3, 6: 4, 7: 1}, {3: 1, 5: 6, 6: 5, 8: 2}, {4: 2, 5: 9}], ids=["even", "gaps", "two"]
)
def test_the_grade_is_the_median_of_grouped_data(counts: dict[int, int]) -> None:
    of = grades(counts)

    answers = Answers(of)(tf.constant(of.shares[None, :]))

    wines = [grade for grade, count in counts.items() for _ in range(count)]
    assert float(answers["grade"][0, 0]) == pytest.approx(statistics.median_grouped(wines), abs=1e-5)


def test_the_probability_of_good_is_that_of_the_grades_that_are_good() -> None:
    of = grades({4: 1, 5: 1, 6: 1, 7: 1}, good_from=7)

    answers = Answers(of)(tf.constant([[0.1, 0.2, 0.3, 0.4]]))

    assert float(answers["good"][0, 0]) == pytest.approx(0.4)


def test_the_grade_moves_with_the_probabilities_and_never_jumps() -> None:
    of = grades({5: 1, 6: 1, 7: 1})
    shares = np.linspace(0, 1, 1001, dtype=np.float32)[:, None]
    moving = shares * [[0.1, 0.3, 0.6]] + (1 - shares) * [[0.6, 0.3, 0.1]]

    grade = Answers(of)(tf.constant(moving, tf.float32))["grade"].numpy()[:, 0]

    steps = np.diff(grade)
    assert steps.min() > 0
    assert steps.max() < 0.005


@pytest.mark.parametrize("certain", [0, 2], ids=["lowest", "highest"])
def test_no_grade_is_beyond_those_that_were_seen(certain: int) -> None:
    of = grades({3: 1, 6: 1, 9: 1})

    answers = Answers(of)(tf.one_hot([certain], 3))

    assert 3 <= float(answers["grade"][0, 0]) <= 9
    assert 3 <= float(answers["grade_low"][0, 0]) <= float(answers["grade_high"][0, 0]) <= 9


def test_the_interval_is_from_the_first_to_the_last_decile_of_grouped_data() -> None:
    of = grades({4: 5, 5: 20, 6: 50, 7: 15, 8: 10})

    answers = Answers(of)(tf.constant(of.shares[None, :]))

    # 5 of 100 wines are below 4.5, a quarter of the 20 with grade 5 makes it 10; 90 are below 7.5
    assert float(answers["grade_low"][0, 0]) == pytest.approx(4.75, abs=1e-5)
    assert float(answers["grade_high"][0, 0]) == pytest.approx(7.5, abs=1e-5)


def test_the_interval_holds_the_expected_share_of_grades_that_come_from_the_distribution() -> None:
    of = grades({3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1})
    shares = np.random.default_rng(0).dirichlet([0.5, 1, 3, 3, 1, 0.5], 2000).astype(np.float32)

    answers = Answers(of)(tf.constant(shares))

    low, grade, high = (answers[name].numpy() for name in ("grade_low", "grade", "grade_high"))
    assert (low <= grade).all()
    assert (grade <= high).all()
    spread = np.clip(np.minimum(high, of.values + 0.5) - np.maximum(low, of.values - 0.5), 0, 1)
    # more where the last decile lies beyond the highest grade, at which the interval ends
    inside = ((low > 3) & (high < 8))[:, 0]
    assert inside.sum() > 500
    np.testing.assert_allclose((spread * shares).sum(axis=1)[inside], 0.8, atol=1e-3)
