"""The kernel: landmarks against all rows, and what the rows say of the ridge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from wine_pipeline.config import TrainingConfig
from wine_pipeline.learner.grades import Grades
from wine_pipeline.learner.kernel import KernelHead, similarity, solve_kernel

ROWS = 60
CONFIG = TrainingConfig(landmarks=ROWS)


def wines(rows: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    measured = random.normal(size=(rows, 4)).astype(np.float32)
    return measured, np.clip(np.round(6 + measured[:, 0] + noise * random.normal(size=rows)), 4, 8)


def solve(config: TrainingConfig, rows: np.ndarray, quality: np.ndarray) -> tuple[KernelHead, Grades]:
    labels = {"grade": quality[:, None], "good": (quality[:, None] >= 6).astype(np.float32)}
    grades = Grades.of(labels)
    return solve_kernel(config, rows, grades, grades.indices(labels)), grades


def solved_directly(rows: np.ndarray, quality: np.ndarray, asked: np.ndarray, ridge: float) -> np.ndarray:
    grades, occurs = np.unique(quality), (quality[:, None] == np.unique(quality)).astype(float)
    shares = occurs.mean(axis=0)
    similar = similarity(rows, rows, CONFIG.kernel_length, CONFIG.kernel_power).numpy()
    weights = np.linalg.solve(similar + ridge * np.eye(len(rows)), occurs - shares)
    asked_to_rows = similarity(asked, rows, CONFIG.kernel_length, CONFIG.kernel_power).numpy()
    values = np.maximum(shares + asked_to_rows @ weights, 0)
    assert values.shape == (len(asked), len(grades))
    return values / values.sum(axis=1, keepdims=True)


def left_out_deviation(rows: np.ndarray, quality: np.ndarray, ridge: float) -> float:
    """Solve once for each row, without it."""
    grades, occurs = np.unique(quality), (quality[:, None] == np.unique(quality)).astype(float)
    shares = occurs.mean(axis=0)
    similar = similarity(rows, rows, CONFIG.kernel_length, CONFIG.kernel_power).numpy()
    deviations = []
    for row in range(len(rows)):
        others = np.delete(np.arange(len(rows)), row)
        weights = np.linalg.solve(
            similar[np.ix_(others, others)] + ridge * np.eye(len(others)), occurs[others] - shares
        )
        values = np.maximum(shares + similar[row, others] @ weights, 0)
        reached = np.cumsum(values / values.sum())
        middle = int((reached < 0.5).sum())
        below = reached[middle] - values[middle] / values.sum()
        grade = grades[middle] - 0.5 + (0.5 - below) / (reached[middle] - below)
        deviations.append(abs(quality[row] - np.clip(grade, grades[0], grades[-1])))
    return float(np.mean(deviations))


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_the_ridge_is_the_first_beyond_which_left_out_rows_are_predicted_worse(noise: float) -> None:
    rows, quality = wines(ROWS, noise)
    fresh = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    ridges = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0]
    deviations = [left_out_deviation(rows, quality, ridge) for ridge in ridges]
    first = next(n for n in range(len(ridges)) if deviations[n + 1] >= deviations[n])

    head, _ = solve(CONFIG, rows, quality)

    expected = solved_directly(rows, quality, fresh, ridges[first])
    np.testing.assert_allclose(head(fresh), expected, rtol=0, atol=1e-4)


def test_noise_raises_the_ridge() -> None:
    weights = [np.abs(solve(CONFIG, *wines(ROWS, noise))[0].get_weights()[1]).max() for noise in (0.0, 2.0)]

    assert weights[1] < weights[0] / 2


def test_landmarks_that_are_all_distinct_rows_say_what_all_rows_say() -> None:
    rows, quality = wines(ROWS, 1.0)
    copied = np.concatenate([rows, rows[:10]]), np.concatenate([quality, quality[:10]])
    fresh = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)

    whole, _ = solve(replace(CONFIG, landmarks=ROWS + 10), *copied)
    distinct, _ = solve(CONFIG, *copied)

    assert whole.get_weights()[0].shape == (ROWS + 10, 4)
    assert distinct.get_weights()[0].shape == (ROWS, 4)
    np.testing.assert_allclose(distinct(fresh), whole(fresh), rtol=0, atol=1e-3)


def test_few_landmarks_of_many_rows_predict_nearly_as_well_as_all() -> None:
    rows, quality = wines(1200, 0.5)
    learnt, fresh, truth = rows[:800], rows[800:], quality[800:]

    found = []
    for landmarks in (800, 200):
        head, grades = solve(replace(CONFIG, landmarks=landmarks), learnt, quality[:800])
        found.append(np.abs(truth - head(fresh).numpy() @ grades.values).mean())

    assert found[1] < 1.03 * found[0]
