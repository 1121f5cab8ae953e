"""The bench on many rows: its wines, and what it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.__main__ import DOCUMENT
from bench.learners import BLEND
from bench.many.report import (
    BEGIN,
    END,
    TABLE,
    TEACHER,
    Result,
    markdown,
    missed,
    read_csv,
    write_csv,
    write_into,
)
from bench.many.wines import Graded, many_wines, teacher_answers
from bench.wines import read_wines


@pytest.fixture(scope="module")
def graded() -> Graded:
    return many_wines(4000)


def result(learner: str, mad: float, rows: int = 20_000) -> Result:
    return Result(rows, learner, mad, 12.0)


def test_the_same_number_gives_the_same_wines(graded: Graded) -> None:
    again = many_wines(4000)

    np.testing.assert_array_equal(graded.wines.features, again.wines.features)
    np.testing.assert_array_equal(graded.wines.quality, again.wines.quality)


def test_the_wines_are_like_the_real_ones_and_none_is_twice(graded: Graded) -> None:
    real = read_wines("white").features

    assert (graded.wines.features >= real.min(axis=0)).all()
    assert (graded.wines.features <= real.max(axis=0)).all()
    assert len(np.unique(graded.wines.features, axis=0)) == 4000


def test_the_grades_are_drawn_from_the_teachers_distributions(graded: Graded) -> None:
    drawn = [(graded.wines.quality == grade).mean() for grade in graded.grades]

    np.testing.assert_allclose(drawn, graded.probabilities.mean(axis=0), atol=0.02)


def test_whoever_knows_the_distributions_does_better_than_the_median_of_all(graded: Graded) -> None:
    quality = graded.wines.quality

    known = np.abs(quality - teacher_answers(graded)).mean()

    assert known < 0.95 * np.abs(quality - np.median(quality)).mean()


def test_the_model_may_be_one_per_cent_behind_the_better_of_the_others() -> None:
    others = [result(TEACHER, 0.4), result("LightGBM", 0.50), result("ExtraTrees", 0.52)]

    assert missed([*others, result(BLEND, 0.504)]) == []
    assert missed([*others, result(BLEND, 0.506)]) == ["20,000 rows: MAD 0.5060, at most 0.5050 asked"]


def test_the_document_shows_the_figures_and_keeps_the_rest(tmp_path: Path) -> None:
    document, table = tmp_path / "model.md", tmp_path / "bench.csv"
    document.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    write_csv(table, [result(BLEND, 0.5), result(BLEND, 0.6, rows=5_000)])

    write_into(document, read_csv(table))

    head = "| MAD (processor seconds) | 5,000 rows | 20,000 rows |"
    line = f"| **{BLEND}** | 0.6000 (12) | 0.5000 (12) |"
    assert document.read_text() == f"before\n\n{BEGIN}\n\n{head}\n|---|---:|---:|\n{line}\n\n{END}\n\nafter\n"


def test_the_committed_figures_reach_the_goal_and_are_in_the_document() -> None:
    results = read_csv(TABLE)

    assert markdown(results) in DOCUMENT.read_text()
    for rows in {one.rows for one in results}:
        assert missed([one for one in results if one.rows == rows]) == []
