"""The rows come from the package in the table's columns and types."""

from __future__ import annotations

import pytest

from deploy.wines.wine_rows import WineRowsError, columns, limits, read_wine


def test_the_columns_are_the_features_and_the_grade() -> None:
    assert len(columns()) == 12
    assert list(columns())[-1] == "quality"
    assert columns()["quality"] is int


def test_an_unknown_wine_is_named() -> None:
    with pytest.raises(WineRowsError, match="rose: no such wine in the data set"):
        read_wine("rose")


@pytest.mark.parametrize(("wine", "count"), [("red", 1599), ("white", 4898)])
def test_all_rows_are_read_and_plausible(wine: str, count: int) -> None:
    rows = read_wine(wine)

    assert len(rows) == count
    assert all(list(row) == list(columns()) for row in rows)
    assert all(low <= row[column] <= high for row in rows for column, (low, high) in limits().items())
