"""The views of a dataset's INFORMATION_SCHEMA that are served, as queries of constants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
from sqlglot import exp

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.sql.partitioning import partition_columns
from localcloud.bigquery.sql.syntax.parse import DIALECT
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.partitions import read_partitions
from localcloud.bigquery.store.types import googlesql_type

_PREFIX = "INFORMATION_SCHEMA."
_TYPES = {"TABLE": "BASE TABLE", "MATERIALIZED_VIEW": "MATERIALIZED VIEW"}
# Source: https://cloud.google.com/bigquery/docs/information-schema-tables#schema
_TABLES = {
    **dict.fromkeys(("table_catalog", "table_schema", "table_name", "table_type"), "STRING"),
    **dict.fromkeys(("is_insertable_into", "is_typed"), "STRING"),
    "creation_time": "TIMESTAMP",
}
# Source: https://cloud.google.com/bigquery/docs/information-schema-columns#schema
_COLUMNS = {
    **dict.fromkeys(("table_catalog", "table_schema", "table_name", "column_name"), "STRING"),
    "ordinal_position": "INT64",
    **dict.fromkeys(("is_nullable", "data_type", "is_hidden", "is_system_defined"), "STRING"),
    "is_partitioning_column": "STRING",
    "clustering_ordinal_position": "INT64",
}
# Source: https://cloud.google.com/bigquery/docs/information-schema-partitions#schema
_PARTITIONS = {
    **dict.fromkeys(("table_catalog", "table_schema", "table_name", "partition_id"), "STRING"),
    **dict.fromkeys(("total_rows", "total_logical_bytes"), "INT64"),
    "last_modified_time": "TIMESTAMP",
    "storage_tier": "STRING",
}


def view_name(node: exp.Table) -> str | None:
    """Return which view of an INFORMATION_SCHEMA a name stands for, such as ``TABLES``; None for a table."""
    name = node.name.upper()
    return name.removeprefix(_PREFIX) if node.db and name.startswith(_PREFIX) else None


def read_view(
    view: str, project: str, tables: list[Table], connection: duckdb.DuckDBPyConnection
) -> exp.Query:
    """
    Return the query that returns the rows of a view.

    :param view: as :func:`view_name` gives it.
    :param tables: those of the dataset.
    :param connection: of the catalog that has them.
    :raises ApiError: 501 for another view.
    """
    if view == "TABLES":
        return _query(_TABLES, [_table(project, table) for table in tables])
    if view == "COLUMNS":
        return _query(_COLUMNS, [row for table in tables for row in _columns(project, table)])
    if view == "PARTITIONS":
        return _query(
            _PARTITIONS, [row for table in tables for row in _partitions(project, table, connection)]
        )
    raise unsupported(f"INFORMATION_SCHEMA.{view}; TABLES, COLUMNS and PARTITIONS of a dataset are served")


def _table(project: str, table: Table) -> list[Any]:
    kind = _TYPES.get(table.kind, table.kind)
    insertable = "YES" if table.kind == "TABLE" else "NO"
    return [project, table.dataset_id, table.table_id, kind, insertable, "NO", table.created]


def _columns(project: str, table: Table) -> Iterator[list[Any]]:
    partitions = {name.lower() for name in partition_columns(table.resource)}
    clusters = [name.lower() for name in (table.resource.get("clustering") or {}).get("fields", [])]
    for position, field in enumerate(table.current.fields, start=1):
        name = field["name"].lower()
        yield [
            *(project, table.dataset_id, table.table_id, field["name"], position),
            *(_yes(field["mode"] != "REQUIRED"), googlesql_type(field), "NO", "NO"),
            *(_yes(name in partitions), clusters.index(name) + 1 if name in clusters else None),
        ]


def _partitions(project: str, table: Table, connection: duckdb.DuckDBPyConnection) -> Iterator[list[Any]]:
    for part in read_partitions(connection, table):
        yield [
            *(project, table.dataset_id, table.table_id, part.partition_id, part.rows, part.size),
            *(part.modified, "ACTIVE"),
        ]


def _yes(true: bool) -> str:
    return "YES" if true else "NO"


def _query(columns: dict[str, str], rows: list[list[Any]]) -> exp.Query:
    selects = [_select(columns, row) for row in rows]
    if not selects:
        return _select(columns, [None] * len(columns)).where(exp.false())
    return exp.union(*selects, distinct=False) if len(selects) > 1 else selects[0]


def _select(columns: dict[str, str], row: list[Any]) -> exp.Select:
    values = zip(columns.items(), row, strict=True)
    return exp.select(*(exp.alias_(_value(value, kind), name) for (name, kind), value in values))


def _value(value: Any, kind: str) -> exp.Expr:
    if value is not None and kind == "TIMESTAMP":
        return exp.UnixToTime(this=exp.Literal.number(value), scale=exp.Literal.number(6))
    return exp.cast(exp.convert(value), kind, dialect=DIALECT)
