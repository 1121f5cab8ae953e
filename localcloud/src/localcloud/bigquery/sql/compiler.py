"""A GoogleSQL query to DuckDB SQL, with its schema and its price."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError, UnsupportedError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from localcloud.bigquery.binding import Binder, Scope
from localcloud.bigquery.catalog import Catalog
from localcloud.bigquery.failures import failure, unsupported
from localcloud.bigquery.functions import (
    OperandTypes,
    check_functions,
    check_operands,
    number_typed_nodes,
    operand_types,
    to_duckdb,
)
from localcloud.bigquery.rows import Rows, Snapshot
from localcloud.bigquery.sql import DIALECT
from localcloud.bigquery.types import Field, from_duckdb

Columns = set[tuple[int, str]]


@dataclass(frozen=True)
class Compiled:
    """A query ready to run: DuckDB SQL, result columns, bytes it reads, tables it reads."""

    sql: str
    fields: list[Field]
    bytes_processed: int
    snapshots: list[Snapshot]


class Compiler:
    """
    Compiles queries.

    :param catalog: where the tables are.
    :param rows: what measures them.
    """

    def __init__(self, catalog: Catalog, rows: Rows) -> None:
        self._catalog = catalog
        self._rows = rows

    def compile(self, query: exp.Expr, scope: Scope) -> Compiled:
        """
        Compile a query and check it against the tables.

        :raises ApiError: what BigQuery gives for a bad query, 501 for what is not served.
        """
        if not isinstance(query, exp.Query):
            raise failure("invalidQuery", f"Not a query: {query.sql('bigquery')}")
        check_functions(query)
        original = query.copy()
        binder = Binder(self._catalog, scope)
        binder.resolve(query)
        number_typed_nodes(query)
        types, columns = _analyse(query, binder.schema())
        check_operands(query, types)
        _name_columns(query)
        translated = to_duckdb(query, types)
        binder.replace(translated)
        try:
            sql = translated.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
        except UnsupportedError as error:
            raise unsupported(str(error)) from error
        described = self._describe(sql, original)
        return Compiled(sql, described, self._price(binder.snapshots, columns), binder.snapshots)

    def _describe(self, sql: str, query: exp.Expr) -> list[Field]:
        with duckdb_failures(query):
            columns = self._catalog.connection.execute(f"DESCRIBE {sql}").fetchall()
        fields: list[Field] = []
        for name, kind in (column[:2] for column in columns):
            if any(field["name"].lower() == name.lower() for field in fields):
                message = (
                    f"Duplicate column names in the result are not supported. Found duplicate(s): {name}"
                )
                raise failure("invalidQuery", message)
            fields.append(from_duckdb(kind, name))
        return fields

    def _price(self, snapshots: list[Snapshot], columns: Columns | None) -> int:
        total = 0
        priced = set()
        for index, part in enumerate(snapshots):
            for name, size in self._rows.measure(part)[1].items():
                key = (part.version.storage, part.at, name)
                if key not in priced and (columns is None or (index, name) in columns):
                    priced.add(key)
                    total += size
        return total


def _analyse(query: exp.Expr, schema: dict[str, Any]) -> tuple[OperandTypes, set[tuple[int, str]] | None]:
    """Find operand types and referenced columns; when sqlglot gives up, each type and column is possible."""
    try:
        typed = qualify(
            query.copy(),
            dialect=DIALECT,
            schema=schema,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
        types = operand_types(annotate_types(typed, schema=schema, dialect=DIALECT))
        columns = set()
        for scope in traverse_scope(typed):
            for column in scope.columns:
                source = scope.sources.get(column.table)
                if isinstance(source, exp.Table) and "snapshot" in source.meta:
                    columns.add((source.meta["snapshot"], column.name.lower()))
    except SqlglotError:
        return {}, None
    return types, columns


def _name_columns(query: exp.Query) -> None:
    """Name nameless result columns as BigQuery does: f0_, f1_ and so on."""
    count = 0
    for column in query.selects:
        if not isinstance(column, exp.Alias | exp.Column) and not column.is_star:
            column.replace(exp.alias_(column.copy(), f"f{count}_", quoted=True))
            count += 1


@contextmanager
def duckdb_failures(query: exp.Expr) -> Iterator[None]:
    """
    Turn DuckDB's complaints into BigQuery's.

    :param query: the statement as it was parsed, to find the place.
    """
    try:
        yield
    except duckdb.Error as error:
        raise _query_failure(error, query) from error


def _query_failure(error: duckdb.Error, query: exp.Expr) -> Exception:
    text = str(error).splitlines()[0]
    message = text.split(": ", 1)[-1] if " Error: " in text else text
    if match := re.search(r'Referenced column "([^"]+)" not found', text):
        return failure("invalidQuery", f"Unrecognized name: {match[1]}{_place(query, match[1])}")
    if match := re.search(r'Table "([^"]+)" does not have a column named "([^"]+)"', text):
        return failure(
            "invalidQuery", f"Name {match[2]} not found inside {match[1]}{_place(query, match[2])}"
        )
    if match := re.search(r'Values list "([^"]+)" does not have a column named "([^"]+)"', text):
        return failure(
            "invalidQuery", f"Name {match[2]} not found inside {match[1]}{_place(query, match[2])}"
        )
    if isinstance(error, duckdb.NotImplementedException):
        return unsupported(message)
    return failure("invalidQuery", message)


def _place(query: exp.Expr, name: str) -> str:
    for node in query.find_all(exp.Identifier):
        if node.name.lower() == name.lower() and "line" in node.meta:
            column = node.meta["col"] - (node.meta["end"] - node.meta["start"])
            return f" at [{node.meta['line']}:{column}]"
    return ""
