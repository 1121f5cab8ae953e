"""What an endpoint is asked about is like what the model has learned from, but where it is told not to be."""

from __future__ import annotations

import pytest

from dev.demo.wine_data import read_wine
from dev.demo.wine_traffic import draw_wines


def test_wines_are_real_ones_without_their_grades_and_the_same_for_the_same_seed() -> None:
    wines = draw_wines("white", 50, seed=1)

    assert wines == draw_wines("white", 50, seed=1)
    assert wines != draw_wines("white", 50, seed=2)
    real = [{name: value for name, value in row.items() if name != "quality"} for row in read_wine("white")]
    assert all(wine in real for wine in wines)


def test_stronger_wines_differ_in_their_alcohol_alone() -> None:
    ordinary, stronger = draw_wines("red", 50, seed=1), draw_wines("red", 50, seed=1, alcohol=2.0)

    for wine, other in zip(stronger, ordinary, strict=True):
        assert wine.pop("alcohol") == pytest.approx(other.pop("alcohol") + 2)
        assert wine == other
