"""Load the wines into the stack's BigQuery, and generate rows that look like next year's."""

from __future__ import annotations

import random
from typing import Any

from google.cloud import bigquery

from deploy.wines.load_data import load_table
from deploy.wines.wine_rows import columns, read_wine
from dev.stack.settings import StackSettings


def new_vintage(wine: str, count: int, seed: int, alcohol: float = 0.0) -> list[dict[str, Any]]:
    """
    Return rows that look like next year's: real ones, with up to one percent of noise on each measurement.

    :param wine: ``white`` or ``red``.
    :param count: number of rows.
    :param seed: seed of the sample.
    :param alcohol: percent by volume that the wines are stronger; their grades stay.
    """
    generator = random.Random(seed)  # noqa: S311
    kinds = columns()
    rows = [
        {
            column: value if kinds[column] is int else round(value * generator.uniform(0.99, 1.01), 6)
            for column, value in row.items()
        }
        for row in generator.sample(read_wine(wine), count)
    ]
    return [row | {"alcohol": round(row["alcohol"] + alcohol, 6)} for row in rows]


def bigquery_client(settings: StackSettings) -> bigquery.Client:
    """Return a client of the stack's project; ``settings.activate()`` must have been called."""
    return bigquery.Client(project=settings.cloud.project)


def load_wine(settings: StackSettings, wine: str) -> str:
    """
    Load one wine into its table unless it was loaded before.

    :return: one line that says what was done.
    """
    client = bigquery_client(settings)
    client.create_dataset(settings.dataset, exists_ok=True)
    return load_table(client, settings.table(wine), read_wine(wine))


def append_vintage(settings: StackSettings, wine: str, count: int, seed: int, alcohol: float = 0.0) -> str:
    """
    Append rows of a new vintage.

    :param alcohol: percent by volume that its wines are stronger.
    :return: one line that says what was done.
    """
    client = bigquery_client(settings)
    table = settings.table(wine)
    rows = new_vintage(wine, count, seed, alcohol)
    config = bigquery.LoadJobConfig(write_disposition="WRITE_APPEND")
    client.load_table_from_json(rows, table, job_config=config).result()
    return f"{table}: {count:,} rows appended, {client.get_table(table).num_rows:,} now"
