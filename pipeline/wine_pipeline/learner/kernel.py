"""The smooth half of the model: kernel ridge regression on the grades, solved without a training loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.linalg import cho_solve, lapack, solve_triangular  # type: ignore[import-untyped]

from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import GRADE
from wine_pipeline.learner.grades import Answers, Grades

# distance between scaled wines below which they are the same: far less than any last digit makes
_EQUAL = 1e-4
# how much a row's own grade is distrusted, from least to most
_RIDGES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# keeps the equations solvable if two landmarks are nearly the same wine
_JITTER = 1e-6
# rows whose similarities TensorFlow computes at once, with several temporary arrays
_BLOCK = 1_000
# rows by which a ridge is chosen in addition to the landmarks
_JUDGED = 2_000


class _Solution(NamedTuple):
    """
    The weights for one ridge, and what they are worth.

    :param weights: [landmarks, grades].
    :param deviation: mean absolute deviation of the grade of rows, each predicted as if it had been left out.
    """

    weights: np.ndarray
    deviation: float


def solve_kernel(config: TrainingConfig, rows: np.ndarray, grades: Grades, indices: np.ndarray) -> KernelHead:
    """
    Return the head that compares a wine with landmarks among the training rows: with all if they are few.

    The ridge comes from the rows: it is the first from which a larger one would predict left-out rows worse.
    Time and memory grow with the cube and the square of the landmarks; beyond them, time grows with the rows.

    .. seealso:: Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, 5.4.2 (leave-one-out)
        and 8.3.1 (landmarks: "subset of regressors"), https://gaussianprocess.org/gpml/chapters/

    :param config: the kernel's settings.
    :param rows: [rows, columns] float32.
    :param grades: those of the rows.
    :param indices: [rows] number of each row's grade.
    """
    targets = np.eye(len(grades.values))[indices] - grades.shares
    if len(rows) <= config.landmarks:
        landmarks, solve = rows, _all_rows(config, rows, grades, targets)
    else:
        random = np.random.default_rng(config.seed)
        distinct = np.unique(rows, axis=0)
        landmarks = random.permutation(distinct)[: config.landmarks]
        judged = random.permutation(len(rows))[:_JUDGED]
        solve = _some_rows(config, rows, landmarks, judged, grades, targets)
    best = solve(_RIDGES[0])
    for ridge in _RIDGES[1:]:
        other = solve(ridge)
        if other.deviation >= best.deviation:
            break
        best = other
    return KernelHead(landmarks, best.weights, grades.shares, config.kernel_length, config.kernel_power)


def _all_rows(
    config: TrainingConfig, rows: np.ndarray, grades: Grades, targets: np.ndarray
) -> Callable[[float], _Solution]:
    similar = _similarities(config, rows, rows)

    def solve(ridge: float) -> _Solution:
        ridged = similar.copy()
        ridged[np.diag_indices(len(rows))] += ridge
        factor = _cholesky(ridged)
        inverse, _ = lapack.dtrtri(factor, lower=1, overwrite_c=1)
        weights = inverse.T @ (inverse @ targets)
        left_out = targets - weights / np.einsum("ij,ij->j", inverse, inverse)[:, None]
        return _Solution(weights, _deviation(grades, targets, left_out))

    return solve


def _some_rows(
    config: TrainingConfig,
    rows: np.ndarray,
    landmarks: np.ndarray,
    judged: np.ndarray,
    grades: Grades,
    targets: np.ndarray,
) -> Callable[[float], _Solution]:
    squares = np.zeros((len(landmarks), len(landmarks)))
    products = np.zeros((len(landmarks), targets.shape[1]))
    for start in range(0, len(rows), _BLOCK):
        similar = _similarities(config, rows[start : start + _BLOCK], landmarks)
        squares += similar.T @ similar
        products += similar.T @ targets[start : start + _BLOCK]
    own = _similarities(config, landmarks, landmarks)
    similar = _similarities(config, rows[judged], landmarks)

    def solve(ridge: float) -> _Solution:
        matrix = ridge * own
        matrix += squares
        matrix[np.diag_indices(len(own))] += _JITTER
        factor = _cholesky(matrix)
        weights = cho_solve((factor, True), products)
        half = solve_triangular(factor, similar.T, lower=True)
        leverage = np.einsum("ij,ij->j", half, half)[:, None]
        errors = (targets[judged] - similar @ weights) / (1 - leverage)
        return _Solution(weights, _deviation(grades, targets[judged], targets[judged] - errors))

    return solve


def _similarities(config: TrainingConfig, wines: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the similarity of each wine to each row, [wines, rows] float64."""
    similar = np.empty((len(wines), len(rows)))
    for start in range(0, len(wines), _BLOCK):
        block = wines[start : start + _BLOCK]
        similar[start : start + _BLOCK] = similarity(block, rows, config.kernel_length, config.kernel_power)
    return similar


