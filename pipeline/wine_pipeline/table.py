"""The BigQuery table that a wine's rows are in."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from wine_pipeline.config import WineConfig, check_label
from wine_pipeline.data_contract import query_template

# leaves six days in which the same query can be run again
_SNAPSHOT_MS = 24 * 3_600_000


class TableError(LookupError):
    """The table to learn from doesn't exist or may not be read."""


def read_data_version(project: str, table: str) -> int:
    """
    Return the table's lastModifiedTime in ms since 1970, without scanning a byte.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/get

    :param project: that asks.
    :param table: project.dataset.table.
    :raises TableError: if there is no such table, or it may not be read.
    """
    try:
        modified = bigquery.Client(project=project).get_table(table).modified
    except GoogleAPICallError as error:
        raise TableError(f"table {table}: {error.message}") from error
    return (modified - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def unchanged_since(data_version: int) -> int:
    """
    Return a moment at which a table can still be read as it was at its last change.

    BigQuery keeps seven days of history, but a table that has rested for longer held the same rows yesterday.

    :param data_version: the table's present lastModifiedTime in ms since 1970.
    """
    return max(data_version, time.time_ns() // 1_000_000 - _SNAPSHOT_MS)


def pinned_query(config: WineConfig, table: str, snapshot: int) -> str:
    """
    Return the query over the table as it was at one moment.

    :param config: of the wine.
    :param table: project.dataset.table.
    :param snapshot: in ms since 1970.
    """
    return query_template(config).format(table=table, snapshot=snapshot)


def table_label(table: str) -> str:
    """
    Return the table as the value of a label, so that runs on different data can be told apart.

    :param table: project.dataset.table.
    :raises ConfigError: if the data set's or the table's name holds a character that no label may.
    """
    _, dataset, name = table.split(".", 2)
    return check_label("data set and table", f"{dataset}-{name}".lower()[:63])
