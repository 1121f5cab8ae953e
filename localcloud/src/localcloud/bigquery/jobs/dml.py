"""INSERT, UPDATE, DELETE and TRUNCATE: each becomes a query whose rows close old rows or open new ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from localcloud.bigquery.binding import ROW, Binder, Scope
from localcloud.bigquery.catalog import Table
from localcloud.bigquery.compiler import Compiled
from localcloud.bigquery.failures import failure, unsupported
from localcloud.bigquery.partitioning import pseudo_columns
from localcloud.bigquery.rows import OPENED, next_time
from localcloud.bigquery.types import TYPES, Field, quote
from localcloud.bigquery.views import demand_table
from localcloud.bigquery.warehouse import Warehouse
from localcloud.bigquery.writer import COERCIONS

_FROM_TEXT = {"DATE", "DATETIME", "TIME", "TIMESTAMP"}


@dataclass
class Change:
    """A planned change: its query, its table, the columns that it sets, and how many rows it did touch."""

    kind: str
    compiled: Compiled
    table: Table
    columns: list[str]
    affected: int = 0


class Dml:
    """
    Plans and makes changes; the caller keeps the transaction.

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._rows = warehouse.rows

    def plan(self, statement: exp.Expr, kind: str, scope: Scope) -> Change:
        """
        Check a statement without running it.

        :param kind: its ``statementType``.
        :raises ApiError: what BigQuery gives for a bad statement.
        """
        make = {
            "INSERT": self._plan_insert,
            "UPDATE": self._plan_update,
            "DELETE": self._plan_delete,
            "TRUNCATE_TABLE": self._plan_truncate,
        }
        return make[kind](statement, scope)

    def run(self, change: Change) -> None:
        """
        Make a planned change.

        :raises ApiError: 400 when a value does not fit or a row has two updates.
        """
        at = next_time(change.table)
        if change.kind == "INSERT":
            change.affected = self._rows.append_query(change.table, change.compiled.sql, change.columns, at)
        elif change.kind == "UPDATE":
            change.affected = self._update(change, at)
        else:
            rows = f"SELECT {quote(ROW)} FROM ({change.compiled.sql})"  # noqa: S608
            self._spare_streamed(change, rows)
            change.affected = self._rows.close(change.table, f"rowid IN ({rows})", at)
        if change.affected:
            change.table.commit(at)
            self._warehouse.catalog.put_table(change.table)

    def _update(self, change: Change, at: int) -> int:
        connection = self._warehouse.catalog.connection
        connection.execute(f"CREATE OR REPLACE TEMP TABLE updated AS {change.compiled.sql}")
        twice = f"SELECT 1 FROM updated GROUP BY {quote(ROW)} HAVING count(*) > 1 LIMIT 1"  # noqa: S608
        if connection.execute(twice).fetchall():
            raise failure(
                "invalidQuery", "UPDATE/MERGE must match at most one source row for each target row"
            )
        rows = f"SELECT {quote(ROW)} FROM updated"  # noqa: S608
        self._spare_streamed(change, rows)
        self._rows.close(change.table, f"rowid IN ({rows})", at)
        columns = ", ".join(quote(name) for name in change.columns)
        return self._rows.append_query(change.table, f"SELECT {columns} FROM updated", change.columns, at)  # noqa: S608

    def _spare_streamed(self, change: Change, rows: str) -> None:
        """
        Refuse to change rows in the streaming buffer.

        Source: https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations; the message:
        https://github.com/glific/glific/issues/820
        """
        table = change.table
        buffered = f"rowid IN ({rows}) AND {OPENED} > {table.modified}"
        sql = f"SELECT 1 FROM data.{table.current.storage} WHERE {buffered} LIMIT 1"  # noqa: S608
        if table.streamed_from and self._warehouse.catalog.connection.execute(sql).fetchall():
            full = f"{self._warehouse.settings.project}.{table.dataset_id}.{table.table_id}"
            verb = "TRUNCATE" if change.kind == "TRUNCATE_TABLE" else "UPDATE or DELETE"
            message = (
                f"{verb} statement over table {full} would affect rows in the streaming buffer, "
                "which is not supported"
            )
            raise failure("invalidQuery", message)

    # plans

    def _target(self, node: exp.Expr, scope: Scope) -> Table:
        if not isinstance(node, exp.Table):
            raise failure("invalidQuery", f"Not a table: {node.sql('bigquery')}")
        table = Binder(self._warehouse.catalog, scope).find(node)
        demand_table(table, self._warehouse.catalog.project)
        return table

    def _plan_insert(self, statement: exp.Expr, scope: Scope) -> Change:
        target = statement.this
        names: list[str] = []
        if isinstance(target, exp.Schema):
            names = [column.name for column in target.expressions]
            target = target.this
        table = self._target(target, scope)
        names = names or [field["name"] for field in table.current.fields]
        columns = [self._column(table, name)["name"] for name in names]
        source = statement.expression
        query = _values_query(source, len(names)) if isinstance(source, exp.Values) else source
        if statement.args.get("with_"):
            query.set("with_", statement.args["with_"])
        compiled = self._warehouse.compiler.compile(query.copy(), scope)
        if len(compiled.fields) != len(columns):
            message = (
                f"Inserted row has wrong column count; Has {len(compiled.fields)}, expected {len(columns)}"
            )
            raise failure("invalidQuery", message)
        if isinstance(source, exp.Values):
            self._check_values(table, columns, source)
        else:
            for name, given, expression in zip(columns, compiled.fields, query.selects, strict=False):
                self._check_type(self._column(table, name), given, expression)
        return Change("INSERT", compiled, table, columns)

    def _plan_update(self, statement: exp.Expr, scope: Scope) -> Change:
        table = self._target(statement.this, scope)
        if pseudo_columns(table.resource):
            raise unsupported(f"UPDATE of a table partitioned by ingestion time ({table.table_id})")
        _demand_where(statement, "UPDATE")
        name = statement.this.alias or table.table_id
        assigned = {}
        for equation in statement.expressions:
            column = self._column(table, equation.this.name)["name"]
            if column in assigned:
                raise failure("invalidQuery", f"Update item {column} assigned more than once")
            assigned[column] = equation.expression
        names = [field["name"] for field in table.current.fields]
        values = [assigned.get(column, exp.column(column, table=name, quoted=True)) for column in names]
        selected = [
            exp.alias_(value.copy(), column, quoted=True) for value, column in zip(values, names, strict=True)
        ]
        compiled = self._warehouse.compiler.compile(_affected_rows(statement, name, selected), scope)
        for given in compiled.fields[1:]:
            if given["name"] in assigned:
                self._check_type(self._column(table, given["name"]), given, assigned[given["name"]])
        return Change("UPDATE", compiled, table, names)

    def _plan_delete(self, statement: exp.Expr, scope: Scope) -> Change:
        table = self._target(statement.this, scope)
        _demand_where(statement, "DELETE")
        name = statement.this.alias or table.table_id
        compiled = self._warehouse.compiler.compile(_affected_rows(statement, name, []), scope)
        return Change("DELETE", compiled, table, [])

    def _plan_truncate(self, statement: exp.Expr, scope: Scope) -> Change:
        target = statement.expressions[0]
        # assumed, for no page says it: TRUNCATE needs no partition filter
        target.meta["whole"] = True
        delete = exp.Delete(this=target, where=exp.Where(this=exp.true()))
        return replace(self._plan_delete(delete, scope), kind="TRUNCATE_TABLE")

    def _column(self, table: Table, name: str) -> Field:
        for field in table.current.fields:
            if field["name"].lower() == name.lower():
                return field
        full = f"{self._warehouse.settings.project}.{table.dataset_id}.{table.table_id}"
        raise failure("invalidQuery", f"Column {name} is not present in table {full}")

    def _check_values(self, table: Table, columns: list[str], values: exp.Values) -> None:
        """Check the literals; whatever else stands in VALUES is checked by the cast to the column's type."""
        for row in values.expressions:
            for name, value in zip(columns, row.expressions, strict=True):
                if isinstance(value, exp.Literal):
                    kind = "STRING" if value.is_string else "INTEGER" if value.is_int else "FLOAT"
                    self._check_type(self._column(table, name), {"type": kind}, value)

    def _check_type(self, column: Field, given: Field, expression: exp.Expr) -> None:
        literal = expression.unalias()
        if isinstance(literal, exp.Null) or column["type"] == given["type"]:
            return
        if (given["type"], column["type"]) in COERCIONS:
            return
        if isinstance(literal, exp.Literal) and (
            (literal.is_string and column["type"] in _FROM_TEXT)
            or (given["type"] == "FLOAT" and column["type"] == "NUMERIC")
        ):
            return
        names = TYPES[given["type"]].name, TYPES[column["type"]].name
        message = (
            f"Value of type {names[0]} cannot be assigned to {column['name']}, which has type {names[1]}"
        )
        raise failure("invalidQuery", message)


