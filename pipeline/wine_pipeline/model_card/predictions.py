"""What a model answers to the rows of the split eval, summed up by what a card shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import tensorflow as tf
from tfx.types import standard_artifacts
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE

from wine_pipeline.evaluation.eval_split import read_batches
from wine_pipeline.features import GOOD, GRADE, GRADE_HIGH, GRADE_LOW, QUALITY, QUALITY_MAX
from wine_pipeline.vertex.served_model import ServedModel

SLICED_BY = "alcohol"
_GRADES = QUALITY_MAX + 1
_BINS = 10
# A card is no second evaluation: so many rows are enough for its plots, and a small machine answers them.
MAX_ROWS = 200_000


@dataclass(frozen=True)
class Slice:
    """
    How the model does on some of the rows.

    :param name: which rows.
    :param rows: how many they are.
    :param mad: mean absolute deviation of ``grade``, in grades.
    :param accuracy: share of wines on the right side of probability 0.5.
    :param bias: mean of ``grade`` minus ``quality``, in grades.
    """

    name: str
    rows: int
    mad: float
    accuracy: float
    bias: float


@dataclass(frozen=True)
class Bin:
    """
    Wines to which the model gives about the same probability of being good.

    :param rows: how many they are.
    :param probability: mean of what it gives.
    :param share: of those that are good.
    """

    rows: int
    probability: float
    share: float


@dataclass(frozen=True)
class Interval:
    """
    How well ``grade_low`` and ``grade_high`` fit the rows.

    :param within: share of the wines whose grade is within the two.
    :param covered: the same with each grade spread evenly over half a grade to either side, as the quantiles
        of grouped data see it: of a calibrated model it is :data:`wine_pipeline.features.COVERAGE`.
    :param width: mean of ``grade_high`` minus ``grade_low``, in grades.
    """

    within: float
    covered: float
    width: float


@dataclass(frozen=True)
class Predictions:
    """
    What a card shows of a model's answers.

    :param rows: that were asked; at most :data:`MAX_ROWS`.
    :param grades: a slice for each grade that occurs.
    :param quartiles: a slice for each quarter of the alcohol in the training rows.
    :param calibration: bins of the probability, none of them empty.
    :param confusion: rows by grade (first index) and by the model's grade, rounded.
    :param interval: of the grade; None if the model answers none, as the majority and earlier models do.
    """

    rows: int
    grades: list[Slice]
    quartiles: list[Slice]
    calibration: list[Bin]
    confusion: list[list[int]]
    interval: Interval | None


def ask_model(
    model: ServedModel,
    examples: standard_artifacts.Examples,
    bounds: Sequence[float],
    max_rows: int = MAX_ROWS,
) -> Predictions:
    """
    Predict the rows of the split `eval` with the exported model.

    :param model: to ask.
    :param examples: as measured, not transformed.
    :param bounds: what parts the alcohol into quarters, ascending.
    :param max_rows: after which it stops.
    """
    grades, quartiles, bins = _Sums(_GRADES), _Sums(len(bounds) + 1), _Sums(_BINS)
    confusion = np.zeros((_GRADES, _GRADES), dtype=np.int64)
    intervals = _Intervals()
    types = {QUALITY: tf.int64, GOOD: tf.int64, SLICED_BY: tf.float32}
    for serialized, values in read_batches(examples, types, max_rows):
        quality, is_good, alcohol = values[QUALITY], values[GOOD] == 1, values[SLICED_BY]
        answers = model.ask(EXAMPLES_SIGNATURE, {"examples": serialized})
        good = answers[GOOD].reshape(-1)
        grade = answers[GRADE].reshape(-1)
        columns = np.stack([np.abs(grade - quality), (good > 0.5) == is_good, grade - quality, good, is_good])
        grades.add(quality, columns)
        quartiles.add(np.searchsorted(bounds, alcohol, side="right"), columns)
        bins.add(np.minimum((good * _BINS).astype(int), _BINS - 1), columns)
        np.add.at(confusion, (quality, np.clip(np.rint(grade), 0, QUALITY_MAX).astype(int)), 1)
        intervals.add(quality, answers)
    return Predictions(
        rows=int(confusion.sum()),
        grades=grades.slices([f"{QUALITY} {number}" for number in range(_GRADES)]),
        quartiles=quartiles.slices(_quarters(bounds)),
        calibration=bins.calibration(),
        confusion=confusion.tolist(),
        interval=intervals.mean(),
    )


class _Sums:
    """Adds columns up by group, so that no row has to be kept."""

    def __init__(self, groups: int) -> None:
        self._rows = np.zeros(groups, dtype=np.int64)
        self._columns = np.zeros((5, groups))

    def add(self, group: np.ndarray, columns: np.ndarray) -> None:
        np.add.at(self._rows, group, 1)
        for sums, values in zip(self._columns, columns, strict=True):
            np.add.at(sums, group, values)

    def slices(self, names: Sequence[str]) -> list[Slice]:
        return [
            Slice(
                names[group], int(rows), *(float(self._columns[column, group] / rows) for column in (0, 1, 2))
            )
            for group, rows in enumerate(self._rows)
            if rows
        ]

    def calibration(self) -> list[Bin]:
        return [
            Bin(int(rows), *(float(self._columns[column, group] / rows) for column in (3, 4)))
            for group, rows in enumerate(self._rows)
            if rows
        ]


class _Intervals:
    """Adds up what the mean over all rows is made of."""

    def __init__(self) -> None:
        self._rows = 0
        self._sums = np.zeros(3)

    def add(self, quality: np.ndarray, answers: Mapping[str, np.ndarray]) -> None:
        if GRADE_LOW not in answers:
            return
        low, high = (answers[name].reshape(-1).astype(np.float64) for name in (GRADE_LOW, GRADE_HIGH))
        within = (low <= quality) & (quality <= high)
        spread = np.minimum(high, quality + 0.5) - np.maximum(low, quality - 0.5)
        self._rows += len(quality)
        self._sums += [within.sum(), np.clip(spread, 0, 1).sum(), (high - low).sum()]

    def mean(self) -> Interval | None:
        return Interval(*(self._sums / self._rows).tolist()) if self._rows else None


def _quarters(bounds: Sequence[float]) -> list[str]:
    low, *_, high = bounds
    between = [f"{SLICED_BY} {a:.4g} to {b:.4g}" for a, b in pairwise(bounds)]
    return [f"{SLICED_BY} below {low:.4g}", *between, f"{SLICED_BY} from {high:.4g}"]
