"""MERGE as one query, whose rows are the changes of the target's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.checks.structs import fit
from localcloud.bigquery.sql.partitioning import pseudo_columns
from localcloud.bigquery.sql.syntax.parse import place
from localcloud.bigquery.sql.typing import ROW
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.types import Field

ACTION = "__ROOT__action"
_SOURCE = "__ROOT__source"


@dataclass(frozen=True)
class Branch:
    """
    What the rows of a WHEN clause get.

    :param verb: ``INSERT``, ``UPDATE`` or ``DELETE``.
    :param values: the expression for each column that is set.
    :param names: the columns of the query that hold the new row, by the columns of the table.
    """

    verb: str
    values: dict[str, exp.Expr]
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One of the two tables of a MERGE: its name there, and its columns."""

    name: str
    columns: list[str]

    def holds(self, name: str) -> bool:
        """Return whether a column is one of its own."""
        return name.lower() in (column.lower() for column in self.columns)


def without_default(value: exp.Expr) -> exp.Expr:
    """Return NULL for the keyword DEFAULT, since no column has a default value here."""
    is_word = isinstance(value, exp.Column) and not value.table and not value.this.args.get("quoted")
    return exp.null() if is_word and value.name.upper() == "DEFAULT" else value


def assigned_column(target: exp.Expr, table: str) -> str:
    """
    Return the column that the left side of an assignment names.

    :raises ApiError: 501 for a field of a column.
    """
    if not isinstance(target, exp.Column) or target.table.lower() not in ("", table.lower()):
        raise unsupported(f"an assignment to a field ({target.sql('bigquery')})")
    return target.name


