"""Enlarged wine tables: copies of the real rows with noise."""

from __future__ import annotations

import csv
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from deploy.wines.wine_rows import columns, read_wine
from dev.demo.wine_data import bigquery_client
from dev.stack.settings import StackSettings

NOISE = 0.01


def grow(rows: list[dict[str, Any]], factor: int, seed: int) -> Iterator[dict[str, Any]]:
    """
    Return the rows, then ``factor - 1`` copies with up to one percent of noise on each measurement.

    The grade stays. A copy differs from its original, and so has a hash, and a side of the split, of its own.

    :param rows: the real ones.
    :param factor: how many times as many to give.
    :param seed: of the noise.
    """
    generator = random.Random(seed)  # noqa: S311
    yield from rows
    for _ in range(factor - 1):
        for row in rows:
            yield {
                column: value
                if isinstance(value, int)
                else round(value * generator.uniform(1 - NOISE, 1 + NOISE), 6)
                for column, value in row.items()
            }


def grown_wine(factor: int) -> str:
    """Return the name under which the pipeline knows the grown table."""
    return f"x{factor}"


def load_grown(settings: StackSettings, factor: int) -> int:
    """
    Load red and white wines together, grown, into the table of :func:`grown_wine`.

    :param factor: 1 for the 6,497 real rows.
    :return: how many rows the table has.
    """
    client = bigquery_client(settings)
    client.create_dataset(settings.dataset, exists_ok=True)
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.CSV,
        schema=[
            bigquery.SchemaField(column, "INTEGER" if kind is int else "FLOAT")
            for column, kind in columns().items()
        ],
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
    )
    table = settings.table(grown_wine(factor))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", newline="") as text:
            writer = csv.DictWriter(text, fieldnames=list(columns()))
            writer.writerows(grow([*read_wine("white"), *read_wine("red")], factor, seed=factor))
        with path.open("rb") as file:
            client.load_table_from_file(file, table, job_config=config).result()
    return int(client.get_table(table).num_rows or 0)
