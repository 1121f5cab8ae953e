"""BigQuery tables that can be trained on: those that record when their rows changed, and have time travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertex_mlops.exceptions import DataContractError

if TYPE_CHECKING:
    from google.cloud.bigquery import Table

_TABLE = "TABLE"
# by tables.get's type: why not, and what to do
_PROBLEMS = {
    "VIEW": (
        "is a view, whose lastModifiedTime is that of its definition, and which has no time travel; name the "
        "table that it reads, or write its rows to a table"
    ),
    "MATERIALIZED_VIEW": (
        "is a materialized view, which has no time travel; name the table that it reads, or write its rows "
        "to a table"
    ),
    "EXTERNAL": (
        "is an external table, whose rows BigQuery neither stores nor tracks; load them into a table"
    ),
    "SNAPSHOT": "is a table snapshot, which never changes; name its base table",
}


def check_trainable(table: Table, name: str) -> None:
    """
    Check that a table can be watched for new rows, and read as of a point in time.

    Partitioned and clustered tables and clones can be used, unless they require a partition filter, since
    the query reads every row. ``tables.get`` does not return row access policies, see
    :func:`time_travel_problem`.

    .. seealso::
        https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table (``type``,
        ``requirePartitionFilter``), https://cloud.google.com/bigquery/docs/access-historical-data and
        https://cloud.google.com/bigquery/docs/managing-partitioned-tables#require-filter

    :param table: what ``tables.get`` returned.
    :param name: ``project.dataset.table``, for the message.
    :raises DataContractError: names the table, the problem, and what to do.
    """
    kind = table.table_type
    if kind != _TABLE:
        problem = _PROBLEMS.get(kind, f"has the type {kind}; only tables can be trained on")
        raise DataContractError(f"{name}: {problem}")
    # an older field of the same meaning
    by_time = table.to_api_repr().get("timePartitioning") or {}
    if table.require_partition_filter or by_time.get("requirePartitionFilter"):
        raise DataContractError(
            f"{name}: requires a partition filter, but the training query reads every row; "
            f"run ALTER TABLE `{name}` SET OPTIONS (require_partition_filter = FALSE)"
        )


def time_travel_problem(message: str) -> str | None:
    """
    Describe what to do about a query that BigQuery has forbidden because of row access policies.

    Only the query shows this: ``rowAccessPolicies.list`` needs more permissions than reading the table, and
    does not return policies that were dropped.

    .. seealso::
        https://cloud.google.com/bigquery/docs/time-travel (row-level access); the message is quoted by
        https://fivetran.com/docs/connectors/databases/bigquery/troubleshooting/time-travel-forbidden-error

    :param message: of the error 403.
    :return: the sentence, None if the query was forbidden for another reason.
    """
    if "row access policies" not in message:
        return None
    return (
        "has or has had row access policies, so its past is shown only to accounts with the permission "
        "bigquery.rowAccessPolicies.overrideTimeTravelRestrictions; grant it on the table to the accounts "
        "that check and train, or train on a copy"
    )


def streaming_buffer(table: Table) -> str | None:
    """
    Describe how many rows BigQuery has not written to a table yet.

    .. seealso::
        https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Streamingbuffer

    :param table: what ``tables.get`` returned.
    :return: the sentence, None if there is no such row.
    """
    buffer = table.streaming_buffer
    if buffer is None:
        return None
    return (
        f"{buffer.estimated_rows or 0} rows or more are in its streaming buffer, "
        "and count when BigQuery has written them to the table"
    )
