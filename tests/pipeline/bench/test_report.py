"""What the bench writes, and when it fails."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from bench.__main__ import DOCUMENT, PROTOCOLS, TABLE, WINES, main
from bench.bars import BARS, missed
from bench.learners import BLEND, LEARNERS
from bench.measures import Figures, Result
from bench.report import BEGIN, END, markdown, plot, read_csv, write_csv, write_into


def result(**values: float) -> Result:
    figures = Figures(mad=0.39, accuracy_025=55, accuracy_05=70, accuracy_1=90, kappa=50, auc=0.9)
    return Result(
        *("red", "paper", BLEND, 1599, 3),
        figures=replace(figures, **values),
        mad_spread=0.002,
        accuracy_05_spread=0.3,
        seconds=0.4,
        transform_seconds=5.0,
    )


def test_a_result_at_its_bar_misses_nothing() -> None:
    bar = BARS["red", "paper"]

    assert missed(result(mad=bar.mad, accuracy_05=bar.accuracy_05)) == []


@pytest.mark.parametrize(
    ("worse", "named"),
    [
        (result(mad=0.42), "MAD 0.420"),
        (result(accuracy_05=67.9), "67.9 % within 0.5"),
        (replace(result(), seconds=58), "63 s per fit"),
    ],
)
def test_a_result_beyond_a_bar_is_named(worse: Result, named: str) -> None:
    (line,) = missed(worse)

    assert line.startswith(f"red, paper: {named}")


def test_the_tables_replace_what_the_document_said_and_nothing_else(tmp_path: Path) -> None:
    document = tmp_path / "model.md"
    document.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")

    write_into(document, [result()])

    text = document.read_text()
    assert text.startswith("before\n\n")
    assert text.endswith(f"{END}\n\nafter\n")
    assert "old" not in text
    assert "| 0.390 ± 0.002 |" in text
    assert "0.4 + 5.0 |" in text


def test_the_same_figures_give_the_same_files(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        write_csv(tmp_path / folder / "bench.csv", [result()])
        plot(tmp_path / folder / "bench.svg", [result()])

    for name in ("bench.csv", "bench.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    with (tmp_path / "one" / "bench.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert (row["learner"], row["mad"], row["rows"]) == (BLEND, "0.3900", "1599")


def test_a_part_is_measured_alone_and_takes_its_place_among_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = result()
    outdated = replace(other, protocol="leak-free", learner="linear regression", rows=1)
    for name, file in {"DOCUMENT": "model.md", "TABLE": "bench.csv", "PLOT": "bench.svg"}.items():
        monkeypatch.setattr(f"bench.__main__.{name}", tmp_path / file)
    (tmp_path / "model.md").write_text(f"{BEGIN}{END}")
    write_csv(tmp_path / "bench.csv", [other, outdated])

    code = main(["--wine=red", "--protocol=leak-free", "--learner=linear regression"])

    assert code == 0
    assert "repetition 3, fold 5" in capsys.readouterr().out
    first, second = read_csv(tmp_path / "bench.csv")
    assert first == other
    assert (second.learner, second.rows) == ("linear regression", 1359)
    assert "| linear regression | 0.5" in (tmp_path / "model.md").read_text()
    assert (tmp_path / "bench.svg").stat().st_size > 0


def test_the_committed_figures_are_whole_and_reach_every_bar() -> None:
    with TABLE.open() as stream:
        rows = list(csv.DictReader(stream))

    assert {(row["wine"], row["protocol"], row["learner"]) for row in rows} == {
        (wine, protocol, learner) for wine in WINES for protocol in PROTOCOLS for learner in LEARNERS
    }
    for row in rows:
        if row["learner"] == BLEND:
            bar = BARS[row["wine"], row["protocol"]]
            assert float(row["mad"]) <= bar.mad
            assert float(row["accuracy_05"]) >= bar.accuracy_05


def test_the_document_shows_the_committed_figures() -> None:
    text = DOCUMENT.read_text()
    with TABLE.open() as stream:
        rows = list(csv.DictReader(stream))

    for row in rows:
        assert f"| {float(row['mad']):.3f} ± {float(row['mad_spread']):.3f} |" in text
    assert markdown([result()]).count("\n") == 6
