"""The types of a query's operands, and the columns that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.checks.signatures import check_signatures
from localcloud.bigquery.sql.checks.structs import check_structs
from localcloud.bigquery.sql.functions.types import (
    BOOLS,
    DECIMALS,
    FLOATS,
    INTEGERS,
    NUMBERS,
    TEXTS,
    Types,
    number_nodes,
    number_of,
)
from localcloud.bigquery.sql.partitioning import pseudo_columns
from localcloud.bigquery.sql.resolution import Resolved, TableMark
from localcloud.bigquery.sql.syntax.parse import DIALECT, place
from localcloud.bigquery.store.rows import Snapshot
from localcloud.bigquery.store.types import Field, googlesql_type

ROW = "__ROOT__row"
_WITHOUT_ALIASES = (exp.Select, exp.Where, exp.Join)
_CLAUSES = (*_WITHOUT_ALIASES, exp.Group, exp.Having, exp.Qualify, exp.Order)
_COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.DPipe)


def _set_common_type(annotator: Any, node: exp.Expr) -> exp.Expr:
    """Find that POW and LOG of NUMERIC are NUMERIC, which sqlglot takes for FLOAT64."""
    kinds = {value.type.this for value in (node.this, node.args.get("expression")) if value and value.type}
    is_numeric = bool(kinds & DECIMALS) and kinds <= DECIMALS | INTEGERS
    annotator._set_type(node, exp.DType.DECIMAL if is_numeric else exp.DType.DOUBLE)
    return node


_METADATA = BigQuery.EXPRESSION_METADATA | {
    kind: {"annotator": _set_common_type} for kind in (exp.Pow, exp.Log)
}


@dataclass(frozen=True)
class Typed:
    """
    A query whose types are known.

    :param resolved: the query before.
    :param query: its own tree, whose nodes are numbered.
    :param types: what each node of the tree is.
    :param columns: snapshot and name of each column that is read; None if every column may be.
    """

    resolved: Resolved
    query: exp.Query
    types: Types
    columns: frozenset[tuple[int, str]] | None


def infer_types(resolved: Resolved) -> Typed:
    """
    Find the types of a query's nodes and the columns that it reads.

    When sqlglot gives up, each node may have any type and each column may be read.

    :raises ApiError: 400 for operands that no operator takes; 501 for a JOIN USING of FLOAT64 columns.
    """
    tree = resolved.query.copy()
    number_nodes(tree)
    schema = _schema(resolved.snapshots)
    try:
        _check_aliases(resolved, schema)
        qualified = _qualify(tree, schema, expand_alias_refs=True)
        annotated = annotate_types(qualified, schema=schema, expression_metadata=_METADATA, dialect=DIALECT)
        types = Types.read(annotated)
        columns = frozenset(_columns(qualified))
    except SqlglotError:
        return Typed(resolved, tree, Types(), None)
    _check_using(tree, annotated)
    _check_operands(tree, types)
    _check_conditions(tree, types)
    check_structs(tree, types)
    check_signatures(tree, types)
    return Typed(resolved, tree, types, columns)


def _qualify(tree: exp.Query, schema: dict[str, Any], expand_alias_refs: bool) -> exp.Expr:
    copied = tree.copy()
    for select in copied.find_all(exp.Select):
        for index, column in enumerate(select.expressions):
            if isinstance(column, exp.Subquery) and not column.alias:
                # sqlglot would put the name into the subquery, and fail where an ORDER BY counts columns
                column.replace(exp.Alias(this=column.copy(), alias=exp.to_identifier(f"_col_{index}")))
    return qualify(
        copied,
        dialect=DIALECT,
        schema=schema,
        expand_alias_refs=expand_alias_refs,
        validate_qualify_columns=False,
        quote_identifiers=False,
        identify=False,
    )


def _check_aliases(resolved: Resolved, schema: dict[str, Any]) -> None:
    """
    Refuse the alias of a column in the WHERE or next to it in the SELECT, where DuckDB knows it.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#alias_visibility
    """
    names = {column.name.lower() for column in resolved.query.find_all(exp.Column) if not column.table}
    if not names & {alias.alias.lower() for alias in resolved.query.find_all(exp.Alias)}:
        return
    for scope in traverse_scope(_qualify(resolved.query, schema, expand_alias_refs=False)):
        selects = scope.expression.selects if isinstance(scope.expression, exp.Query) else []
        aliases = {selected.alias_or_name.lower() for selected in selects}
        for column in scope.columns:
            clause = column.find_ancestor(*_CLAUSES)
            if not column.table and column.name.lower() in aliases and type(clause) in _WITHOUT_ALIASES:
                message = f"Unrecognized name: {column.name}{place(column.this)}"
                raise failure("invalidQuery", message)


def _schema(snapshots: tuple[Snapshot, ...]) -> dict[str, Any]:
    return {
        f"s{index}": {field["name"]: _sql_type(field) for field in part.fields}
        | pseudo_columns(part.table.resource)
        | {ROW: "INTEGER"}
        for index, part in enumerate(snapshots)
    }


def _sql_type(field: Field) -> str:
    return googlesql_type(field)


def _columns(qualified: exp.Expr) -> Iterator[tuple[int, str]]:
    for scope in traverse_scope(qualified):
        for column in scope.columns:
            source = scope.sources.get(column.table)
            mark = source.meta.get("table") if isinstance(source, exp.Table) else None
            if isinstance(mark, TableMark):
                yield mark.snapshot, column.name.lower()


def _check_operands(tree: exp.Expr, types: Types) -> None:
    """Refuse text or truth against a number, which DuckDB would convert."""
    for node in tree.find_all(*_COMPARED):
        if isinstance(node.this, exp.Null) or isinstance(node.expression, exp.Null):
            continue
        operands = [types.of(node.this), types.of(node.expression)]
        unlike = (left in TEXTS | BOOLS and right in NUMBERS for left, right in (operands, operands[::-1]))
        if any(unlike):
            names = ", ".join(_type_name(kind) for kind in operands)
            operator = node.sql("bigquery").replace(node.this.sql("bigquery"), "", 1).split()[0]
            message = f"No matching signature for operator {operator} for argument types: {names}"
            raise failure("invalidQuery", message)


def _check_using(tree: exp.Expr, annotated: exp.Expr) -> None:
    """
    Refuse FLOAT64 columns of a JOIN USING: DuckDB joins a NaN with a NaN there.

    :param tree: the query with its USING.
    :param annotated: the same, for each USING the ON that sqlglot makes of it.
    """
    numbers = {number_of(join) for join in tree.find_all(exp.Join) if join.args.get("using")}
    for join in annotated.find_all(exp.Join):
        condition = join.args.get("on")
        if condition is None or number_of(join) not in numbers:
            continue
        if any(side.type and side.type.this in FLOATS for side in condition.find_all(exp.Column)):
            raise unsupported("JOIN USING of FLOAT64 columns")


def _type_name(kind: exp.DType) -> str:
    names = ((TEXTS, "STRING"), (BOOLS, "BOOL"), (FLOATS, "FLOAT64"), (DECIMALS, "NUMERIC"))
    return next((name for kinds, name in names if kind in kinds), "INT64")


def _demand_on(join: exp.Join) -> None:
    """Refuse a JOIN of tables without a condition, which DuckDB takes for a CROSS JOIN."""
    has_condition = join.args.get("on") or join.args.get("using")
    if has_condition or join.kind == "CROSS" or isinstance(join.this, exp.Unnest):
        return
    raise failure("invalidQuery", "Syntax error: JOIN must have an immediately following ON or USING clause")


def _check_conditions(tree: exp.Expr, types: Types) -> None:
    """Refuse a WHERE, HAVING or ON that is not a condition, which DuckDB would convert."""
    for node in tree.find_all(exp.Where, exp.Having, exp.Join):
        if isinstance(node, exp.Join):
            _demand_on(node)
        condition = node.args.get("on") if isinstance(node, exp.Join) else node.this
        if condition is None or isinstance(condition, exp.Null):
            continue
        kind = types.of(condition)
        if kind in TEXTS | NUMBERS:
            clause = "ON" if isinstance(node, exp.Join) else type(node).__name__.upper()
            message = f"{clause} clause should return type BOOL, but returns type {_type_name(kind)}"
            raise failure("invalidQuery", message)
