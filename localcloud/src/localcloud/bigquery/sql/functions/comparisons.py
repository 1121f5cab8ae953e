"""Comparisons and orders: NaN, NULL and patterns."""

from __future__ import annotations

import re

from sqlglot import exp

from localcloud.bigquery.errors import failure
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, number, text
from localcloud.bigquery.sql.functions.types import BINARIES, FLOATS, TEXTS, UNKNOWN, Types, field_types

# DuckDB orders NaN above every number and equal to itself; for BigQuery no comparison with NaN holds, and
# NaN comes before every number.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#floating_point_semantics
# and https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#comparison_operators
MACROS = r"""
CREATE TEMP MACRO bq_nan(x) AS typeof(x) IN ('DOUBLE', 'FLOAT') AND CAST(x AS VARCHAR) IN ('nan', '-nan');
CREATE TEMP MACRO bq_gt(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN FALSE ELSE a > b END;
CREATE TEMP MACRO bq_gte(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN FALSE ELSE a >= b END;
CREATE TEMP MACRO bq_eq(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN FALSE ELSE a = b END;
CREATE TEMP MACRO bq_neq(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN TRUE ELSE a <> b END;
CREATE TEMP MACRO bq_no_nan(x) AS CASE WHEN bq_nan(x) THEN NULL ELSE x END;
CREATE TEMP MACRO bq_rank(x) AS CASE WHEN x IS NULL THEN NULL WHEN bq_nan(x) THEN 0 ELSE 1 END;
CREATE TEMP MACRO bq_any(found) AS CASE WHEN list_contains(found, TRUE) THEN TRUE
    WHEN len(list_filter(found, lambda f: f IS NULL)) > 0 THEN NULL ELSE FALSE END;
CREATE TEMP MACRO bq_all(found) AS CASE WHEN list_contains(found, FALSE) THEN FALSE
    WHEN len(list_filter(found, lambda f: f IS NULL)) > 0 THEN NULL ELSE TRUE END;
CREATE TEMP MACRO bq_greatest(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE greatest(a, b) END;
CREATE TEMP MACRO bq_least(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL WHEN bq_nan(a) THEN a
    WHEN bq_nan(b) THEN b ELSE least(a, b) END;
"""
_COMPARISONS: dict[type[exp.Expr], tuple[str, bool]] = {
    exp.GT: ("bq_gt", False),
    exp.GTE: ("bq_gte", False),
    exp.LT: ("bq_gt", True),
    exp.LTE: ("bq_gte", True),
    exp.EQ: ("bq_eq", False),
    exp.NEQ: ("bq_neq", False),
}


def _compare(node: exp.Binary, types: Types) -> exp.Expr | None:
    if isinstance(node.parent, exp.Update | exp.PropertyEQ) or node.arg_key == "options":
        return None
    operands = [node.this, node.expression]
    fields = [types.fields_of(operand) for operand in operands]
    if all(fields) and isinstance(node, exp.EQ | exp.NEQ):
        equal = _equal_fields(*operands, *fields)
        return exp.Not(this=equal) if isinstance(node, exp.NEQ) else equal
    if not any(types.may_be_float(operand) for operand in operands):
        return None
    if any(isinstance(operand, exp.Tuple | exp.Subquery | exp.Any | exp.All) for operand in operands):
        return None
    name, swapped = _COMPARISONS[type(node)]
    return call(name, *(reversed(operands) if swapped else operands))


def _equal_fields(
    left: exp.Expr, right: exp.Expr, lefts: list[exp.DataType], rights: list[exp.DataType]
) -> exp.Expr:
    """
    Compare the fields of STRUCTs by their places: of NULLs nothing is known, which DuckDB takes for equal.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#comparison_operators
    """
    compared: list[exp.Expr] = []
    for place, kinds in enumerate(zip(lefts, rights, strict=True), start=1):
        parts = [call("struct_extract_at", side, number(place)) for side in (left, right)]
        inner = [field_types(kind) for kind in kinds]
        if exp.DType.ARRAY in [kind.this for kind in kinds] or len(inner[0]) != len(inner[1]):
            raise failure("invalidQuery", "Equality is not defined for the fields of these STRUCTs")
        left_part, right_part = parts
        compared.append(_equal_fields(left_part, right_part, *inner) if all(inner) else call("bq_eq", *parts))
    return exp.paren(exp.and_(*compared))


