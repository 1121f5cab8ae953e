"""Arithmetic and mathematical functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.nodes import (
    Translation,
    arguments,
    call,
    cast,
    number,
    renamed,
    written,
)
from localcloud.bigquery.sql.functions.types import BINARIES, DECIMALS, FLOATS, INTEGERS, Types

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/mathematical_functions and
# https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#arithmetic_operators
MACROS = r"""
CREATE TEMP MACRO bq_float_round(x, digits) AS CASE
    WHEN isfinite(x) OR digits IS NULL THEN bq_round(x, digits) ELSE x END;
CREATE TEMP MACRO bq_float_trunc(x, digits) AS CASE
    WHEN isfinite(x) OR digits IS NULL THEN bq_trunc(x, digits) ELSE x END;
CREATE TEMP MACRO bq_div(a, b) AS
    CASE WHEN b = 0 THEN bq_fail(concat('division by zero: ', a, ' / ', b)) ELSE a / b END;
CREATE TEMP MACRO bq_idiv(a, b) AS CASE WHEN b = 0 THEN bq_fail(concat('division by zero: ', a, ' / ', b))
    ELSE CAST(a AS BIGINT) // CAST(b AS BIGINT) END;
CREATE TEMP MACRO bq_mod(a, b) AS
    CASE WHEN b = 0 THEN bq_fail(concat('division by zero: MOD(', a, ', ', b, ')')) ELSE a % b END;
CREATE TEMP MACRO bq_safe_div(a, b) AS CASE WHEN b = 0 THEN NULL ELSE a / b END;
CREATE TEMP MACRO bq_is_inf(x) AS isinf(CAST(x AS DOUBLE));
CREATE TEMP MACRO bq_is_nan(x) AS isnan(CAST(x AS DOUBLE));
CREATE TEMP MACRO bq_ieee_div(a, b) AS CAST(a AS DOUBLE) / CAST(b AS DOUBLE);
CREATE TEMP MACRO bq_nan_value() AS CAST('nan' AS DOUBLE);
CREATE TEMP MACRO bq_sign(x) AS CASE WHEN isnan(CAST(x AS DOUBLE)) THEN bq_nan_value()
    ELSE CAST(sign(x) AS DOUBLE) END;
CREATE TEMP MACRO bq_ln(x) AS CASE WHEN x = '-inf' THEN bq_nan_value() ELSE ln(x) END;
CREATE TEMP MACRO bq_log10(x) AS CASE WHEN x = '-inf' THEN bq_nan_value()
    WHEN x <= 0 THEN bq_fail(concat('Floating point error in function: LOG10(', x, ')')) ELSE log10(x) END;
CREATE TEMP MACRO bq_log(x, base) AS CASE WHEN x = '-inf' OR isinf(base) THEN bq_nan_value()
    WHEN base = 1 OR base <= 0 OR x <= 0
    THEN bq_fail(concat('Floating point error in function: LOG(', x, ', ', base, ')'))
    ELSE ln(x) / ln(base) END;
CREATE TEMP MACRO bq_pow(x, y) AS CASE WHEN x = 0 AND y < 0 AND y > '-inf'
    THEN bq_fail(concat('Floating point error in function: POW(', x, ', ', y, ')'))
    WHEN NOT isfinite(pow(x, y)) AND isfinite(x) AND isfinite(y)
    THEN bq_fail(concat('Floating point error in function: POW(', x, ', ', y, ')')) ELSE pow(x, y) END;
CREATE TEMP MACRO bq_finite(x, all_finite) AS CASE
    WHEN (all_finite AND NOT isfinite(x)) IS NOT TRUE THEN x
    WHEN bq_fail(concat('double overflow: ', x)) = 0 THEN NULL END;
CREATE TEMP MACRO bq_finite_or_null(x, all_finite) AS CASE WHEN all_finite AND NOT isfinite(x) THEN NULL
    ELSE x END;
CREATE TEMP MACRO bq_acosh(x) AS CASE WHEN x < 1
    THEN bq_fail(concat('Floating point error in function: ACOSH(', x, ')')) ELSE acosh(x) END;
