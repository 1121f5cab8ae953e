"""Clauses that DuckDB reads differently: the order of NaN, and the columns of JOIN USING."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.sql.functions.nodes import call
from localcloud.bigquery.sql.functions.types import FLOATS, Types, stand_in


def rewrite_clauses(tree: exp.Query, types: Types) -> exp.Query:
    """
    Rewrite the clauses of a query and of those in it.

    :param tree: changed in place.
    :return: the tree, or what replaces all of it.
    """
    for operation in list(tree.find_all(exp.SetOperation)):
        if operation.args.get("order") and any(types.may_be_float(column) for column in operation.selects):
            outer = _order_outside(operation)
            if operation is tree:
                tree = outer
            operation.replace(outer)
    for order in list(tree.find_all(exp.Order)):
        _order_nan_first(order, types)
    for select in tree.find_all(exp.Select):
        _put_using_first(select)
    for join in tree.find_all(exp.Join):
        # each row of the left side stays, also next to an empty array
        if (
            join.side == "LEFT"
            and isinstance(join.this, exp.Unnest)
            and not (join.args.get("on") or join.args.get("using"))
        ):
            join.set("on", exp.true())
    return tree


def _order_outside(operation: exp.SetOperation) -> exp.Select:
    """Order the rows of a set operation in a SELECT around it: DuckDB orders them by bare columns only."""
    inner = operation.copy()
    outer = exp.select("*")
    for key in ("order", "limit", "offset"):
        clause = inner.args.get(key)
        if clause:
            inner.set(key, None)
            outer.set(key, clause)
    stand_in(outer, operation)
    return outer.from_(inner.subquery("operation", copy=False), copy=False)


def _order_nan_first(order: exp.Order, types: Types) -> None:
    """
    Order NaN before all numbers, by an extra key before the value.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#floating_point_semantics

    :raises ApiError: 501 for a frame that this key cannot order.
    """
    around = order.parent
    spec = around.args.get("spec") if isinstance(around, exp.Window) else None
    bounds = [spec.args.get(name) for name in ("start", "end")] if spec else []
    is_range = spec and spec.args.get("kind") == "RANGE"
    by_distance = is_range and any(isinstance(bound, exp.Expr) for bound in bounds)
    has_floats = any(types.of(key.this) in FLOATS for key in order.expressions)
    if by_distance and has_floats and "UNBOUNDED" in bounds:
        # DuckDB has NaN at the other end, and takes no key before the value
        raise unsupported("RANGE between UNBOUNDED and a distance of FLOAT64")
    if by_distance or isinstance(order.this, exp.Distinct):
        return
    keys: list[exp.Expr] = []
    for key in order.expressions:
        value = _meant(key.this, around)
        if types.may_be_float(value) and not isinstance(value, exp.Literal):
            rank = key.copy()
            rank.set("this", call("bq_rank", value))
            keys.append(rank)
        keys.append(key)
    order.set("expressions", keys)


def _meant(value: exp.Expr, around: exp.Expr | None) -> exp.Expr:
    """Return what an ORDER BY of a SELECT names by its alias or its number."""
    if not isinstance(around, exp.Select):
        return value
    listed = around.expressions
    if isinstance(value, exp.Literal) and value.is_int:
        index = int(value.name) - 1
        is_listed = 0 <= index < len(listed) and not any(column.is_star for column in listed)
        return listed[index].unalias() if is_listed else value
    if isinstance(value, exp.Column) and not value.table:
        named = (column for column in listed if isinstance(column, exp.Alias))
        return next((column.this for column in named if column.alias.lower() == value.name.lower()), value)
    return value


def _put_using_first(select: exp.Select) -> None:
    """
    Put the columns of USING before all others of a ``*``, each once.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#using_clause

    :raises ApiError: 501 for a ``* REPLACE`` of such a join.
    """
    joins = select.args.get("joins") or []
    names = [name for join in reversed(joins) for name in (join.args.get("using") or [])]
    stars = [column for column in select.expressions if isinstance(column, exp.Star)]
    if not names or not stars:
        return
    if any(star.args.get("replace") for star in stars):
        raise unsupported("* REPLACE of a JOIN USING")
    columns: list[exp.Expr] = []
    for column in select.expressions:
        if isinstance(column, exp.Star):
            columns += _without_star(column, list({name.name.lower(): name for name in names}.values()))
        else:
            columns.append(column)
    select.set("expressions", columns)


def _without_star(star: exp.Star, names: list[exp.Expr]) -> list[exp.Expr]:
    left_out = star.args.get("except_") or []
    hidden = {name.name.lower() for name in left_out}
    shown = [name for name in names if name.name.lower() not in hidden]
    star.set("except_", [*left_out, *(exp.to_identifier(name.name) for name in shown)])
    return [*(exp.column(name.name) for name in shown), star]
