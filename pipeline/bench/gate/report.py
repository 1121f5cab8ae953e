"""Writes the rates: a CSV file, and tables in docs/gate.md."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.documents import write_between
from bench.gate.blocks import EVENTS as BLOCK_EVENTS
from bench.gate.rates import BOUNDS, FIRST, NOT_JUDGED, SHIFTS, Rate
from bench.wines import REPOSITORY

DOCUMENT = REPOSITORY / "docs" / "gate.md"
FIGURES = REPOSITORY / "docs" / "bench-gate.csv"

BEGIN = "<!-- measured: written by make bench-gate -->"
END = "<!-- end of what was measured -->"

_WORDS = {
    **{event: f"passes: a model {event}" for event in SHIFTS},
    "equal": "passes: a model that is as good",
    FIRST: "passes: a first model, compared with the majority",
    NOT_JUDGED: "not judged",
    **{bound: f"refused by `{bound}`: a model that is as good" for bound in BOUNDS},
    "judged": "judged",
    "passes": "passes",
    "would pass if judged": "would pass without `min_eval_rows`",
}


def markdown(rates: Sequence[Rate]) -> str:
    """
    Return a table of the rates, and one of the blocks of consecutive rows.

    :param rates: of all wines.
    """
    tables = list(dict.fromkeys(rate.table for rate in rates))
    blocks = [name for name in tables if name.endswith("consecutive rows")]
    others = [name for name in tables if name not in blocks]
    return "\n\n".join(
        (
            _table(rates, others, [*SHIFTS, FIRST, NOT_JUDGED, *BOUNDS], _per_cent),
            _table(rates, blocks, BLOCK_EVENTS, lambda rate: f"{rate.count} of {rate.of}"),
        )
    )


def _per_cent(rate: Rate) -> str:
    return f"{100 * rate.share:.1f} %"


def _table(
    rates: Sequence[Rate], tables: Sequence[str], events: Sequence[str], show: Callable[[Rate], str]
) -> str:
    found = {(rate.wine, rate.table, rate.event): rate for rate in rates}
    wines = list(dict.fromkeys(rate.wine for rate in rates))
    places = [(wine, table) for table in tables for wine in wines]
    head = f"| | {' | '.join(f'{wine}, {table}' for wine, table in places)} |"
    lines = [head, "|---|" + "---:|" * len(places)]
    for event in events:
        cells = [show(found[*place, event]) if (*place, event) in found else "" for place in places]
        lines.append(f"| {_WORDS[event]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def write_into(document: Path, rates: Sequence[Rate]) -> None:
    """
    Replace the text between the marks of a document.

    :param document: Markdown.
    :param rates: of all wines.
    """
    write_between(document, BEGIN, END, markdown(rates))


def write_csv(path: Path, rates: Sequence[Rate]) -> None:
    """
    Write one line per rate.

    :param path: file to write.
    :param rates: of all wines.
    """
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(asdict(rates[0])), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(rate) for rate in rates)


def read_csv(path: Path) -> list[Rate]:
    """
    Return the rates of a file.

    :param path: what :func:`write_csv` wrote.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Rate(row["wine"], row["table"], row["event"], int(row["count"]), int(row["of"]))
            for row in csv.DictReader(stream)
        ]
