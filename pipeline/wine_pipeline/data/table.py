"""The BigQuery table with the rows of a wine."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery
from vertex_mlops.contract.checks import ROW_COUNT, check_query
from vertex_mlops.contract.names import training_labels
from vertex_mlops.contract.snapshots import snapshot_time

from wine_pipeline.config import WineConfig, check_label
from wine_pipeline.data.data_contract import build_data_contract, query_template


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


def unchanged_since(data_version: int) -> int:
    """
    Return a moment, in ms since 1970, at which a table can still be read as it was after its last change.

    :param data_version: the table's present lastModifiedTime in ms since 1970.
    """
    return moment_of(data_version, data_version)


def moment_of(data_version: int, modified: int) -> int:
    """
    Return a moment, in ms since 1970, at which a table shows one of its states.

    :param data_version: the lastModifiedTime of that state in ms since 1970.
    :param modified: the present one.
    """
    return snapshot_time(data_version, modified=modified, now=time.time_ns() // 1_000_000)


def pinned_query(config: WineConfig, table: str, snapshot: int) -> str:
    """
    Return the query over the table as it was at one moment.

    :param config: of the wine.
    :param table: project.dataset.table.
    :param snapshot: in ms since 1970.
    """
    return query_template(config).format(table=table, snapshot=snapshot)


def count_rows(project: str, config: WineConfig, table: str, snapshot: int) -> int:
    """
    Return how many rows a table had at one moment, as the data check of the DAG counts them.

    :param project: that asks.
    :param config: of the wine.
    :param table: project.dataset.table.
    :param snapshot: in ms since 1970.
    :raises TableError: if it cannot be asked.
    """
    query = check_query(build_data_contract(config), (), table, snapshot)
    try:
        (row,) = bigquery.Client(project=project).query_and_wait(query)
    except GoogleAPICallError as error:
        raise TableError(f"table {table}: {error.message}") from error
    return int(row[ROW_COUNT])


def job_labels(config: WineConfig, table: str) -> dict[str, str]:
    """
    Return the labels by which DAGs find what was made from a table.

    :param config: of the wine.
    :param table: project.dataset.table.
    :raises ConfigError: if the data set's or the table's name holds a character that no label may.
    """
    _, dataset, name = table.split(".", 2)
    labels = training_labels(dataset, name, wine=config.wine)
    check_label("data set and table", labels["table"])
    return labels
