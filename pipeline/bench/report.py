"""Writes the figures: a CSV file, a table in a document, and a plot."""

from __future__ import annotations

import csv
from dataclasses import asdict, fields
from pathlib import Path

import matplotlib as mpl  # type: ignore[import-not-found]

from bench.bars import BARS, PAPER
from bench.documents import write_between
from bench.learners import BLEND, LEARNERS
from bench.measures import Figures, Result

mpl.use("svg")
# the same figures give the same bytes
mpl.rcParams["svg.hashsalt"] = "bench-model"

from matplotlib import pyplot as plt  # noqa: E402

BEGIN = "<!-- measured: written by make bench-model -->"
END = "<!-- end of what was measured -->"
# Colours that readers with a colour vision deficiency can tell apart (Okabe and Ito).
_OURS, _OTHERS = "#D55E00", "#0072B2"


def markdown(results: list[Result]) -> str:
    """
    Return one table per wine and protocol.

    :param results: in the order in which they were measured.
    """
    parts = dict.fromkeys((result.wine, result.protocol) for result in results)
    return "\n\n".join(_part(results, *part) for part in parts)


def _part(results: list[Result], wine: str, protocol: str) -> str:
    chosen = [result for result in results if (result.wine, result.protocol) == (wine, protocol)]
    title = f"**{wine.capitalize()}, {'protocol of the paper' if protocol == 'paper' else protocol}**"
    head = "| | MAD | within 0.25 | within 0.5 | within 1 | kappa | AUC | seconds per fit |"
    lines = [f"{title} ({chosen[0].rows:,} rows)", "", head, "|---|" + "---:|" * 7]
    lines += [_line(result) for result in chosen]
    bar = BARS[wine, protocol]
    lines.append(f"| *required of the pipeline* | {bar.mad} | | {bar.accuracy_05} | | | | 60 |")
    if protocol == "paper":
        lines.append(f"| *SVM of the paper* | {PAPER[wine].mad} | | {PAPER[wine].accuracy_05} | | | | |")
    return "\n".join(lines)


def _line(result: Result) -> str:
    figures = result.figures
    seconds = f"{result.seconds:.1f}"
    if result.transform_seconds:
        seconds += f" + {result.transform_seconds:.1f}"
    cells = [
        f"**{result.learner}**" if result.learner == BLEND else result.learner,
        f"{figures.mad:.3f} ± {result.mad_spread:.3f}",
        f"{figures.accuracy_025:.1f}",
        f"{figures.accuracy_05:.1f} ± {result.accuracy_05_spread:.1f}",
        f"{figures.accuracy_1:.1f}",
        f"{figures.kappa:.1f}",
        f"{figures.auc:.3f}",
        seconds,
    ]
    return f"| {' | '.join(cells)} |"


def write_into(document: Path, results: list[Result]) -> None:
    """
    Replace the text between the marks of a document.

    :param document: Markdown.
    :param results: of the bench.
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
        return [_result(row) for row in csv.DictReader(stream)]


def write_csv(path: Path, results: list[Result]) -> None:
    """
    Write one line per result, those of one wine and protocol together.

    :param path: file to write.
    :param results: in any order.
    """
    learners = list(LEARNERS)
    ordered = sorted(
        results, key=lambda one: (one.wine, one.protocol != "paper", learners.index(one.learner))
    )
    rows = [_flat(result) for result in ordered]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _flat(result: Result) -> dict[str, str]:
    values = asdict(result)
    values |= values.pop("figures")
    return {
        name: f"{value:.4f}" if isinstance(value, float) else str(value) for name, value in values.items()
    }


def _result(row: dict[str, str]) -> Result:
    figures = Figures(**{one.name: float(row.pop(one.name)) for one in fields(Figures)})
    words = {name: row.pop(name) for name in ("wine", "protocol", "learner")}
    counts = {name: int(row.pop(name)) for name in ("rows", "repetitions")}
    return Result(figures=figures, **words, **counts, **{name: float(value) for name, value in row.items()})  # type: ignore[arg-type]


def plot(path: Path, results: list[Result]) -> None:
    """
    Plot MAD and accuracy of each learner, next to the goals.

    :param path: SVG to write.
    :param results: of the bench.
    """
    parts = list(dict.fromkeys((result.wine, result.protocol) for result in results))
    figure, axes = plt.subplots(
        2, len(parts), figsize=(3 * len(parts), 5), sharey=True, squeeze=False, layout="constrained"
    )
    for column, part in enumerate(parts):
        chosen = {result.learner: result for result in results if (result.wine, result.protocol) == part}
        bar = BARS[part]
        mads = {name: (one.figures.mad, one.mad_spread) for name, one in chosen.items()}
        near = {name: (one.figures.accuracy_05, one.accuracy_05_spread) for name, one in chosen.items()}
        _draw(axes[0, column], mads, bar.mad, "MAD (less is better)")
        _draw(axes[1, column], near, bar.accuracy_05, "% within 0.5 (more is better)")
        axes[0, column].set_title(", ".join(part))
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw(axes: plt.Axes, values: dict[str, tuple[float, float]], bar: float, label: str) -> None:
    names = [name for name in LEARNERS if name in values]
    for name in names:
        value, spread = values[name]
        colour = _OURS if name == BLEND else _OTHERS
        axes.errorbar(value, name, xerr=spread, fmt="o", color=colour, capsize=3)
    axes.axvline(bar, color="grey", linestyle="--", linewidth=1)
    axes.set_xlabel(label)
    axes.grid(visible=True, axis="x", alpha=0.3)
