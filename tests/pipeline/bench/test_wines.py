"""The rows of the bench: copies, folds, and the pipeline's own split."""

from __future__ import annotations

from bisect import bisect

import numpy as np
import pytest
from bench.wines import Wines, folds, in_training_split, read_wines
from tfx.components.example_gen import base_example_gen_executor as example_gen
from tfx.proto import example_gen_pb2

from tests.pipeline import stages
from tests.pipeline.wine_examples import read_uci


def rows_of(wines: Wines) -> set[tuple[float, ...]]:
    return {(*row, grade) for row, grade in zip(wines.features.tolist(), wines.quality.tolist(), strict=True)}


@pytest.mark.parametrize(("wine", "rows", "different"), [("red", 1599, 1359), ("white", 4898, 3961)])
def test_without_copies_each_row_is_there_once(wine: str, rows: int, different: int) -> None:
    wines = read_wines(wine)

    alone = wines.without_copies()

    assert wines.rows == rows
    assert alone.rows == different == len(rows_of(alone))
    assert rows_of(alone) == rows_of(wines)


def test_each_row_is_tested_once_by_a_model_that_has_not_seen_it() -> None:
    parts = list(folds(103, seed=1))

    assert sorted(np.concatenate([test for _, test in parts])) == list(range(103))
    for train, test in parts:
        assert sorted([*train, *test]) == list(range(103))


def test_another_seed_cuts_other_folds() -> None:
    (_, first), (_, second) = next(folds(103, seed=1)), next(folds(103, seed=2))

    assert set(first) != set(second)


def test_the_training_split_is_that_of_the_pipelines_example_gen() -> None:
    rows = read_uci("red")[:200]
    config = example_gen_pb2.SplitConfig()

    wines = read_wines("red").take(np.arange(200))
    chosen = wines.take(in_training_split(wines))

    buckets = [4, 5]
    sides = [example_gen._PartitionFn(stages.to_example(row), 2, buckets, config) for row in rows]
    assert set(sides) == {bisect(buckets, 0), bisect(buckets, 4)}
    assert chosen.quality.tolist() == [
        row["quality"] for row, side in zip(rows, sides, strict=True) if side == 0
    ]
