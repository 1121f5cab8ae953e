"""A query with types to DuckDB's SQL."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.sql.clauses import rewrite_clauses
from localcloud.bigquery.sql.elimination import pseudo_column
from localcloud.bigquery.sql.functions.expressions import to_duckdb
from localcloud.bigquery.sql.functions.types import stand_in
from localcloud.bigquery.sql.resolution import TableMark, put_subquery
from localcloud.bigquery.sql.typing import ROW, Typed
from localcloud.bigquery.store.rows import CLOSED, OPENED, Snapshot
from localcloud.bigquery.store.types import Field


@dataclass(frozen=True)
class Translated:
    """
    A query in DuckDB's SQL.

    :param typed: the query before.
    :param sql: one statement, which reads the rows of the snapshots.
    """

    typed: Typed
    sql: str


def translate(typed: Typed) -> Translated:
    """
    Write a query in DuckDB's SQL.

    :raises ApiError: 501 for what has no equivalent there.
    """
    tree = typed.query.copy()
    _name_columns(tree)
    _keep_spelling(tree, typed.resolved.snapshots)
    translated = to_duckdb(rewrite_clauses(tree, typed.types), typed.types)
    _put_rows(translated, typed.resolved.snapshots)
    try:
        sql = translated.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise unsupported(str(error)) from error
    return Translated(typed, sql)


def _name_columns(query: exp.Query) -> None:
    """Name nameless result columns as BigQuery does: f0_, f1_ and so on."""
    count = 0
    for column in query.selects:
        if isinstance(column, exp.Dot) and not column.is_star:
            column.replace(exp.alias_(column.copy(), column.expression.name, quoted=True))
        elif not isinstance(column, exp.Alias | exp.Column) and not column.is_star:
            column.replace(exp.alias_(column.copy(), f"f{count}_", quoted=True))
            count += 1


def _keep_spelling(tree: exp.Query, snapshots: tuple[Snapshot, ...]) -> None:
    """
    Name a selected column as the query spells it, where DuckDB takes the spelling of the table.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#implicit_aliases
    """
    spellings: dict[str, set[str]] = {}
    names = [field["name"] for part in snapshots for field in part.fields]
    for name in [*names, *(alias.alias for alias in tree.find_all(exp.Alias))]:
        spellings.setdefault(name.lower(), set()).add(name)
    for select in tree.find_all(exp.Select):
        for column in select.expressions:
            if isinstance(column, exp.Column) and spellings.get(column.name.lower(), set()) - {column.name}:
                alias = exp.alias_(column.copy(), column.name, quoted=True)
                stand_in(alias, column)
                column.replace(alias)


def _put_rows(tree: exp.Expr, snapshots: tuple[Snapshot, ...]) -> None:
    """Replace the names of tables by their rows."""
    for node in list(tree.find_all(exp.Table)):
        mark = node.meta.get("table")
        if isinstance(mark, TableMark):
            select = _select(mark, snapshots[mark.snapshot])
            put_subquery(node, select.subquery(node.args["alias"].copy()))


def _column(field: Field) -> exp.Expr:
    """
    Return a column of a table, in which an array that was NULL is empty.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_nulls
    """
    column = exp.column(field["name"], quoted=True)
    if field["mode"] != "REPEATED":
        return column
    return exp.alias_(exp.Coalesce(this=column, expressions=[exp.Array()]), field["name"], quoted=True)


def _select(mark: TableMark, part: Snapshot) -> exp.Select:
    columns = [_column(field) for field in part.fields]
    columns += [pseudo_column(name, part.table) for name in mark.pseudo_columns]
    if mark.is_target:
        columns.append(exp.alias_(exp.column("rowid"), ROW, quoted=True))
    rows = exp.to_table(f"data.{part.version.storage}", dialect="duckdb")
    visible = f"{OPENED} <= {part.at} AND {part.at} < {CLOSED}"
    return exp.select(*columns or [exp.Literal.number(1)]).from_(rows).where(visible, dialect="duckdb")