def _between(node: exp.Between, types: Types) -> exp.Expr | None:
    value, low, high = node.this, node.args["low"], node.args["high"]
    if not any(types.may_be_float(part) for part in (value, low, high)):
        return None
    return exp.paren(exp.and_(call("bq_gte", value, low), call("bq_gte", high, value), copy=False))


def _in(node: exp.In, types: Types) -> exp.Expr | None:
    if types.of(node.this) not in FLOATS:
        return None
    held = exp.In(
        **{key: value.copy() if isinstance(value, exp.Expr) else value for key, value in node.args.items()}
    )
    return exp.Case().when(call("bq_nan", node.this), exp.false()).else_(held)


def _case(node: exp.Case, types: Types) -> exp.Expr | None:
    """Let a NaN after CASE be equal to no value, as NULL is."""
    if node.this is None or not types.may_be_float(node.this):
        return None
    held = node.copy()
    held.set("this", call("bq_no_nan", node.this))
    return held


def _null_if(node: exp.Nullif, types: Types) -> exp.Expr:
    """Return the first of two values in the common type of both, which DuckDB's NULLIF does not."""
    first, second = node.this, node.expression
    return (
        exp.Case()
        .when(call("bq_eq", first, second), exp.null())
        .when(exp.false(), second.copy())
        .else_(first.copy())
    )


def _like(node: exp.Like, types: Types) -> exp.Expr | None:
    """Make a backslash the escape character, which it is by default in BigQuery."""
    if isinstance(node.expression, exp.Any | exp.All):
        return _like_each(node, node.expression, types)
    if isinstance(node.parent, exp.Escape):
        return None
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and len(re.findall(r"\\*$", pattern.name)[0]) % 2:
        raise failure("invalidQuery", "LIKE pattern ends with a backslash")
    value, pattern = (
        call("bq_latin", side) if types.of(side) in BINARIES else side.copy() for side in (node.this, pattern)
    )
    return _escaped(value, pattern, bool(node.args.get("negate")))


def _escaped(value: exp.Expr, pattern: exp.Expr, negate: bool) -> exp.Expr:
    escaped = exp.Escape(this=exp.Like(this=value, expression=pattern), expression=text("\\"))
    return exp.Not(this=exp.paren(escaped)) if negate else escaped


def _like_each(node: exp.Like, quantifier: exp.Any | exp.All, types: Types) -> exp.Expr:
    """Compare with each pattern of an array: the empty one has none that matches, and none that does not."""
    element = types.element_of(quantifier.this)
    if element not in TEXTS | BINARIES | UNKNOWN and quantifier.this.expressions:
        raise failure("invalidQuery", "No matching signature for operator LIKE: it takes STRING or BYTES")
    value, pattern = node.this.copy(), exp.to_identifier("bq_pattern")
    each: exp.Expr = exp.column(pattern.copy())
    if element in BINARIES:
        value, each = call("bq_latin", value), call("bq_latin", each)
    matched = exp.Lambda(
        this=_escaped(value, each, bool(node.args.get("negate"))), expressions=[pattern.copy()]
    )
    name = "bq_any" if isinstance(quantifier, exp.Any) else "bq_all"
    return call(name, call("list_transform", quantifier.this, matched))


def _extreme_of(name: str) -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        first, *others = arguments(node, "this", "expressions")
        found = first
        for other in others:
            found = call(name, found, other)
        return found.copy()

    return translate


TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    **dict.fromkeys(_COMPARISONS, _compare),
    exp.Between: _between,
    exp.In: _in,
    exp.Case: _case,
    exp.Nullif: _null_if,
    exp.Like: _like,
    exp.Greatest: _extreme_of("bq_greatest"),
    exp.Least: _extreme_of("bq_least"),
}