def _values_query(values: exp.Values, width: int) -> exp.Select:
    for row in values.expressions:
        if len(row.expressions) != width:
            raise _wrong_count(len(row.expressions), width)
    names = [exp.to_identifier(f"v{index}") for index in range(width)]
    source = exp.Values(
        expressions=[row.copy() for row in values.expressions],
        alias=exp.TableAlias(this=exp.to_identifier("v"), columns=names),
    )
    return exp.select(*[exp.column(name.copy(), table="v") for name in names]).from_(source)


def _wrong_count(given: int, expected: int) -> Exception:
    message = f"Inserted row has wrong column count; Has {given}, expected {expected}"
    return failure("invalidQuery", message)


def _demand_where(statement: exp.Expr, word: str) -> None:
    if not statement.args.get("where"):
        raise failure("invalidQuery", f"{word} must have a WHERE clause")


def _affected_rows(statement: exp.Expr, name: str, selected: list[exp.Expr]) -> exp.Select:
    """Make the query for the rows that a statement changes, and the values that they get."""
    target = statement.this.copy()
    target.meta["target"] = True
    row = exp.alias_(exp.column(ROW, table=name, quoted=True), ROW, quoted=True)
    query = exp.select(row, *selected)
    if statement.args.get("from_"):
        query = query.from_(statement.args["from_"].this.copy()).join(target, join_type="cross")
    else:
        query = query.from_(target)
    where = statement.args["where"].this.copy()
    return query.where(where)
