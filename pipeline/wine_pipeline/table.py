"""The BigQuery table that a wine's rows are in."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from wine_pipeline.config import WineConfig, check_label
from wine_pipeline.data_contract import query_template

# leaves at least another day in which the same query can be run again: data sets keep two to seven days
_SNAPSHOT_MS = 24 * 3_600_000


class TableError(LookupError):
    """The table to learn from doesn't exist, may not be read, or is a view or the like."""


def read_data_version(project: str, table: str) -> int:
    """
    Return the table's lastModifiedTime in ms since 1970, without scanning a byte.

    https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/get

    :param project: that asks.
    :param table: project.dataset.table.
    :raises TableError: if there is no such table, it may not be read, or it is a view or the like.
    """
    try:
        found = bigquery.Client(project=project).get_table(table)
    except GoogleAPICallError as error:
        raise TableError(f"table {table}: {error.message}") from error
    # a view's lastModifiedTime is its definition's
    if found.table_type != "TABLE":
        raise TableError(f"table {table}: is a {found.table_type}; only a TABLE can be trained on")
    modified = found.modified
    return (modified - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def moment_after(data_version: int) -> int:
    """
    Return the moment at which a table is read as it was after one of its changes.

    A change may have been committed microseconds after the ms that BigQuery tells: a query of that ms itself
    would see the table as it was before, or fail with "Cannot read before" if the change has created it.
    https://cloud.google.com/bigquery/docs/access-historical-data

    :param data_version: the lastModifiedTime of that change in ms since 1970.
    """
    return data_version + 1


def unchanged_since(data_version: int) -> int:
    """
    Return a moment at which a table can still be read as it was after its last change.

    BigQuery keeps two to seven days of history, but a table that has rested for longer held the same rows
    yesterday. https://cloud.google.com/bigquery/docs/time-travel

    :param data_version: the table's present lastModifiedTime in ms since 1970.
    """
    return max(moment_after(data_version), time.time_ns() // 1_000_000 - _SNAPSHOT_MS)


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
