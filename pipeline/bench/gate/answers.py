"""Out-of-sample predictions of the pipeline's models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import GOOD, GRADE
from wine_pipeline.learner.derived import LEARNT_NAMES
from wine_pipeline.learner.trainer import fit, sorted_split

from bench.learners import Columns, scale
from bench.wines import FOLDS, Wines


@dataclass(frozen=True)
class Answers:
    """
    One prediction for each row, by a model that was not trained on it.

    :param grade: [rows] expected grade.
    :param good: [rows] probability.
    """

    grade: np.ndarray
    good: np.ndarray


@dataclass(frozen=True)
class Table:
    """
    The rows of a table, with duplicates identified.

    :param wines: as measured.
    :param columns: the same, scaled once: of how a fold would be scaled, the last digits differ.
    :param number: [rows] of the distinct row that each is.
    """

    wines: Wines
    columns: Columns
    number: np.ndarray

    @classmethod
    def of(cls, wines: Wines) -> Table:
        """
        Scale a table with the pipeline's preprocessing_fn.

        :param wines: as measured.
        """
        whole = np.column_stack([wines.features, wines.quality])
        _, number = np.unique(whole, axis=0, return_inverse=True)
        columns, _ = scale(wines, wines.take(np.arange(1)))
        return cls(wines, columns, number)

    @property
    def distinct_rows(self) -> int:
        """Return the number of rows without copies."""
        return int(self.number.max()) + 1

    def take(self, chosen: np.ndarray) -> Columns:
        """
        Return the scaled columns of some rows.

        :param chosen: their numbers.
        """
        return {name: column[chosen] for name, column in self.columns.items()}


def learn(table: Table, train: np.ndarray, test: np.ndarray) -> Answers:
    """
    Train as the pipeline does on few rows, and predict others.

    :param table: has the rows.
    :param train: numbers of the rows to learn from.
    :param test: numbers of the rows to predict.
    """
    model = fit(TrainingConfig(), sorted_split(table.take(train)))
    asked = table.take(test)
    answers = model({name: asked[name] for name in LEARNT_NAMES})
    return Answers(answers[GRADE].numpy()[:, 0], answers[GOOD].numpy()[:, 0])


def cross_validated(table: Table, rows: np.ndarray, seed: int) -> Answers:
    """
    Return out-of-fold predictions of some rows of a table, in order; copies of a row are in one fold.

    :param table: has the rows.
    :param rows: their numbers; no others are used for training.
    :param seed: of the cut into folds.
    """
    fold = np.random.default_rng(seed).permutation(table.distinct_rows)[table.number[rows]] % FOLDS
    grade, good = np.zeros(len(rows)), np.zeros(len(rows))
    for number in range(FOLDS):
        inside = fold == number
        answers = learn(table, rows[~inside], rows[inside])
        grade[inside], good[inside] = answers.grade, answers.good
    return Answers(grade, good)
