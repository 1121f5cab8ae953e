"""The bounded sample of the rows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from wine_pipeline.learner.sample import RowSample, row_hashes


def columns(rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    grade = random.integers(3, 10, size=(rows, 1)).astype(np.float32)
    return {"alcohol": random.normal(size=(rows, 1)).astype(np.float32), "quality": grade}


def sampled(most: int, offered: dict[str, np.ndarray], order: np.ndarray, batch: int) -> np.ndarray:
    sample = RowSample(most)
    for start in range(0, len(order), batch):
        sample.add({name: column[order[start : start + batch]] for name, column in offered.items()})
    found = sample.columns()
    assert list(found) == list(offered)
    rows = np.concatenate(list(found.values()), axis=1)
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("most", [500, 10_000, 20_000])
def test_order_and_batches_change_nothing(most: int) -> None:
    offered = columns(10_000)
    shuffled = np.random.default_rng(2).permutation(10_000)

    one = sampled(most, offered, np.arange(10_000), batch=4096)
    other = sampled(most, offered, shuffled, batch=700)

    assert len(one) == min(most, 10_000)
    np.testing.assert_array_equal(one, other)


def test_the_sample_is_like_all_rows() -> None:
    offered = columns(20_000)

    rows = sampled(5_000, offered, np.arange(20_000), batch=4096)

    assert rows.mean(axis=0) == pytest.approx([offered[name].mean() for name in offered], abs=0.06)
    assert rows.std(axis=0) == pytest.approx([offered[name].std() for name in offered], rel=0.03)


def test_equal_rows_are_equal_and_others_differ() -> None:
    rows = np.concatenate(list(columns(50_000).values()), axis=1)

    assert len(set(row_hashes(rows))) == len(np.unique(rows, axis=0))
    np.testing.assert_array_equal(row_hashes(rows[::-1]), row_hashes(rows)[::-1])
    assert (row_hashes(rows[:, ::-1]) != row_hashes(rows)).all()


def test_memory_does_not_grow_with_the_rows_that_are_offered() -> None:
    offered, peaks = columns(1_000), []

    for batches in (10, 200):
        sample = RowSample(2_000)
        tracemalloc.start()
        for _ in range(batches):
            sample.add(offered)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.2 * peaks[0]


def test_no_rows_give_no_columns() -> None:
    assert RowSample(5).columns() == {}
