"""Chooses the settings of both heads by cross-validation inside the training split: no eval row is read."""

from __future__ import annotations

import itertools
import sys
from dataclasses import replace

import numpy as np
from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES, GRADE, QUALITY
from wine_pipeline.trainer import fit, sorted_split

from bench.__main__ import WINES, quiet
from bench.learners import Columns, scale
from bench.wines import read_wines, training_split, whole_folds

GRIDS: dict[str, tuple[TrainingConfig, dict[str, list[float]]]] = {
    "kernel": (
        TrainingConfig(),
        {"kernel_length": [1.0, 1.5, 2.0, 3.0, 4.0], "kernel_ridge": [0.05, 0.1, 0.15, 0.2, 0.3, 0.5]},
    ),
    "network": (
        TrainingConfig(kernel_max_rows=0),
        {"epochs": [20, 40], "dropout": [0.1, 0.2]},
    ),
}

Fold = tuple[Columns, Columns]


def folds_of(wine: str) -> list[Fold]:
    """
    Return the scaled training and test columns of each fold; copies of a row are on one side.

    :param wine: ``red`` or ``white``.
    """
    wines = training_split(read_wines(wine))
    return [scale(wines.take(train), wines.take(test)) for train, test in whole_folds(wines)]


def deviation(config: TrainingConfig, fold: Fold) -> float:
    """
    Return the MAD on the test rows of one fold.

    :param config: to try.
    :param fold: training and test columns.
    """
    learnt, unseen = fold
    answers = fit(config, sorted_split(learnt))({name: unseen[name] for name in FEATURE_NAMES})
    return float(np.abs(unseen[QUALITY] - answers[GRADE].numpy()).mean())


def main(head: str) -> None:
    """
    Print the MAD of each combination, then the best.

    :param head: a key of :data:`GRIDS`.
    """
    start, grid = GRIDS[head]
    found: dict[TrainingConfig, float] = {}
    with quiet() as said:
        folds = {wine: folds_of(wine) for wine in WINES}
        for values in itertools.product(*grid.values()):
            settings = dict(zip(grid, values, strict=True))
            config = replace(start, **settings)  # type: ignore[arg-type]
            mads = {wine: float(np.mean([deviation(config, one) for one in folds[wine]])) for wine in WINES}
            found[config] = float(np.mean(list(mads.values())))
            shown = ", ".join(f"{name} {value}" for name, value in settings.items())
            said(f"{shown}: {', '.join(f'{wine} {mad:.4f}' for wine, mad in mads.items())}")
    best = min(found, key=lambda config: found[config])
    print(f"best: {', '.join(f'{name} {getattr(best, name)}' for name in grid)}: {found[best]:.4f}")


if __name__ == "__main__":
    main(sys.argv[1])
