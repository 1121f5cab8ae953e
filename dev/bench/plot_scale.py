"""Plots the measurements of ``make bench-scale``; the pipeline environment runs it, it has Matplotlib."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found]

mpl.use("svg")
# the same measurements give the same bytes
mpl.rcParams["svg.hashsalt"] = "scale"

from matplotlib import pyplot as plt  # noqa: E402

# Colours that readers with a colour vision deficiency can tell apart (Okabe and Ito), and a shape each.
STYLES = {
    "BigQueryExampleGen": ("#0072B2", "o"),
    "StatisticsGen": ("#009E73", "s"),
    "Transform": ("#D55E00", "^"),
    "Trainer": ("#000000", "D"),
    "Evaluator": ("#CC79A7", "v"),
}
# what docs/scale.md takes from documents
TASK_MEMORY_GIB = 16
DATAFLOW_START_SECONDS = 120


def plot(measurements: list[dict[str, Any]], output: Path) -> None:
    """
    Draw seconds and memory over rows, one line a component.

    :param measurements: as ``docs/scale-measurements.json`` has them.
    :param output: SVG to write.
    """
    figure, (times, sizes) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    rows = [measurement["rows"] for measurement in measurements]
    for component, (colour, marker) in STYLES.items():
        usages = [measurement["components"][component] for measurement in measurements]
        style = {"color": colour, "marker": marker, "label": component}
        times.plot(rows, [usage["seconds"] for usage in usages], **style)
        times.plot(rows, [usage["cpu_seconds"] for usage in usages], color=colour, linestyle=":")
        sizes.plot(rows, [usage["peak_mib"] / 1024 for usage in usages], **style)
    limits = (
        (times, DATAFLOW_START_SECONDS, "start of one Dataflow job"),
        (sizes, TASK_MEMORY_GIB, "memory of a task on Vertex AI"),
    )
    for axes, limit, text in limits:
        axes.axhline(limit, color="grey", linestyle="--", linewidth=1)
        axes.text(rows[0], limit, text, va="top", color="dimgrey", fontsize="small")
    times.set(title="Seconds (dotted: of processor time)", yscale="log")
    sizes.set(title="Peak memory in GiB", ylim=(0, TASK_MEMORY_GIB * 1.15))
    for axes in (times, sizes):
        axes.set(xlabel="rows", xscale="log", xticks=rows, xticklabels=[f"{row:,}" for row in rows])
        axes.minorticks_off()
        axes.grid(visible=True, alpha=0.3)
    times.legend(fontsize="small")
    figure.savefig(output, metadata={"Date": None})


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    plot(json.loads(source.read_text())["measurements"], target)
