"""The bench of the gate: what it draws, when it fails, and what it has found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.__main__ import WINES
from bench.gate import rates
from bench.gate.answers import Answers
from bench.gate.blocks import EVENTS as BLOCK_EVENTS
from bench.gate.blocks import SIZES
from bench.gate.goals import ALL_ROWS, BROKEN_LOADS, TENTH, missed
from bench.gate.rates import EVENTS, Rate, Rivals
from bench.gate.report import BEGIN, DOCUMENT, END, FIGURES, markdown, read_csv, write_csv, write_into
from wine_pipeline.config import EvaluationConfig
from wine_pipeline.data.data_contract import min_rows


def rivals(rows: int, spread: float) -> Rivals:
    """Return two models that are right about `good`, and whose errors in the grade scatter."""
    generator = np.random.default_rng(5)
    quality = generator.integers(4, 8, rows)
    answers = [
        Answers(quality + generator.normal(0.5, spread, rows), (quality >= 6) * 0.5 + 0.25) for _ in range(2)
    ]
    return Rivals(np.arange(rows), quality, quality >= 6, *answers)


def judge(pair: Rivals, draws: int = 40) -> list[list[str]]:
    gate = rates._Gate(pair, EvaluationConfig())
    generator = np.random.default_rng(6)
    return [gate.judge(gate.draw(generator)) for _ in range(draws)]


def test_models_whose_errors_hardly_scatter_are_told_apart() -> None:
    for events in judge(rivals(2000, spread=0.005)):
        assert set(events) == {"worse by 0.01", "equal", "better by 0.02", rates.FIRST}


def test_an_equal_model_rarely_passes_where_the_errors_scatter_widely() -> None:
    found = judge(rivals(2000, spread=0.4))

    assert sum("equal" in events for events in found) < len(found) / 4
    assert not any("worse by 0.02" in events for events in found)


def test_a_fifth_of_few_rows_is_not_judged() -> None:
    assert judge(rivals(500, spread=0.02)) == [[rates.NOT_JUDGED]] * 40


@pytest.mark.parametrize(
    ("table", "event", "count", "named"),
    [
        (ALL_ROWS, "worse by 0.02", 11, "at most 1% required"),
        (TENTH, "worse by 0.02", 11, "at most 1% required"),
        (ALL_ROWS, "better by 0.02", 899, "at least 90% required"),
        (ALL_ROWS, "min_auc", 21, "at most 2% required"),
        (BROKEN_LOADS[1], "passes", 1, "at most 0% required"),
    ],
    ids=["worse", "worse-on-few-rows", "better", "bound", "broken-load"],
)
def test_a_rate_beyond_its_goal_is_named(table: str, event: str, count: int, named: str) -> None:
    rate = Rate("red", table, event, count, 1000)

    (line,) = missed([rate])

    assert line == f"red, {table}: {event}: {count} of 1000, {named}"
    assert missed([replace(rate, count=count + (1 if "least" in named else -1))]) == []


def test_the_same_rates_come_back_and_replace_what_the_document_said(tmp_path: Path) -> None:
    found = [Rate(wine, ALL_ROWS, event, 5, 1000) for wine in WINES for event in EVENTS]
    write_csv(tmp_path / "gate.csv", found)
    document = tmp_path / "gate.md"
    document.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")

    write_into(document, read_csv(tmp_path / "gate.csv"))

    text = document.read_text()
    assert read_csv(tmp_path / "gate.csv") == found
    assert text.startswith("before\n\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "old" not in text
    assert "| passes: a model worse by 0.02 | 0.5 % | 0.5 % |" in text


def test_the_committed_figures_are_whole_and_reach_every_goal() -> None:
    found = read_csv(FIGURES)

    tables = (ALL_ROWS, f"{min_rows(EvaluationConfig())} distinct rows", TENTH)
    wanted = {(wine, table, event) for wine in WINES for table in tables for event in EVENTS}
    blocks = [f"{size} consecutive rows" for size in SIZES]
    wanted |= {(wine, block, event) for wine in WINES for block in blocks for event in BLOCK_EVENTS}
    assert {(rate.wine, rate.table, rate.event) for rate in found} == wanted
    assert missed(found) == []


def test_the_document_shows_the_committed_figures() -> None:
    assert markdown(read_csv(FIGURES)) in DOCUMENT.read_text()
