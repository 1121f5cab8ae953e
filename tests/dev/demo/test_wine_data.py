"""The rows that the local stack loads are the published ones."""

from __future__ import annotations

import statistics

import pytest

from dev.demo.wine_data import new_vintage, read_wine


@pytest.mark.parametrize(("wine", "count", "mean"), [("red", 1599, 5.636), ("white", 4898, 5.878)])
def test_rows_and_mean_grade_are_those_of_the_paper(wine: str, count: int, mean: float):
    rows = read_wine(wine)

    assert len(rows) == count
    assert statistics.mean(row["quality"] for row in rows) == pytest.approx(mean, abs=5e-4)


def test_every_row_has_eleven_numbers_and_a_whole_grade():
    row = read_wine("white")[0]

    grade = row.pop("quality")
    assert isinstance(grade, int)
    assert len(row) == 11
    assert all(isinstance(value, float) for value in row.values())


def test_a_new_vintage_is_near_real_rows_and_the_same_for_the_same_seed():
    vintage = new_vintage("white", 20, seed=7)

    assert vintage == new_vintage("white", 20, seed=7)
    assert vintage != new_vintage("white", 20, seed=8)
    real = read_wine("white")
    for row in vintage:
        assert any(
            all(abs(row[column] - value) <= 0.01 * abs(value) + 1e-6 for column, value in candidate.items())
            for candidate in real
        )


def test_a_stronger_vintage_differs_in_its_alcohol_alone() -> None:
    ordinary = new_vintage("white", 20, seed=7)

    stronger = new_vintage("white", 20, seed=7, alcohol=2.0)

    for row, other in zip(stronger, ordinary, strict=True):
        assert row.pop("alcohol") == pytest.approx(other.pop("alcohol") + 2)
        assert row == other
