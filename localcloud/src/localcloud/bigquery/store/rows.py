"""The rows of a table and their history: a change closes rows and opens others, and removes none."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from localcloud.bigquery.errors import failure
from localcloud.bigquery.store.catalog import DEFAULT_TIME_TRAVEL_HOURS, Catalog, Table, Version, now_us
from localcloud.bigquery.store.types import Field, arrow_schema, duckdb_type, quote, size_of

# BigQuery reserves the prefix __ROOT__, so no column of a user can have these names.
OPENED = '"__ROOT__opened"'
CLOSED = '"__ROOT__closed"'
FOREVER = 2**63 - 1
_US_PER_HOUR = 3_600_000_000
_US_PER_MS = 1000


@dataclass(frozen=True)
class Snapshot:
    """A table as it was at one time (µs)."""

    table: Table
    version: Version
    at: int

    @property
    def fields(self) -> list[Field]:
        """Return the columns at that time."""
        return self.version.fields

    @property
    def source(self) -> str:
        """Return the FROM and WHERE clauses that select its rows."""
        return f"data.{self.version.storage} WHERE {OPENED} <= {self.at} AND {self.at} < {CLOSED}"


def snapshot(table: Table, at: int | None = None, hours: int = DEFAULT_TIME_TRAVEL_HOURS) -> Snapshot:
    """
    Return a table as it is, rows in the streaming buffer included, or as it was.

    Source: https://cloud.google.com/bigquery/docs/access-historical-data

    :param at: µs since the epoch; now if None.
    :param hours: how far back its dataset lets it be read.
    :raises ApiError: 400 for a time before the table, before what time travel reaches, or to come.
    """
    if at is None:
        return Snapshot(table, table.current, table.latest)
    # whoever has seen a change may ask for the millisecond that ends after it
    now = max(now_us(), table.latest + _US_PER_MS)
    earliest = max(table.created, now - hours * _US_PER_HOUR)
    asked = at // _US_PER_MS
    problem = f"Invalid snapshot time {asked} for Table {table.dataset_id}.{table.table_id}@{asked}."
    if at < earliest:
        raise failure("invalid", f"{problem} Cannot read before {-(-earliest // _US_PER_MS)}.")
    if at > now:
        raise failure("invalid", f"{problem} It is in the future.")
    return Snapshot(table, table.version_at(at), at)


def committed(table: Table) -> Snapshot:
    """Return a table as it was at its last commit: without the rows in the streaming buffer."""
    return Snapshot(table, table.version_at(table.modified), table.modified)


def next_time(table: Table | None = None) -> int:
    """
    Return the time (µs) of a change that begins now: in a later millisecond than every change before it.

    It is never a full millisecond, so that ``lastModifiedTime``, which is cut to milliseconds, lies before
    the commit: the strict reading of what BigQuery's documentation leaves open.

    :param table: what is changed; None for what is made.
    """
    after = (table.latest // _US_PER_MS + 1) * _US_PER_MS if table else 0
    at = max(now_us(), after)
    return at if at % _US_PER_MS else at + 1


class Rows:
    """
    Changes and reads rows; the caller keeps the transaction.

    :param catalog: where the tables are listed.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._connection = catalog.connection

    def new_version(self, since: int, fields: list[Field]) -> Version:
        """Create an empty store of rows."""
        storage = f"rows_{uuid.uuid4().hex}"
        columns = "".join(f"{quote(field['name'])} {duckdb_type(field)}, " for field in fields)
        self._connection.execute(f"CREATE TABLE data.{storage} ({columns}{OPENED} BIGINT, {CLOSED} BIGINT)")
        return Version(since, storage, fields)

    def change_schema(self, table: Table, fields: list[Field], at: int) -> None:
        """Return a table a schema that has all columns of the old one, and maybe more."""
        present = {field["name"].lower() for field in table.current.fields}
        for field in fields:
            if field["name"].lower() not in present:
                column = f"{quote(field['name'])} {duckdb_type(field)}"
                self._connection.execute(f"ALTER TABLE data.{table.current.storage} ADD COLUMN {column}")
        table.versions.append(Version(at, table.current.storage, fields))

    def replace(self, table: Table, fields: list[Field], at: int) -> None:
        """Empty a table and set its schema; earlier versions keep theirs."""
        table.versions.append(self.new_version(at, fields))

    def append_query(self, table: Table, sql: str, names: Sequence[str], at: int) -> int:
        """
        Add the rows of a query.

        :param sql: DuckDB SQL whose columns are ``names`` in that order.
        :return: how many rows.
        :raises ApiError: 400 for a NULL in a REQUIRED column.
        """
        targets = "".join(f"{quote(name)}, " for name in names)
        inner = ", ".join(f"c{index}" for index in range(len(names)))
        columns = self._casts(table, names)
        insert = (
            f"INSERT INTO data.{table.current.storage} ({targets}{OPENED}, {CLOSED}) "  # noqa: S608
            f"SELECT {columns}{at}, {FOREVER} FROM ({sql}) AS q({inner})"
        )
        count = self._connection.execute(insert).fetchall()[0][0]
        self._check_nulls(table, at)
        return int(count)

    def _casts(self, table: Table, names: Sequence[str]) -> str:
        types = {field["name"].lower(): duckdb_type(field) for field in table.current.fields}
        return "".join(f"CAST(c{index} AS {types[name.lower()]}), " for index, name in enumerate(names))

    def append_arrow(self, table: Table, data: pa.Table, at: int) -> int:
        """
        Add rows that were read from a file or sent by a client.

        :param data: columns by the names of the table's; absent ones become NULL.
        :return: how many rows.
        """
        if data.num_rows == 0:
            return 0
        self._connection.register("incoming", data)
        try:
            names = ", ".join(quote(name) for name in data.column_names)
            return self.append_query(table, f"SELECT {names} FROM incoming", data.column_names, at)  # noqa: S608
        finally:
            self._connection.unregister("incoming")

    def _check_nulls(self, table: Table, at: int) -> None:
        for field in table.current.fields:
            name = quote(field["name"])
            if field["mode"] == "REQUIRED" and self._any(table, at, f"{name} IS NULL"):
                raise failure("invalid", f"Required field {field['name']} cannot be null")
            # https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls
            if field["mode"] == "REPEATED" and self._any(table, at, f"len({name}) <> list_count({name})"):
                message = f"Array cannot have a null element; error in writing field {field['name']}"
                raise failure("invalidQuery", message)

    def _any(self, table: Table, at: int, condition: str) -> bool:
        sql = (
            f"SELECT count(*) FROM data.{table.current.storage} "  # noqa: S608
            f"WHERE {OPENED} = {at} AND {condition}"
        )
        return bool(self._connection.execute(sql).fetchall()[0][0])

    def close(self, table: Table, condition: str, at: int) -> int:
        """
        Remove rows from the present, keeping them in the past.

        :param condition: DuckDB SQL over the store's columns.
        :return: how many rows.
        """
        sql = (
            f"UPDATE data.{table.current.storage} SET {CLOSED} = {at} "  # noqa: S608
            f"WHERE {CLOSED} = {FOREVER} AND ({condition})"
        )
        return int(self._connection.execute(sql).fetchall()[0][0])

    def measure(self, part: Snapshot) -> tuple[int, dict[str, int]]:
        """Return the number of rows, and for each column its bytes as BigQuery bills them."""
        names = [quote(field["name"]) for field in part.fields]
        sizes = [size_of(field) for field in part.fields]
        sums = "".join(
            f", COALESCE(SUM(CASE WHEN {name} IS NOT NULL THEN {size} END), 0)"
            for name, size in zip(names, sizes, strict=True)
        )
        row = self._connection.execute(f"SELECT count(*){sums} FROM {part.source}").fetchall()[0]  # noqa: S608
        by_column = {
            field["name"].lower(): int(value) for field, value in zip(part.fields, row[1:], strict=True)
        }
        return int(row[0]), by_column

    def count(self, part: Snapshot) -> int:
        """Return the number of rows."""
        return int(self._connection.execute(f"SELECT count(*) FROM {part.source}").fetchall()[0][0])  # noqa: S608

    def select(self, part: Snapshot, columns: str, offset: int = 0, limit: int | None = None) -> Any:
        """
        Read rows in the order in which they came.

        :param columns: the SELECT list.
        :param limit: at most so many rows; all if None.
        :return: DuckDB's result, to fetch from.
        """
        page = f"LIMIT {limit} OFFSET {offset}" if limit is not None else f"OFFSET {offset}"
        return self._connection.execute(f"SELECT {columns} FROM {part.source} ORDER BY rowid {page}")  # noqa: S608

    def arrow(self, part: Snapshot, condition: str = "true", offset: int = 0) -> pa.Table:
        """
        Read rows as Arrow, in the order in which they came, with the table's types.

        :param condition: DuckDB SQL over the store's columns that chooses the rows; all rows by default.
        :param offset: how many of the chosen rows are left out at the beginning.
        """
        columns = ", ".join(_whole(field) for field in part.fields) or "1"
        result: duckdb.DuckDBPyConnection = self._connection.execute(
            f"SELECT {columns} FROM {part.source} AND ({condition}) ORDER BY rowid OFFSET {offset}"  # noqa: S608
        )
        return result.to_arrow_table().cast(arrow_schema(part.fields))

    def row_ids(self, part: Snapshot) -> npt.NDArray[np.int64]:
        """Return the ids of all rows, in the order in which they came."""
        found = self._connection.execute(f"SELECT rowid AS id FROM {part.source} ORDER BY id").fetchnumpy()  # noqa: S608
        ids: npt.NDArray[np.int64] = found["id"]
        return ids

    def purge(self) -> None:
        """Delete rows that time travel can no longer reach."""
        for dataset in self._catalog.datasets():
            oldest = now_us() - dataset.time_travel_hours * _US_PER_HOUR
            for table in self._catalog.tables(dataset.dataset_id):
                self._purge_table(table, oldest)

    def _purge_table(self, table: Table, oldest: int) -> None:
        kept = [
            v for v, after in zip(table.versions, table.versions[1:], strict=False) if after.since > oldest
        ]
        kept.append(table.current)
        for storage in {v.storage for v in table.versions} - {v.storage for v in kept}:
            self._connection.execute(f"DROP TABLE data.{storage}")
        for storage in {v.storage for v in kept}:
            self._connection.execute(f"DELETE FROM data.{storage} WHERE {CLOSED} < {oldest}")  # noqa: S608
        if len(kept) != len(table.versions):
            table.versions = kept
            self._catalog.put_table(table)


def _whole(field: Field) -> str:
    name = quote(field["name"])
    # an array that is NULL is read back empty
    return f"COALESCE({name}, []) AS {name}" if field["mode"] == "REPEATED" else name