CREATE TEMP MACRO bq_atanh(x) AS CASE WHEN x <= -1 OR x >= 1
    THEN bq_fail(concat('Floating point error in function: ATANH(', x, ')')) ELSE atanh(x) END;
CREATE TEMP MACRO bq_bucket(x, bounds) AS CASE WHEN x IS NULL OR bq_nan(x) THEN NULL
    WHEN list_bool_or(list_transform(bounds, lambda v: v IS NULL OR bq_nan(v))) OR bounds <> list_sort(bounds)
    THEN bq_fail('Array elements in RANGE_BUCKET must be in ascending order, without NULL and NaN')
    ELSE len(list_filter(bounds, lambda v: v <= x)) END;
CREATE TEMP MACRO bq_exp(x) AS CASE WHEN isinf(exp(x)) AND NOT isinf(CAST(x AS DOUBLE))
    THEN bq_fail(concat('Floating point error in function: EXP(', x, ')')) ELSE exp(x) END;
"""
_NUMERIC = "DECIMAL(38, 9)"
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div)
_INT64 = range(-(2**63), 2**63)
# where DuckDB reads a bare number by its place
_BARE = (exp.Ordered, exp.Group, exp.Limit, exp.Offset, exp.Interval, exp.DataTypeParam, exp.WindowSpec)


def _literal(node: exp.Literal, types: Types) -> exp.Expr | None:
    """Turn a number with a decimal point into a FLOAT64, and any other into an INT64."""
    if node.is_string:
        return _with_zeros(node.this) if "\0" in node.this else None
    if not node.is_int and math.isinf(float(node.this)):
        raise failure("invalidQuery", f"Invalid floating point literal: {node.this}")
    if not node.is_int:
        return exp.Literal.number(node.this if "e" in node.this.lower() else f"{node.this}e0")
    if isinstance(node.parent, _BARE):
        return None
    negative = isinstance(node.parent, exp.Neg)
    if (-int(node.this) if negative else int(node.this)) not in _INT64:
        raise failure("invalidQuery", f"Invalid integer literal: {'-' if negative else ''}{node.this}")
    return None if negative else cast(node, "BIGINT")


def _with_zeros(value: str) -> exp.Expr:
    """Write a text around the character 0, with which DuckDB's statements end."""
    first, *others = value.split("\0")
    joined: exp.Expr = exp.Literal.string(first)
    for other in others:
        joined = exp.DPipe(
            this=exp.DPipe(this=joined, expression=call("chr", number(0))),
            expression=exp.Literal.string(other),
        )
    return exp.paren(joined)


def _negative(node: exp.Neg, types: Types) -> exp.Expr | None:
    if isinstance(node.this, exp.Literal) and node.this.is_int:
        return exp.Cast(this=exp.paren(node.copy()), to=exp.DataType.build("BIGINT", dialect="duckdb"))
    return None


def _is_numeric(node: exp.Expr, types: Types) -> bool:
    return _are_numeric(node.this, node.args["expression"], types=types)


def _divide(node: exp.Div, types: Types) -> exp.Expr:
    if _is_numeric(node, types):
        return call("bq_numeric_div", node.this, node.expression)
    quotient = call("bq_div", node.this, node.expression)
    return finite(node, types, quotient) or quotient


def _divide_safely(node: exp.SafeDivide, types: Types) -> exp.Expr:
    if _is_numeric(node, types):
        return call("try", call("bq_numeric_div", node.this, node.expression))
    return _finite_or_null(call("bq_safe_div", node.this, node.expression), node, types)


def _divide_whole(node: exp.IntDiv, types: Types) -> exp.Expr:
    _refuse_float(node, types, "DIV")
    return call("bq_numeric_idiv" if _is_numeric(node, types) else "bq_idiv", node.this, node.expression)


def _modulo(node: exp.Mod, types: Types) -> exp.Expr:
    _refuse_float(node, types, "MOD")
    return call("bq_mod", node.this, node.expression)


