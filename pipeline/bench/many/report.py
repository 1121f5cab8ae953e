"""Writes the figures of many rows: a CSV file, and a table in docs/model.md."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.documents import write_between
from bench.learners import BLEND
from bench.wines import REPOSITORY

TABLE = REPOSITORY / "docs" / "bench-many.csv"

BEGIN = "<!-- many rows: written by make bench-model ROWS= -->"
END = "<!-- end of many rows -->"

TEACHER = "the teacher's own distributions"
# how much worse than the better of the others the model may be
MARGIN = 0.01


@dataclass(frozen=True)
class Result:
    """
    One learner on one number of rows.

    :param rows: learnt from.
    :param learner: its name.
    :param mad: mean absolute deviation of the grade on other rows.
    :param cpu_seconds: processor time of learning and of the answers.
    """

    rows: int
    learner: str
    mad: float
    cpu_seconds: float


def missed(results: Sequence[Result]) -> list[str]:
    """
    Return a line if the model is further behind the better of the others than it may be.

    :param results: of one number of rows.
    """
    mads = {result.learner: result.mad for result in results if result.learner != TEACHER}
    ours = mads.pop(BLEND)
    most = (1 + MARGIN) * min(mads.values())
    return [f"{results[0].rows:,} rows: MAD {ours:.4f}, at most {most:.4f} asked"] if ours > most else []


def markdown(results: Sequence[Result]) -> str:
    """
    Return a table, one line for each learner and one column for each number of rows.

    :param results: of all numbers of rows.
    """
    sizes = sorted({result.rows for result in results})
    found = {(result.learner, result.rows): result for result in results}
    lines = [f"| MAD (processor seconds) | {' | '.join(f'{rows:,} rows' for rows in sizes)} |"]
    lines.append("|---|" + "---:|" * len(sizes))
    for learner in dict.fromkeys(result.learner for result in results):
        cells = [_cell(found.get((learner, rows))) for rows in sizes]
        name = f"**{learner}**" if learner == BLEND else learner
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(result: Result | None) -> str:
    if result is None:
        return ""
    return f"{result.mad:.4f} ({result.cpu_seconds:.0f})" if result.cpu_seconds else f"{result.mad:.4f}"


def write_into(document: Path, results: Sequence[Result]) -> None:
    """
    Replace the text between the marks of a document.

    :param document: Markdown.
    :param results: of all numbers of rows.
    """
    write_between(document, BEGIN, END, markdown(results))


def read_csv(path: Path) -> list[Result]:
    """
    Return the results of a file, none if it isn't there.

    :param path: what :func:`write_csv` wrote.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Result(int(row["rows"]), row["learner"], float(row["mad"]), float(row["cpu_seconds"]))
            for row in csv.DictReader(stream)
        ]


def write_csv(path: Path, results: Sequence[Result]) -> None:
    """
    Write one line per result, few rows first.

    :param path: file to write.
    :param results: in any order.
    """
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["rows", "learner", "mad", "cpu_seconds"], lineterminator="\n")
        writer.writeheader()
        for result in sorted(results, key=lambda one: one.rows):
            row = asdict(result)
            writer.writerow(row | {name: f"{row[name]:.4f}" for name in ("mad", "cpu_seconds")})
