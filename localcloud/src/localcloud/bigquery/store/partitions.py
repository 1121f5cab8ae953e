"""The partitions that a table has: their ids, rows and bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb

from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.rows import CLOSED, FOREVER, OPENED, committed
from localcloud.bigquery.store.types import Field, quote, size_of

# the meta-table of a table's partitions, which the client library's list_partitions reads
SUMMARY = "$__PARTITIONS_SUMMARY__"
SUMMARY_FIELDS: list[Field] = [
    {"name": name, "type": kind, "mode": "NULLABLE"}
    for name, kind in (
        *(("project_id", "STRING"), ("dataset_id", "STRING"), ("table_id", "STRING")),
        *(("partition_id", "STRING"), ("creation_time", "INTEGER"), ("creation_timestamp", "TIMESTAMP")),
        *(("last_modified_time", "INTEGER"), ("last_modified_timestamp", "TIMESTAMP")),
    )
]
_NULL, _UNPARTITIONED = "'__NULL__'", "'__UNPARTITIONED__'"
_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}


class Partition(NamedTuple):
    """
    One partition; times are µs since the epoch.

    :param partition_id: such as ``20261130``; None for all of a table that has no partitions.
    :param size: bytes as BigQuery bills them.
    """

    partition_id: str | None
    rows: int
    size: int
    created: int
    modified: int


def read_partitions(connection: duckdb.DuckDBPyConnection, table: Table) -> list[Partition]:
    """
    Return the partitions that have rows, by id; of a table without partitions the whole as one.

    Source: https://cloud.google.com/bigquery/docs/information-schema-partitions and, of the ids,
    https://cloud.google.com/bigquery/docs/managing-partitioned-tables#get_partition_metadata

    :param connection: of the catalog that has the table.
    :param table: what is no view; a view has none.
    """
    if table.kind not in ("TABLE", "SNAPSHOT"):
        return []
    fields = table.current.fields
    size = " + ".join(
        f"CASE WHEN {quote(field['name'])} IS NOT NULL THEN {size_of(field)} ELSE 0 END" for field in fields
    )
    size = size or "0"
    partition_id = _partition_id(table.resource)
    if partition_id is None:
        totals = f"SELECT count(*), COALESCE(SUM({size}), 0) FROM {committed(table).source}"  # noqa: S608
        rows, total = connection.execute(totals).fetchall()[0]
        return [Partition(None, int(rows), int(total), table.created, table.modified)]
    buffered = f"CASE WHEN {OPENED} > {table.modified} THEN {_UNPARTITIONED} ELSE {partition_id} END"
    written = f"CASE WHEN {CLOSED} = {FOREVER} THEN {OPENED} ELSE {CLOSED} END"
    is_there = f"{OPENED} <= {table.latest} AND {table.latest} < {CLOSED}"
    found = connection.execute(
        f"SELECT {buffered} AS id, COUNT(*) FILTER ({is_there}), "  # noqa: S608
        f"COALESCE(SUM({size}) FILTER ({is_there}), 0), MIN({OPENED}), MAX({written}) "
        f"FROM data.{table.current.storage} GROUP BY id HAVING COUNT(*) FILTER ({is_there}) > 0 ORDER BY id"
    ).fetchall()
    return [Partition(row[0], *map(int, row[1:])) for row in found]


def summary_rows(project: str, table: Table, partitions: list[Partition]) -> list[tuple[Any, ...]]:
    """
    Return the rows of a table's meta-table, with the columns of ``SUMMARY_FIELDS``.

    Source: https://cloud.google.com/bigquery/docs/creating-partitioned-tables#getting_partition_metadata_using_meta_tables

    :param partitions: as :func:`read_partitions` gives them.
    """
    return [
        (
            *(project, table.dataset_id, table.table_id, part.partition_id),
            *(part.created // 1000, part.created, part.modified // 1000, part.modified),
        )
        for part in partitions
    ]


def _partition_id(resource: dict[str, Any]) -> str | None:
    """Return the DuckDB SQL of the id of a row's partition; None for a table that has no partitions."""
    if "rangePartitioning" in resource:
        name, bounds = quote(resource["rangePartitioning"]["field"]), resource["rangePartitioning"]["range"]
        start, end, interval = (int(bounds[key]) for key in ("start", "end", "interval"))
        first = f"CAST({start} + (({name} - {start}) // {interval}) * {interval} AS VARCHAR)"
        outside = f"WHEN {name} < {start} OR {name} >= {end} THEN {_UNPARTITIONED}"
        return f"CASE WHEN {name} IS NULL THEN {_NULL} {outside} ELSE {first} END"
    time = resource.get("timePartitioning")
    if time is None:
        return None
    moment = f"CAST({quote(time['field'])} AS TIMESTAMP)" if "field" in time else f"make_timestamp({OPENED})"
    return f"COALESCE(strftime({moment}, '{_FORMATS[time['type']]}'), {_NULL})"
