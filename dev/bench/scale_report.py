"""The tables of docs/scale.md, made from the measurements."""

from __future__ import annotations

import math
from pathlib import Path

from dev.bench.scale_figures import BEAM_COMPONENTS, Figures

BEGIN = "<!-- measured: written by make bench-scale -->"
END = "<!-- end of what was measured -->"

# From the documents that docs/scale.md cites, not measured here.
DATAFLOW_START_SECONDS = 120
TASK_MEMORY_MIB = 16 * 1024
# No extrapolation reaches further.
FAR = 100_000_000


def markdown(figures: Figures) -> str:
    """Return the measurements and what follows from them as Markdown."""
    return "\n\n".join([_usage_table(figures), _ratio_table(figures), _limits_table(figures)])


def write_into(document: Path, figures: Figures) -> None:
    """Replace the text between the markers of a document."""
    text = document.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{markdown(figures)}\n\n{END}{after}")


def _usage_table(figures: Figures) -> str:
    names = [measurement.name for measurement in figures.measurements]
    rows = [["Component", *(f"{name} rows: seconds (CPU), peak MiB" for name in names)]]
    # the components of the measured pipeline, which may differ from the present ones
    for component in figures.measurements[0].components:
        usages = [measurement.components[component] for measurement in figures.measurements]
        rows.append(
            [
                component,
                *(f"{usage.seconds:.0f} ({usage.cpu_seconds:.0f}), {usage.peak_mib:,}" for usage in usages),
            ]
        )
    rows.append(["**The whole job**", *(f"**{one.seconds:.0f}**" for one in figures.measurements)])
    return _table(rows)


def _ratio_table(figures: Figures) -> str:
    """Return how each size compares with the one before: the figures least affected by a busy machine."""
    pairs = list(zip(figures.measurements, figures.measurements[1:], strict=False))
    rows = [["Ten times the rows take", *(f"{less.name} to {more.name}" for less, more in pairs)]]
    for component in (*BEAM_COMPONENTS, "Trainer"):
        ratios = [
            (
                more.components[component].cpu_seconds / less.components[component].cpu_seconds,
                more.components[component].peak_mib / less.components[component].peak_mib,
            )
            for less, more in pairs
        ]
        rows.append(
            [
                component,
                *(f"{time:.1f} times the processor time, {size:.1f} the memory" for time, size in ratios),
            ]
        )
    return _table(rows)


def _limits_table(figures: Figures) -> str:
    """Return from where on a component can gain: even a Dataflow without work must win back its start."""
    return _table(
        [
            [
                "Component",
                "processor seconds a million rows",
                "Dataflow cannot pay below",
                "16 GiB are full at",
            ],
            *([component, *_limits(figures, (component,), starts=1)] for component in BEAM_COMPONENTS),
            ["All four, as the switch moves them", *_limits(figures, BEAM_COMPONENTS, starts=4)],
            ["Trainer", *_limits(figures, ("Trainer",), starts=0)],
        ]
    )


def _limits(figures: Figures, components: tuple[str, ...], starts: int) -> list[str]:
    """Return the cells of some components, which Dataflow would run in a number of jobs; in none, if 0."""
    slope = sum(figures.cpu_seconds_per_row(component) for component in components)
    even = starts * DATAFLOW_START_SECONDS / slope if slope else math.inf
    full = min(figures.rows_within(component, TASK_MEMORY_MIB) for component in components)
    return [f"{slope * 1e6:.0f}", _rows(even) if starts else "-", _rows(full)]


def _rows(count: float) -> str:
    """Format a number of rows with two significant digits, which is all that an extrapolation is worth."""
    if math.isinf(count):
        return "never"
    if count > FAR:
        return f"more than {FAR / 1e6:.0f} million rows"
    digits = 10 ** max(0, math.floor(math.log10(max(count, 1))) - 1)
    return f"{round(count / digits) * digits / 1e6:,g} million rows"


def _table(rows: list[list[str]]) -> str:
    head, *body = rows
    lines = [head, ["---", *("---:" for _ in head[1:])], *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