def _refuse_float(node: exp.Binary, types: Types, name: str) -> None:
    if {types.of(node.this), types.of(node.expression)} & FLOATS:
        raise failure(
            "invalidQuery", f"No matching signature for function {name} for argument types: FLOAT64"
        )


def _product(node: exp.Mul, types: Types) -> exp.Expr | None:
    if {types.of(node.this), types.of(node.expression)} <= DECIMALS | INTEGERS and _is_numeric(node, types):
        return cast(exp.paren(node.copy()), _NUMERIC)
    return finite(node, types)


def finite(node: exp.Binary, types: Types, translated: exp.Expr | None = None) -> exp.Expr | None:
    """
    Fail if arithmetic of finite FLOAT64 values results in an infinity; wrap a whole formula at once.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#arithmetic_operators

    :param translated: what the operation has become, itself if None.
    :return: None within a formula, and for other types.
    """
    around = node.parent
    while isinstance(around, exp.Paren | exp.Neg):
        around = around.parent
    if types.of(node) not in FLOATS or isinstance(around, _ARITHMETIC):
        return None
    checked = _all_finite(
        part
        for part in _operands(node)
        if types.of(part) not in DECIMALS | INTEGERS and not isinstance(part, exp.Literal)
    )
    return call("bq_finite", translated or exp.paren(node.copy()), checked)


