"""Metrics of the literature, measured by repeated cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import numpy as np
from sklearn.metrics import cohen_kappa_score, roc_auc_score  # type: ignore[import-untyped]

from bench.learners import Learner, Prediction
from bench.wines import Wines, folds

# A grade that is exactly half a grade off counts as near, also in single precision.
_SLACK = 1e-5


@dataclass(frozen=True)
class Figures:
    """
    How well grades were predicted.

    :param mad: mean absolute deviation of the grade, not rounded, in grades.
    :param accuracy_025: per cent of the wines within 0.25 of their grade.
    :param accuracy_05: within 0.5.
    :param accuracy_1: within 1.
    :param kappa: Cohen's kappa of the rounded grade, in per cent.
    :param auc: area under the ROC curve of good against not good.
    """

    mad: float
    accuracy_025: float
    accuracy_05: float
    accuracy_1: float
    kappa: float
    auc: float


@dataclass(frozen=True)
class Result:
    """
    One learner under one protocol.

    :param wine: ``red`` or ``white``.
    :param protocol: ``paper`` or ``leak-free``.
    :param learner: its name.
    :param rows: of the data set.
    :param repetitions: of the cross-validation.
    :param figures: mean over the repetitions.
    :param mad_spread: standard deviation of the MAD over the repetitions.
    :param accuracy_05_spread: the same of the accuracy within 0.5.
    :param seconds: of learning, mean over the fits.
    :param transform_seconds: of tf.Transform, mean over the fits.
    """

    wine: str
    protocol: str
    learner: str
    rows: int
    repetitions: int
    figures: Figures
    mad_spread: float
    accuracy_05_spread: float
    seconds: float
    transform_seconds: float


def measure(quality: np.ndarray, grade: np.ndarray, good: np.ndarray, score: np.ndarray) -> Figures:
    """
    Compare predictions with the truth.

    :param quality: [rows] true grades.
    :param grade: [rows] predicted ones.
    :param good: [rows] whether each is good.
    :param score: [rows] the higher, the more likely good.
    """
    deviation = np.abs(quality - grade)
    near = {within: 100 * np.mean(deviation <= within + _SLACK) for within in (0.25, 0.5, 1.0)}
    return Figures(
        mad=float(deviation.mean()),
        accuracy_025=float(near[0.25]),
        accuracy_05=float(near[0.5]),
        accuracy_1=float(near[1.0]),
        kappa=100 * float(cohen_kappa_score(quality.astype(int), np.rint(grade).astype(int))),
        auc=float(roc_auc_score(good, score)),
    )


def cross_validate(
    wines: Wines, learner: Learner, repetitions: int, said: Callable[[str], None]
) -> tuple[list[Figures], list[Prediction]]:
    """
    Predict each row once per repetition, by a model that has not seen it.

    :param wines: the rows.
    :param learner: what predicts.
    :param repetitions: how often, each time with other folds.
    :param said: called after each fold with a line of progress.
    """
    figures, fits = [], []
    for repetition in range(repetitions):
        grade, score = np.zeros(wines.rows), np.zeros(wines.rows)
        for number, (train, test) in enumerate(folds(wines.rows, seed=repetition)):
            prediction = learner(wines.take(train), wines.take(test), repetition)
            grade[test], score[test] = prediction.grade, prediction.good
            fits.append(prediction)
            said(f"repetition {repetition + 1}, fold {number + 1}: {prediction.seconds:.1f} s")
        figures.append(measure(wines.quality, grade, wines.good, score))
    return figures, fits


def summarize(
    wine: str, protocol: str, learner: str, wines: Wines, figures: list[Figures], fits: list[Prediction]
) -> Result:
    """
    Return the means and spreads.

    :param wine: ``red`` or ``white``.
    :param protocol: ``paper`` or ``leak-free``.
    :param learner: its name.
    :param wines: the rows.
    :param figures: of each repetition.
    :param fits: of each fold.
    """
    columns = {one.name: [asdict(figure)[one.name] for figure in figures] for one in fields(Figures)}
    return Result(
        wine=wine,
        protocol=protocol,
        learner=learner,
        rows=wines.rows,
        repetitions=len(figures),
        figures=Figures(**{name: float(np.mean(values)) for name, values in columns.items()}),
        mad_spread=float(np.std(columns["mad"])),
        accuracy_05_spread=float(np.std(columns["accuracy_05"])),
        seconds=float(np.mean([fit.seconds for fit in fits])),
        transform_seconds=float(np.mean([fit.transform_seconds for fit in fits])),
    )