class MergeQuery:
    """
    The query of a MERGE: a row for each row that changes, with the number of its WHEN clause.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement

    :param statement: the MERGE.
    :param table: its target.
    :param read_columns: gives the columns of a query.
    :param find_column: gives a column of the target by its name.
    """

    def __init__(
        self,
        statement: exp.Merge,
        table: Table,
        read_columns: Callable[[exp.Select], list[Field]],
        find_column: Callable[[str], Field],
    ) -> None:
        self._statement = statement
        self._table = table
        self._find = find_column
        source = statement.args["using"]
        fields = read_columns(exp.select("*").from_(source.copy()))
        self._source = Side(_name_of(source), [field["name"] for field in fields])
        self._target = Side(
            statement.this.alias or table.table_id, [field["name"] for field in table.current.fields]
        )
        self._refuse_unserved()
        self.branches = [self._branch(when) for when in self._whens()]

    def _whens(self) -> list[exp.When]:
        return list(self._statement.args["whens"].expressions)

    def _refuse_unserved(self) -> None:
        updates = any(isinstance(when.args["then"], exp.Update) for when in self._whens())
        if updates and pseudo_columns(self._table.resource):
            raise unsupported(f"UPDATE of a table partitioned by ingestion time ({self._table.table_id})")
        if self._table.resource.get("requirePartitionFilter"):
            raise unsupported(f"MERGE into a table that requires a partition filter ({self._table.table_id})")
        if self._statement.args["on"].find(exp.Query):
            raise unsupported("a subquery in the ON of a MERGE")

    # branches

    def _branch(self, when: exp.When) -> Branch:
        then = when.args["then"]
        if isinstance(then, exp.Update):
            if not when.args["matched"] and not when.args.get("source"):
                raise failure("invalidQuery", "UPDATE is not allowed in WHEN NOT MATCHED BY TARGET")
            return Branch("UPDATE", self._assigned(then))
        if isinstance(then, exp.Insert):
            if when.args["matched"] or when.args.get("source"):
                raise failure("invalidQuery", "INSERT is allowed in WHEN NOT MATCHED BY TARGET only")
            return Branch("INSERT", self._inserted(then))
        if then.name.upper() == "DELETE" and (when.args["matched"] or when.args.get("source")):
            return Branch("DELETE", {})
        raise failure("invalidQuery", f"Syntax error: Unexpected {then.name} in MERGE")

    def _assigned(self, update: exp.Update) -> dict[str, exp.Expr]:
        values: dict[str, exp.Expr] = {}
        for equation in update.expressions:
            column = self._find(assigned_column(equation.this, self._target.name))["name"]
            if column in values:
                raise failure("invalidQuery", f"Update item {column} assigned more than once")
            values[column] = fit(without_default(equation.expression), self._find(column))
        return values

    def _inserted(self, insert: exp.Insert) -> dict[str, exp.Expr]:
        names, given = self._target.columns, insert.expression
        listed = insert.this
        if isinstance(listed, exp.Var):
            given = None
        elif given:
            names = [self._find(column.name)["name"] for column in listed.expressions]
        else:
            # INSERT VALUES (...) is read as a call of a function VALUES
            given = listed.expressions[0]
        is_row = given is None or [value.sql().upper() for value in given.expressions] == ["ROW"]
        values = self._row() if is_row else [without_default(value) for value in given.expressions]
        if len(values) != len(names):
            message = f"Inserted row has wrong column count; Has {len(values)}, expected {len(names)}"
            raise failure("invalidQuery", message)
        for name in names:
            if names.count(name) > 1:
                raise failure("invalidQuery", f"Duplicate column name in INSERT list: {name}")
        pairs = zip(names, values, strict=True)
        return {name: fit(value, self._find(name)) for name, value in pairs}

    def _row(self) -> list[exp.Expr]:
        """Return the columns of the source, for INSERT ROW."""
        return [exp.column(name, table=self._source.name, quoted=True) for name in self._source.columns]

    # the query

    def build(self) -> exp.Select:
        """Build the query, and name its columns in the branches."""
        action = self._action()
        columns: list[exp.Expr] = [
            exp.alias_(exp.column(ROW, table=self._target.name, quoted=True), ROW, quoted=True),
            exp.alias_(action, ACTION, quoted=True),
        ]
        for index, (branch, when) in enumerate(zip(self.branches, self._whens(), strict=True)):
            for column, value in self._new_row(branch).items():
                branch.names[column] = f"v{index}_{len(branch.names)}"
                chosen = exp.EQ(this=exp.paren(action.copy()), expression=exp.Literal.number(index))
                guarded = exp.Case().when(chosen, self._scoped(value, when))
                columns.append(exp.alias_(guarded, branch.names[column], quoted=True))
        missing = exp.Is(this=exp.paren(action.copy()), expression=exp.null())
        return self._joined(exp.select(*columns)).where(exp.Not(this=missing))

    def _new_row(self, branch: Branch) -> dict[str, exp.Expr]:
        if branch.verb != "UPDATE":
            return branch.values
        kept = {name: exp.column(name, table=self._target.name, quoted=True) for name in self._target.columns}
        return kept | branch.values

    def _joined(self, query: exp.Select) -> exp.Select:
        target = self._statement.this.copy()
        target.meta["target"] = True
        source = self._statement.args["using"].copy()
        marked = exp.select("*", exp.alias_(exp.true(), _SOURCE, quoted=True)).from_(source)
        named = marked.subquery(exp.to_identifier(self._source.name, quoted=True))
        on = self._statement.args["on"].copy()
        return query.from_(target).join(named, on=on, join_type="full")

    def _action(self) -> exp.Expr:
        """Return the number of the first WHEN clause that a pair of rows fulfils."""
        in_target = exp.Not(this=_is_null(self._target.name, ROW))
        in_source = exp.Not(this=_is_null(self._source.name, _SOURCE))
        action = exp.Case()
        for index, when in enumerate(self._whens()):
            sides = [in_target, in_source]
            if not when.args["matched"]:
                here, there = sides if when.args.get("source") else reversed(sides)
                sides = [here, exp.Not(this=exp.paren(there.copy()))]
            condition = when.args.get("condition")
            terms = [*sides, *([exp.paren(self._scoped(condition, when))] if condition else [])]
            action = action.when(exp.and_(*terms), exp.Literal.number(index))
        return action

    def _scoped(self, value: exp.Expr, when: exp.When) -> exp.Expr:
        """
        Resolve the names of a clause to the columns that it can see.

        :raises ApiError: 400 for a column of the side that has no row.
        """
        if when.args["matched"]:
            return value.copy()
        sides = [self._target, self._source]
        seen, hidden = sides if when.args.get("source") else reversed(sides)
        holder = exp.paren(value)
        for column in list(_own_columns(holder)):
            unseen = not column.table and hidden.holds(column.name) and not seen.holds(column.name)
            if column.table.lower() == hidden.name.lower() or unseen:
                name = f"{column.table}.{column.name}" if column.table else column.name
                raise failure("invalidQuery", f"Unrecognized name: {name}{place(column.this)}")
            if not column.table and seen.holds(column.name):
                column.set("table", exp.to_identifier(seen.name, quoted=True))
        return holder.this


def _own_columns(holder: exp.Expr) -> Iterator[exp.Column]:
    """Yield the columns of an expression that are in no query of their own."""
    for column in holder.find_all(exp.Column):
        if column.find_ancestor(exp.Query) is None:
            yield column


def _is_null(table: str, column: str) -> exp.Expr:
    return exp.Is(this=exp.column(column, table=table, quoted=True), expression=exp.null())


def _name_of(source: exp.Expr) -> str:
    """Return the name of the source in its MERGE."""
    if isinstance(source, exp.Table):
        return source.alias or source.name
    return source.alias or "__ROOT__using"
