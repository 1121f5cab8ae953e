"""A broken load: consecutive rows replace the table, and a model of them is compared with the champion."""

from __future__ import annotations

import numpy as np
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.evaluation.paired_test import Pair, run_paired_test

from bench.gate.answers import Table, learn
from bench.gate.rates import Rate
from bench.wines import in_training_split

SIZES = (40, 200, 1000)
EVENTS = ("judged", "passes", "would pass if judged")
# distance between the starts of two blocks, as a share of their length
_STRIDE = 0.5


def measure_blocks(wine: str, table: Table, config: EvaluationConfig) -> list[Rate]:
    """
    Compare a model of each block of consecutive rows with the champion, on the eval split of the block.

    The champion was trained on the training split of the whole table, and rows are split by their hash: it
    has seen no row of any eval split.

    :param wine: ``red`` or ``white``.
    :param table: all rows of the wine, in their order.
    :param config: of the gate.
    """
    is_train = in_training_split(table.wines)
    champion = np.zeros(table.wines.rows)
    unseen = np.flatnonzero(~is_train)
    champion[unseen] = learn(table, np.flatnonzero(is_train), unseen).grade
    rates: list[Rate] = []
    for size in SIZES:
        starts = range(0, table.wines.rows - size + 1, int(size * _STRIDE))
        verdicts = [_judge(table, is_train, champion, start, size, config) for start in starts]
        name = f"{size} consecutive rows"
        rates += [
            Rate(wine, name, event, sum(event in one for one in verdicts), len(verdicts)) for event in EVENTS
        ]
    return rates


def _judge(
    table: Table,
    is_train: np.ndarray,
    champion: np.ndarray,
    start: int,
    size: int,
    config: EvaluationConfig,
) -> set[str]:
    block = np.arange(start, start + size)
    train, test = block[is_train[block]], block[~is_train[block]]
    if not len(train) or not len(test):
        return set()
    quality = table.wines.quality[test]
    errors = np.abs(learn(table, train, test).grade - quality)
    differences = errors - np.abs(champion[test] - quality)
    _, first, copies = np.unique(table.number[test], return_index=True, return_counts=True)
    pairs = [
        Pair(float(differences[row]), int(count), bool(table.wines.good[test[row]]))
        for row, count in zip(first, copies, strict=True)
    ]
    result = run_paired_test(pairs, config.confidence)
    passes = not result.refused_because(config, "champion") and errors.mean() <= config.max_mad
    judged = not result.not_judged_because(config)
    found = {"judged": judged, "passes": judged and passes, "would pass if judged": passes}
    return {event for event in EVENTS if found[event]}
