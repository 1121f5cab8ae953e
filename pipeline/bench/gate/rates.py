"""How often a better, equal or worse model passes the gate, by resampling errors of real models."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import rankdata  # type: ignore[import-untyped]
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.evaluation.paired_test import Pair, PairedTest, run_paired_test

from bench.gate.answers import Answers, Table, cross_validated

DRAWS = 4000
# by how many grades of MAD the new model is worse
SHIFTS = {"worse by 0.02": 0.02, "worse by 0.01": 0.01, "equal": 0.0, "better by 0.02": -0.02}
NOT_JUDGED = "not judged"
# a trained model compared with the majority model
FIRST = "first model"
# share of equal models that each bound alone rejects
BOUNDS = ("min_auc", "min_accuracy", "max_mad", "max_auc_loss")
EVENTS = (*SHIFTS, FIRST, NOT_JUDGED, *BOUNDS)
# seeds of the folds of the champion and of the new model
_SEEDS = ((1, 2), (3, 4))
# share of a table in the split eval: one of 5 hash buckets
_EVAL = 5


@dataclass(frozen=True)
class Rate:
    """
    How often something happened.

    :param wine: ``red`` or ``white``.
    :param table: which rows there were.
    :param event: what happened, such as ``equal``: an equally good model passed.
    :param count: how often it did.
    :param of: how often it could.
    """

    wine: str
    table: str
    event: str
    count: int
    of: int

    @property
    def share(self) -> float:
        """Return the share of the cases in which it happened."""
        return self.count / self.of


@dataclass(frozen=True)
class Rivals:
    """
    Out-of-sample predictions of a champion and of a new model for the same rows.

    :param number: [rows] of the distinct row that each is, from 0.
    :param quality: [rows] grades.
    :param good: [rows] whether each wine is good.
    :param champion: its answers.
    :param candidate: those of the new model.
    """

    number: np.ndarray
    quality: np.ndarray
    good: np.ndarray
    champion: Answers
    candidate: Answers


def rivals(table: Table, distinct_rows: int, seeds: tuple[int, int]) -> Rivals:
    """
    Train a champion on the whole table, and a new model on some of its rows.

    :param table: all rows of a wine.
    :param distinct_rows: that the new model's table has; its copies come with a row.
    :param seeds: of the cut into folds, of the champion and of the new model.
    """
    chosen = np.random.default_rng(seeds[1]).permutation(table.distinct_rows)[:distinct_rows]
    rows = np.flatnonzero(np.isin(table.number, chosen))
    champion = cross_validated(table, np.arange(table.wines.rows), seeds[0])
    _, number = np.unique(table.number[rows], return_inverse=True)
    return Rivals(
        number=number,
        quality=table.wines.quality[rows],
        good=table.wines.good[rows],
        champion=Answers(champion.grade[rows], champion.good[rows]),
        candidate=cross_validated(table, rows, seeds[1]),
    )


def measure_rates(
    wine: str, name: str, table: Table, distinct_rows: int, config: EvaluationConfig
) -> list[Rate]:
    """
    Draw eval splits, and count the verdicts of the gate.

    A draw is a fifth of the distinct rows, with replacement, each with its copies. The mean difference of the
    errors of the two models is replaced by each of :data:`SHIFTS`, that of AUC and accuracy by 0: so the
    models are known to be equal, or to differ by just that, and the errors have a real distribution. With the
    majority nothing is replaced.

    :param wine: ``red`` or ``white``.
    :param name: of the table.
    :param table: all rows of the wine.
    :param distinct_rows: that the table of the new model has.
    :param config: of the gate.
    """
    counts: Counter[str] = Counter()
    for seeds in _SEEDS:
        gate = _Gate(rivals(table, distinct_rows, seeds), config)
        generator = np.random.default_rng(seeds)
        for _ in range(DRAWS // len(_SEEDS)):
            counts.update(gate.judge(gate.draw(generator)))
    return [Rate(wine, name, event, counts[event], DRAWS) for event in EVENTS]


class _Gate:
    """Judges resampled eval splits of two models."""

    def __init__(self, pair: Rivals, config: EvaluationConfig) -> None:
        self._pair, self._config = pair, config
        self._groups = [np.flatnonzero(pair.number == number) for number in range(int(pair.number.max()) + 1)]
        self._errors, others = (np.abs(each.grade - pair.quality) for each in (pair.candidate, pair.champion))
        self._loss = float((self._errors - others).mean())
        self._centred = self._errors - others - self._loss
        grades, counts = np.unique(pair.quality, return_counts=True)
        self._beside_majority = self._errors - np.abs(grades[counts.argmax()] - pair.quality)
        everything = np.arange(len(pair.number))
        self._auc_gain = self._auc(pair.candidate, everything) - self._auc(pair.champion, everything)
        self._accuracy_gain = self._accuracy(pair.candidate, everything) - self._accuracy(
            pair.champion, everything
        )

    def draw(self, generator: np.random.Generator) -> list[np.ndarray]:
        """Return an eval split: all copies of each distinct row that was drawn."""
        # each distinct row is in the split or not: its size varies
        size = generator.binomial(len(self._groups), 1 / _EVAL)
        drawn = generator.integers(0, len(self._groups), size)
        return [self._groups[group] for group in drawn]

    def judge(self, drawn: list[np.ndarray]) -> list[str]:
        """Return which of :data:`EVENTS` happen."""
        test = self._test(self._centred, drawn)
        if test.not_judged_because(self._config):
            return [NOT_JUDGED]
        missed = self._missed(np.concatenate(drawn))
        passed = [event for event, shift in SHIFTS.items() if not missed and self._passes(test, shift)]
        first = self._test(self._beside_majority, drawn)
        passes = self._passes(first, 0.0) and not self._below_bounds(np.concatenate(drawn))
        return [*missed, *passed, *([FIRST] if passes else [])]

    def _test(self, differences: np.ndarray, drawn: list[np.ndarray]) -> PairedTest:
        good = self._pair.good
        pairs = [Pair(float(differences[rows[0]]), len(rows), bool(good[rows[0]])) for rows in drawn]
        return run_paired_test(pairs, self._config.confidence)

    def _passes(self, test: PairedTest, shift: float) -> bool:
        assert test.difference is not None
        assert test.bound is not None
        shifted = replace(test, difference=test.difference + shift, bound=test.bound + shift)
        return not shifted.refused_because(self._config, "champion")

    def _missed(self, rows: np.ndarray) -> list[str]:
        auc = self._auc(self._pair.candidate, rows) - self._auc_gain
        accuracy = self._accuracy(self._pair.candidate, rows) - self._accuracy_gain
        holds = {
            "min_auc": auc >= self._config.min_auc,
            "min_accuracy": accuracy >= self._config.min_accuracy,
            "max_mad": float(self._errors[rows].mean()) - self._loss <= self._config.max_mad,
            "max_auc_loss": self._auc(self._pair.champion, rows) - auc <= self._config.max_auc_loss,
        }
        return [name for name in BOUNDS if not holds[name]]

    def _below_bounds(self, rows: np.ndarray) -> bool:
        """Return whether the new model misses a bound that applies without a champion."""
        return (
            self._auc(self._pair.candidate, rows) < self._config.min_auc
            or self._accuracy(self._pair.candidate, rows) < self._config.min_accuracy
            or float(self._errors[rows].mean()) > self._config.max_mad
        )

    def _auc(self, answers: Answers, rows: np.ndarray) -> float:
        good = self._pair.good[rows]
        ones, zeros = good.sum(), (~good).sum()
        ranks = rankdata(answers.good[rows])[good].sum()
        return float((ranks - ones * (ones + 1) / 2) / (ones * zeros))

    def _accuracy(self, answers: Answers, rows: np.ndarray) -> float:
        return float(((answers.good[rows] > 0.5) == self._pair.good[rows]).mean())