def _all_finite(parts: Iterable[exp.Expr]) -> exp.Expr:
    checked = [call("isfinite", cast(part, "DOUBLE")) for part in parts]
    return exp.and_(*checked) if checked else exp.true()


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield what the operators of a formula are between."""
    while isinstance(node, exp.Paren | exp.Neg):
        node = node.this
    if isinstance(node, exp.Binary) and isinstance(node, _ARITHMETIC):
        yield from _operands(node.this)
        yield from _operands(node.expression)
    elif isinstance(node, exp.Anonymous) and node.name == "bq_div":
        for part in node.expressions:
            yield from _operands(part)
    else:
        yield node


def _round(node: exp.Round, types: Types) -> exp.Expr:
    value, *digits = arguments(node, "this", "decimals", "truncate")
    mode = node.args.get("truncate")
    if mode is not None:
        digits.pop()
        if types.of(value) not in DECIMALS:
            message = "No matching signature for function ROUND: a rounding mode needs a NUMERIC"
            raise failure("invalidQuery", message)
        if mode.name.upper() == "ROUND_HALF_EVEN":
            return call("bq_numeric_half_even", value, *(digits or [number(0)]))
        if mode.name.upper() != "ROUND_HALF_AWAY_FROM_ZERO":
            raise failure("invalidQuery", f"Invalid rounding mode: {mode.name}")
    return _to_digits("round", value, digits, types)


def _to_digits(name: str, value: exp.Expr, digits: list[exp.Expr], types: Types) -> exp.Expr:
    """Round or truncate as GoogleSQL does: DuckDB multiplies, which moves a half."""
    if types.of(value) in DECIMALS:
        return call(f"bq_numeric_{name}", value, *(digits or [number(0)]))
    return (
        call(f"bq_float_{name}", cast(value, "DOUBLE"), *digits)
        if digits
        else call(name, _as_float(value, types))
    )


def _as_float(value: exp.Expr, types: Types) -> exp.Expr:
    return cast(value, "DOUBLE") if types.of(value) in INTEGERS else value


def _truncate(node: exp.Trunc, types: Types) -> exp.Expr:
    value, *digits = arguments(node, "this", "decimals")
    return _to_digits("trunc", value, digits, types)


def _of_float(name: str) -> Translation:
    """Return the translation of a function whose result for an INT64 is a FLOAT64."""
    return lambda node, types: call(name, *(_as_float(value, types) for value in arguments(node, "this")))


def _sign(node: exp.Sign, types: Types) -> exp.Expr:
    kind = types.of(node.this)
    if kind in INTEGERS | DECIMALS:
        return cast(call("sign", node.this), "BIGINT" if kind in INTEGERS else _NUMERIC)
    return call("bq_sign", node.this)


def _logarithm(node: exp.Log, types: Types) -> exp.Expr | None:
    first, *second = arguments(node, "this", "expression")
    if not second:
        return _of_one("ln", "bq_ln")(exp.Ln(this=first), types)
    base, value = first, second[0]
    if _are_numeric(base, value, types=types):
        return call("bq_numeric_log", value, base)
    if written(node).endswith("LOG10"):
        return _of_one("log10", "bq_log10")(exp.Ln(this=value), types)
    return call("bq_log", cast(value, "DOUBLE"), cast(base, "DOUBLE"))


def _of_one(name: str, of_float: str) -> Translation:
    """Return the translation of a function that is NUMERIC for a NUMERIC, else FLOAT64."""

    def translate(node: exp.Func, types: Types) -> exp.Expr:
        if types.of(node.this) in DECIMALS:
            return call(f"bq_numeric_{name}", node.this)
        return call(of_float, cast(node.this, "DOUBLE"))

    return translate


def _power(node: exp.Pow, types: Types) -> exp.Expr:
    if _are_numeric(node.this, node.expression, types=types):
        return call("bq_numeric_pow", node.this, node.expression)
    return call("bq_pow", cast(node.this, "DOUBLE"), cast(node.expression, "DOUBLE"))


def _are_numeric(*values: exp.Expr, types: Types) -> bool:
    """Return whether values that have a type in common have NUMERIC."""
    kinds = {types.of(value) for value in values}
    return bool(kinds & DECIMALS) and kinds <= DECIMALS | INTEGERS


def _bits(node: exp.Expr, types: Types) -> exp.Expr | None:
    if types.of(node.this) in BINARIES:
        raise unsupported("bit operators on BYTES")
    return None


def _shifted(name: str) -> Translation:
    return lambda node, types: _bits(node, types) or call(name, node.this, node.expression)


def _tried(operator: type[exp.Binary]) -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        found = operator(this=exp.paren(node.this.copy()), expression=exp.paren(node.expression.copy()))
        return _finite_or_null(call("try", found), node, types)

    return translate


def _finite_or_null(found: exp.Expr, node: exp.Func, types: Types) -> exp.Expr:
    """Return NULL where arithmetic of finite FLOAT64 values results in an infinity."""
    sides = (node.this, node.expression)
    if not any(types.may_be_float(side) for side in sides):
        return found
    return call("bq_finite_or_null", found, _all_finite(sides))


TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    exp.Literal: _literal,
    exp.Neg: _negative,
    exp.Div: _divide,
    exp.IntDiv: _divide_whole,
    exp.Mod: _modulo,
    exp.Mul: _product,
    exp.SafeDivide: _divide_safely,
    exp.SafeAdd: _tried(exp.Add),
    exp.SafeSubtract: _tried(exp.Sub),
    exp.SafeMultiply: _tried(exp.Mul),
    exp.SafeNegate: lambda node, types: call("try", exp.Neg(this=exp.paren(node.this.copy()))),
    exp.Round: _round,
    exp.Trunc: _truncate,
    exp.Ceil: _of_float("ceil"),
    exp.Floor: _of_float("floor"),
    exp.Sign: _sign,
    exp.Log: _logarithm,
    exp.Pow: _power,
    exp.Exp: _of_one("exp", "bq_exp"),
    exp.Ln: _of_one("ln", "bq_ln"),
    exp.Sqrt: _of_one("sqrt", "sqrt"),
    **dict.fromkeys((exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot), _bits),
    exp.BitwiseCount: lambda node, types: _bits(node, types) or cast(call("bit_count", node.this), "BIGINT"),
    exp.Acosh: renamed("bq_acosh", "this"),
    exp.Atanh: renamed("bq_atanh", "this"),
    exp.RangeBucket: renamed("bq_bucket", "this", "expression"),
    exp.BitwiseLeftShift: _shifted("bq_left_shift"),
    exp.BitwiseRightShift: _shifted("bq_right_shift"),
    exp.IsInf: renamed("bq_is_inf", "this"),
    exp.IsNan: renamed("bq_is_nan", "this"),
}
BY_NAME = {"IEEE_DIVIDE": "bq_ieee_div"}
