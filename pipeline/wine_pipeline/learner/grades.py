"""What all heads have in common: probabilities of the grades, and the answers made from them."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from wine_pipeline.features import COVERAGE, GOOD, GRADE, GRADE_HIGH, GRADE_LOW
from wine_pipeline.learner.derived import LEARNT_NAMES


@dataclass(frozen=True)
class Grades:
    """
    The grades that occur in the training rows, in ascending order.

    :param values: [grades] float32.
    :param shares: [grades] share of the rows that have each.
    :param good: [grades] share of the rows of each grade that are good: 0 or 1, as one bound decides.
    """

    values: np.ndarray
    shares: np.ndarray
    good: np.ndarray

    @classmethod
    def of(cls, labels: dict[str, np.ndarray]) -> Grades:
        """
        Count the grades.

        :param labels: [rows, 1] per output of the model.
        """
        grade, good = labels[GRADE][:, 0], labels[GOOD][:, 0]
        values, counts = np.unique(grade, return_counts=True)
        return cls(
            values=values.astype(np.float32),
            shares=(counts / len(grade)).astype(np.float32),
            good=np.array([good[grade == value].mean() for value in values], np.float32),
        )

    def indices(self, labels: dict[str, np.ndarray]) -> np.ndarray:
        """
        Return the number of each row's grade, [rows] int32.

        :param labels: [rows, 1] per output of the model.
        """
        return np.searchsorted(self.values, labels[GRADE][:, 0]).astype(np.int32)


# the part of the distribution that lies below each answer
_LEVELS = {GRADE: 0.5, GRADE_LOW: (1 - COVERAGE) / 2, GRADE_HIGH: (1 + COVERAGE) / 2}


class Answers(keras.layers.Layer):
    """
    Makes the answers from the probabilities: of being good, the median grade, and an interval around it.

    The median and both ends of the interval are quantiles of grouped data: a grade stands for the interval of
    half a grade to either side, so the answers move with the probabilities in place of jumping between whole
    grades.

    .. seealso:: :func:`statistics.median_grouped`

    :param grades: the grades in the order of the probabilities.
    """

    def __init__(self, grades: Grades) -> None:
        super().__init__(name="answers")
        self._grades = grades

    def call(self, probabilities: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
        """
        Return all answers, [rows, 1] each.

        :param probabilities: [rows, grades], each row of sum 1.
        """
        good = ops.matmul(probabilities, ops.convert_to_tensor(self._grades.good[:, None]))
        quantiles = {name: self._quantile(probabilities, level) for name, level in _LEVELS.items()}
        return {GOOD: ops.clip(good, 0.0, 1.0), **quantiles}

    def _quantile(self, probabilities: keras.KerasTensor, level: float) -> keras.KerasTensor:
        reached = ops.cumsum(probabilities, axis=1)
        group = ops.sum(ops.cast(reached < level, "int32"), axis=1, keepdims=True)
        group = ops.minimum(group, len(self._grades.values) - 1)
        share = ops.take_along_axis(probabilities, group, axis=1)
        below = ops.take_along_axis(reached, group, axis=1) - share
        grade = ops.take(ops.convert_to_tensor(self._grades.values), group) - 0.5 + (level - below) / share
        return ops.clip(grade, self._grades.values[0], self._grades.values[-1])


def feature_inputs() -> dict[str, keras.KerasTensor]:
    """Return one input per scaled column: each head takes what Transform writes."""
    return {name: keras.Input(shape=(1,), name=name) for name in LEARNT_NAMES}
