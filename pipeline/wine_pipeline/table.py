"""The BigQuery table that a wine's rows are in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import bigquery

from wine_pipeline.config import WineConfig, check_label
from wine_pipeline.data_contract import query_template


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


def pinned_query(config: WineConfig, table: str, data_version: int) -> str:
    """
    Return the query over one version of the table.

    :param config: of the wine.
    :param table: project.dataset.table.
    :param data_version: lastModifiedTime in ms.
    """
    return query_template(config).format(table=table, data_version=data_version)


def table_label(table: str) -> str:
    """
    Return the table as the value of a label, so that runs on different data can be told apart.

    :param table: project.dataset.table.
    :raises ConfigError: if the data set's or the table's name holds a character that no label may.
    """
    _, dataset, name = table.split(".", 2)
    return check_label("data set and table", f"{dataset}-{name}".lower()[:63])
