"""DML and TRUNCATE: each statement becomes a query whose rows close old rows or open new ones."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.jobs.destination import COERCIONS
from localcloud.bigquery.jobs.merge import ACTION, Branch, MergeQuery, assigned_column, without_default
from localcloud.bigquery.sql.checks.structs import fit
from localcloud.bigquery.sql.compiler import Compiled
from localcloud.bigquery.sql.partitioning import pseudo_columns
from localcloud.bigquery.sql.resolution import Names, Scope
from localcloud.bigquery.sql.typing import ROW
from localcloud.bigquery.sql.views import demand_table
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.rows import OPENED, next_time
from localcloud.bigquery.store.types import RECORD, Field, googlesql_type, quote
from localcloud.bigquery.warehouse import Warehouse

_FROM_TEXT = {"DATE", "DATETIME", "TIME", "TIMESTAMP"}


@dataclass
class Change:
    """A planned change: its query, its table, the columns that it sets, the rows that each verb touched."""

    kind: str
    compiled: Compiled
    table: Table
    columns: list[str]
    branches: list[Branch] = dataclasses.field(default_factory=list)
    touched: dict[str, int] = dataclasses.field(default_factory=dict)

    @property
    def affected(self) -> int:
        """Return the number of rows that were changed."""
        return sum(self.touched.values())


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
            "MERGE": self._plan_merge,
            "TRUNCATE_TABLE": self._plan_truncate,
        }
        return make[kind](statement, scope)

    def run(self, change: Change) -> None:
        """
        Carry out a planned change.

        :raises ApiError: 400 when a value does not fit or a row has two updates.
        """
        at = next_time(change.table)
        if change.kind == "INSERT":
            count = self._rows.append_query(change.table, change.compiled.sql, change.columns, at)
            change.touched = {"INSERT": count}
        elif change.kind == "UPDATE":
            change.touched = {"UPDATE": self._update(change, at)}
        elif change.kind == "MERGE":
            change.touched = self._merge(change, at)
        else:
            rows = f"SELECT {quote(ROW)} FROM ({change.compiled.sql})"  # noqa: S608
            self._spare_streamed(change, rows)
            change.touched = {"DELETE": self._rows.close(change.table, f"rowid IN ({rows})", at)}
        if change.affected:
            change.table.commit(at)
            self._warehouse.catalog.put_table(change.table)

    def _update(self, change: Change, at: int) -> int:
        self._close_changed(change, at)
        columns = ", ".join(quote(name) for name in change.columns)
        return self._rows.append_query(change.table, f"SELECT {columns} FROM changed", change.columns, at)  # noqa: S608

    def _merge(self, change: Change, at: int) -> dict[str, int]:
        self._close_changed(change, at)
        touched = dict.fromkeys(("INSERT", "UPDATE", "DELETE"), 0)
        for index, branch in enumerate(change.branches):
            rows = f"FROM changed WHERE {quote(ACTION)} = {index}"
            if branch.verb == "DELETE":
                count = self._warehouse.catalog.connection.execute(f"SELECT count(*) {rows}").fetchall()[0][0]
            else:
                columns = ", ".join(quote(name) for name in branch.names.values())
                count = self._rows.append_query(change.table, f"SELECT {columns} {rows}", [*branch.names], at)
            touched[branch.verb] += int(count)
        return touched

    def _close_changed(self, change: Change, at: int) -> None:
        """
        Keep the rows of a change in the table ``changed``, and close those that they replace or delete.

        :raises ApiError: 400 for a row that changes twice.
        """
        connection = self._warehouse.catalog.connection
        connection.execute(f"CREATE OR REPLACE TEMP TABLE changed AS {change.compiled.sql}")
        rows = f"SELECT {quote(ROW)} FROM changed WHERE {quote(ROW)} IS NOT NULL"  # noqa: S608
        twice = f"{rows} GROUP BY {quote(ROW)} HAVING count(*) > 1 LIMIT 1"
        if connection.execute(twice).fetchall():
            raise failure(
                "invalidQuery", "UPDATE/MERGE must match at most one source row for each target row"
            )
        self._spare_streamed(change, rows)
        self._rows.close(change.table, f"rowid IN ({rows})", at)

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
        table = Names(self._warehouse.catalog, scope).find(node)
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
        if isinstance(source, exp.Values):
            for word in list(source.find_all(exp.Var)):
                if word.name.upper() == "DEFAULT":
                    # no column has a default value here
                    word.replace(exp.null())
            self._fit_values(table, columns, source)
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
            field = self._column(table, assigned_column(equation.this, name))
            column = field["name"]
            if column in assigned:
                raise failure("invalidQuery", f"Update item {column} assigned more than once")
            assigned[column] = fit(without_default(equation.expression), field)
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

    def _plan_merge(self, statement: exp.Expr, scope: Scope) -> Change:
        assert isinstance(statement, exp.Merge)
        table = self._target(statement.this, scope)
        compiler = self._warehouse.compiler
        merge = MergeQuery(
            statement,
            table,
            lambda query: compiler.compile(query, scope).fields,
            lambda name: self._column(table, name),
        )
        compiled = compiler.compile(merge.build(), scope)
        given = {field["name"]: field for field in compiled.fields}
        for branch in merge.branches:
            for column, value in branch.values.items():
                self._check_type(self._column(table, column), given[branch.names[column]], value)
        return Change("MERGE", compiled, table, [], merge.branches)

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

    def _fit_values(self, table: Table, columns: list[str], values: exp.Values) -> None:
        fields = [self._column(table, name) for name in columns]
        for row in values.expressions:
            pairs = zip(row.expressions, fields, strict=False)
            fitted = [_as_time(fit(without_default(value), field), field) for value, field in pairs]
            row.set("expressions", [*fitted, *row.expressions[len(fields) :]])

    def _check_values(self, table: Table, columns: list[str], values: exp.Values) -> None:
        """Check the literals; whatever else stands in VALUES is checked by the cast to the column's type."""
        for row in values.expressions:
            for name, value in zip(columns, row.expressions, strict=True):
                self._check_literals(self._column(table, name), value)

    def _check_literals(self, column: Field, value: exp.Expr) -> None:
        if isinstance(value, exp.Literal):
            kind = "STRING" if value.is_string else "INTEGER" if value.is_int else "FLOAT"
            self._check_type(column, {"type": kind}, value)
        elif isinstance(value, exp.Struct) and column["type"] == RECORD:
            for field, part in zip(column["fields"], value.expressions, strict=True):
                self._check_literals(field, part.expression)
        elif isinstance(value, exp.Array) and column["type"] == RECORD:
            for part in value.expressions:
                self._check_literals(column, part)

    def _check_type(self, column: Field, given: Field, expression: exp.Expr) -> None:
        literal = expression.unalias()
        if isinstance(literal, exp.Null) or (column["type"] == given["type"] != RECORD):
            return
        if RECORD in (column["type"], given["type"]) and "fields" in given:
            self._check_record(column, given)
            return
        if (given["type"], column["type"]) in COERCIONS:
            return
        if isinstance(literal, exp.Literal) and (
            (literal.is_string and column["type"] in _FROM_TEXT)
            or (given["type"] == "FLOAT" and column["type"] == "NUMERIC")
        ):
            return
        names = [googlesql_type({**field, "mode": "NULLABLE"}) for field in (given, column)]
        message = (
            f"Value of type {names[0]} cannot be assigned to {column['name']}, which has type {names[1]}"
        )
        raise failure("invalidQuery", message)

    def _check_record(self, column: Field, given: Field) -> None:
        """Refuse a STRUCT whose fields are not those of the column, which would go into it by their names."""
        names = googlesql_type(given), googlesql_type(column)
        if names[0].lower() != names[1].lower():
            message = (
                f"Value of type {names[0]} cannot be assigned to {column['name']}, which has type {names[1]}"
            )
            raise failure("invalidQuery", message)


def _as_time(value: exp.Expr, field: Field) -> exp.Expr:
    """Cast a literal for a column of time, next to which VALUES may hold values of that type."""
    is_text = isinstance(value, exp.Literal) and value.is_string
    if not is_text or field["type"] not in _FROM_TEXT or field["mode"] == "REPEATED":
        return value
    return exp.cast(value, field["type"], dialect="bigquery")


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
    """Return the query for the rows that a statement changes, and for their new values."""
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
