"""A GoogleSQL query to DuckDB SQL, with its schema and its price: a chain of immutable values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.resolution import Scope, resolve
from localcloud.bigquery.sql.syntax.parse import place_of
from localcloud.bigquery.sql.translation import Translated, translate
from localcloud.bigquery.sql.typing import infer_types
from localcloud.bigquery.store.catalog import Catalog
from localcloud.bigquery.store.rows import Rows, Snapshot
from localcloud.bigquery.store.types import Field, from_duckdb


@dataclass(frozen=True)
class Compiled:
    """A query ready to run: DuckDB SQL, result columns, bytes it reads, tables it reads."""

    sql: str
    fields: list[Field]
    bytes_processed: int
    snapshots: tuple[Snapshot, ...]


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
        resolved = resolve(query, self._catalog, scope)
        typed = infer_types(resolved)
        translated = translate(typed)
        return self._measure(translated)

    def _measure(self, translated: Translated) -> Compiled:
        typed = translated.typed
        snapshots = typed.resolved.snapshots
        fields = self._describe(translated.sql, typed.resolved.asked)
        return Compiled(translated.sql, fields, self._price(snapshots, typed.columns), snapshots)

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

    def _price(self, snapshots: tuple[Snapshot, ...], columns: frozenset[tuple[int, str]] | None) -> int:
        total = 0
        priced = set()
        for index, part in enumerate(snapshots):
            for name, size in self._rows.measure(part)[1].items():
                key = (part.version.storage, part.at, name)
                if key not in priced and (columns is None or (index, name) in columns):
                    priced.add(key)
                    total += size
        return total


@contextmanager
def duckdb_failures(query: exp.Expr) -> Iterator[None]:
    """
    Convert DuckDB's errors to BigQuery's.

    :param query: the statement as it was parsed, to find the place.
    """
    try:
        yield
    except duckdb.Error as error:
        raise _query_failure(error, query) from error


# What DuckDB says, what BigQuery says instead, and which of the groups has a place in the query.
_SAID = (
    (r'Referenced column "([^"]+)" not found', "Unrecognized name: {0}", 0),
    (r'Table "([^"]+)" does not have a column named "([^"]+)"', "Name {1} not found inside {0}", 1),
    (r'Values list "([^"]+)" does not have a column named "([^"]+)"', "Name {1} not found inside {0}", 1),
    (r'Referenced table "([^"]+)" not found', "Unrecognized name: {0}", 0),
    (r'Could not find key "([^"]+)" in struct', "Field name {0} does not exist in STRUCT", 0),
    (
        r"Cannot extract field '([^']+)' from expression",
        "Cannot access field {0} on a value that is not a STRUCT",
        0,
    ),
    (r'Ambiguous reference to column name "([^"]+)"', "Column name {0} is ambiguous", 0),
)
_UNSUPPORTED = "localcloud's BigQuery does not support "


def _query_failure(error: duckdb.Error, query: exp.Expr) -> Exception:
    text = str(error).splitlines()[0]
    message = text.split(": ", 1)[-1] if " Error: " in text else text
    # what a function of localcloud.bigquery.sql.functions.native raises
    message = re.sub(r"^Python exception occurred while executing the UDF: \w+: ", "", message)
    for pattern, said, named in _SAID:
        if match := re.search(pattern, text):
            place = place_of(query, match.groups()[named])
            return failure("invalidQuery", said.format(*match.groups()) + place)
    if match := re.search(r"Unknown TimeZone '([^']*)'", text):
        if re.fullmatch(r"[+-]\d{1,2}(:\d{2})?", match[1]):
            return unsupported(f"the time zone {match[1]}; use its name")
        return failure("invalidQuery", f"Invalid time zone: {match[1]}")
    if message.startswith(_UNSUPPORTED):
        return unsupported(message.removeprefix(_UNSUPPORTED))
    if isinstance(error, duckdb.NotImplementedException):
        return unsupported(message)
    return failure("invalidQuery", message)