def _cholesky(matrix: np.ndarray) -> np.ndarray:
    """Factorize a symmetric matrix in its own memory, and return the lower triangle."""
    # LAPACK wants columns next to each other: transposed, the matrix needs no copy
    factor, failed = lapack.dpotrf(matrix.T, lower=1, overwrite_a=1)
    if failed:
        raise np.linalg.LinAlgError(f"the kernel's equations have no solution: dpotrf returned {failed}")
    lower: np.ndarray = factor
    return lower


def _deviation(grades: Grades, targets: np.ndarray, left_out: np.ndarray) -> float:
    answers = Answers(grades)(_distribution(grades.shares, tf.constant(left_out, tf.float32)))
    truth = grades.values[targets.argmax(axis=1)]
    return float(np.abs(truth - answers[GRADE].numpy()[:, 0]).mean(dtype=np.float64))


def _distribution(shares: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
    """Return probabilities: the sum of what moves the shares is 0, so before the cut their sum is 1."""
    values = ops.maximum(shares + moved, 0.0)
    return values / ops.sum(values, axis=1, keepdims=True)


def similarity(wines: tf.Tensor, rows: tf.Tensor, length: float, power: float) -> tf.Tensor:
    """
    Return how similar each wine is to each row: exp(-(distance / length) ** power).

    :param wines: [wines, columns].
    :param rows: [rows, columns].
    :param length: distance at which the similarity has fallen to 1/e.
    :param power: below 1 the similarity falls faster near a row, and slower far from it.
    """
    # In double precision: the difference of the squares cancels all digits of near rows.
    wines, rows = ops.cast(wines, "float64"), ops.cast(rows, "float64")
    squares = ops.sum(wines**2, axis=1)[:, None] + ops.sum(rows**2, axis=1)[None, :]
    squares -= 2 * ops.matmul(wines, ops.transpose(rows))
    # The power would blow up what rounding leaves of the distance between equal wines.
    squares = ops.where(squares < _EQUAL**2, 0.0, squares)
    # Half the time of a power; of distance 0 the logarithm is -inf, and the power 0.
    return ops.exp(-ops.exp(power / 2 * ops.log(squares / length**2)))


class KernelHead(keras.layers.Layer):
    """
    Gives the shares of the grades among all rows, moved towards those of similar rows.

    :param landmarks: [landmarks, columns] scaled training rows.
    :param weights: [landmarks, grades] what similarity to each adds for each grade.
    :param shares: [grades] of all rows.
    :param length: of the kernel.
    :param power: of the kernel.
    """

    def __init__(
        self, landmarks: np.ndarray, weights: np.ndarray, shares: np.ndarray, length: float, power: float
    ) -> None:
        super().__init__(name="kernel", trainable=False)
        self._landmarks = self._constant("landmarks", landmarks)
        self._weights = self._constant("weights", weights)
        self._shares = self._constant("shares", shares)
        self._length = length
        self._power = power

    def call(self, wines: keras.KerasTensor) -> keras.KerasTensor:
        """
        Return the probabilities of the grades, [wines, grades].

        :param wines: [wines, columns], scaled.
        """
        similar = ops.cast(similarity(wines, self._landmarks, self._length, self._power), "float32")
        return _distribution(self._shares, ops.matmul(similar, self._weights))

    def _constant(self, name: str, value: np.ndarray) -> keras.Variable:
        variable = self.add_weight(name=name, shape=value.shape, initializer="zeros", trainable=False)
        variable.assign(value.astype(np.float32))
        return variable
