"""Aggregate functions, alone and over windows."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.nodes import Translation, call, cast, number, written
from localcloud.bigquery.sql.functions.types import BINARIES, DECIMALS, FLOATS, INTEGERS, UNKNOWN, Types

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions
MACROS = r"""
CREATE TEMP MACRO bq_top(counts, nulls, n) AS list_transform(list_slice(list_sort(list_concat(
    list_transform(map_entries(counts), lambda e: {'order': -CAST(e.value AS BIGINT), 'value': e.key}),
    CASE WHEN nulls > 0 THEN [{'order': -nulls, 'value': NULL}] ELSE [] END)), 1, n),
    lambda e: {'value': e.value, 'count': -e.order});
CREATE TEMP MACRO bq_in_numeric(x) AS CASE WHEN abs(x) <= 99999999999999999999999999999.999999999
    OR x IS NULL THEN x WHEN bq_fail(concat('numeric overflow: ', x)) = 0 THEN NULL END;
CREATE TEMP MACRO bq_offset(n) AS CASE WHEN n >= 0 THEN n
    ELSE bq_fail('The offset of LAG and LEAD must not be NULL or negative') END;
CREATE TEMP MACRO bq_not_nan(x, any_nan) AS CASE WHEN any_nan IS NOT TRUE THEN x
    WHEN bq_fail(concat('localcloud''s BigQuery does not support percentiles of values with a NaN: ', x)) = 0
    THEN NULL END;
"""
# makes of an aggregate what is aggregated: itself, or itself over the window that it stands in
_Over = Callable[[exp.Expr], exp.Expr]


def _aggregate(translate: Callable[[exp.Expr, Types, _Over], exp.Expr | None]) -> Translation:
    """Leave an aggregate to its window if it stands in one."""

    def alone(node: exp.Expr, types: Types) -> exp.Expr | None:
        if isinstance(node.parent, exp.Window):
            return None
        return translate(node, types, lambda aggregate: aggregate)

    return alone


def _window(node: exp.Window, types: Types) -> exp.Expr | None:
    function = node.this
    if isinstance(function, exp.IgnoreNulls) and isinstance(
        function.this, exp.PercentileCont | exp.PercentileDisc
    ):
        function = function.this
    translate = _BY_WINDOW.get(type(function))

    def over(aggregate: exp.Expr) -> exp.Expr:
        window = node.copy()
        window.set("this", aggregate)
        return window

    return translate(function, types, over) if translate else None


def _count_if(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    if isinstance(node.this, exp.Distinct):
        raise unsupported("COUNTIF(DISTINCT ...)")
    hit = exp.Case().when(node.this.copy(), exp.Literal.number(1))
    return over(exp.Count(this=hit))


def _sum(node: exp.Expr, types: Types, over: _Over) -> exp.Expr | None:
    """Return INT64 for the sum of INT64 values, and an error on overflow."""
    kind = types.of(_value(node))
    if types.of(node) in INTEGERS or kind in INTEGERS:
        return cast(over(node.copy()), "BIGINT")
    if kind in DECIMALS:
        return call("bq_in_numeric", over(node.copy()))
    if kind in FLOATS:
        infinite = over(call("bool_or", exp.Not(this=call("isfinite", _value(node)))))
        return call("bq_finite", over(node.copy()), exp.Not(this=infinite))
    return None


def _average(node: exp.Expr, types: Types, over: _Over) -> exp.Expr | None:
    if types.of(_value(node)) not in DECIMALS:
        return None
    total, count = exp.Sum(this=node.this.copy()), exp.Count(this=node.this.copy())
    # without a value the count is 0 and the sum NULL, which is the average too
    return call("bq_numeric_div", over(total), exp.Nullif(this=over(count), expression=exp.Literal.number(0)))


def _value(node: exp.Expr) -> exp.Expr:
    inner = node.this
    return inner.expressions[0] if isinstance(inner, exp.Distinct) and inner.expressions else inner


def _extreme(node: exp.Expr, types: Types, over: _Over) -> exp.Expr | None:
    """Return NaN for the minimum and the maximum of values with a NaN."""
    if types.of(_value(node)) not in FLOATS:
        return None
    any_nan = over(call("bool_or", call("isnan", _value(node))))
    nan = exp.cast(exp.Literal.string("nan"), "DOUBLE")
    return exp.Case().when(any_nan, nan).else_(over(node.copy()))


def _spread(node: exp.Expr, types: Types, over: _Over) -> exp.Expr | None:
    """Return NaN for the spread of values with a NaN or an infinity, where DuckDB fails."""
    if types.of(_value(node)) not in FLOATS:
        return None
    any_infinite = over(call("bool_or", exp.Not(this=call("isfinite", _value(node)))))
    nan = exp.cast(exp.Literal.string("nan"), "DOUBLE")
    finite = exp.Case().when(call("isfinite", _value(node)), _value(node).copy())
    spread = node.copy()
    spread.set("this", exp.Distinct(expressions=[finite]) if isinstance(node.this, exp.Distinct) else finite)
    return exp.Case().when(any_infinite, nan).else_(over(spread))


def _correlation(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    """Return NULL for the correlation of fewer than two pairs, and NaN where one has a NaN or an infinity."""
    sides = [cast(side, "DOUBLE") for side in (node.this, node.args["expression"])]
    few = exp.LT(this=over(call("regr_count", *sides)), expression=number(2))
    # finite numbers times zero are zero
    first, second = (exp.Mul(this=side.copy(), expression=number(0)) for side in sides)
    zero = exp.Add(this=first, expression=second)
    any_infinite = over(call("bool_or", exp.Not(this=call("isfinite", zero))))
    nan = exp.cast(exp.Literal.string("nan"), "DOUBLE")
    finite = [exp.Case().when(call("isfinite", side), side.copy()) for side in sides]
    found = over(exp.Corr(this=finite[0], expression=finite[1]))
    return exp.Case().when(few, exp.null()).when(any_infinite, nan).else_(found)


def _any_value(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    if isinstance(node.this, exp.HavingMax):
        name = "arg_max_null" if node.this.args.get("max") else "arg_min_null"
        return over(call(name, node.this.this, node.this.expression))
    return over(call("any_value", node.this))


def _value_at(name: str) -> Callable[[exp.Expr, Types, _Over], exp.Expr]:
    """Return the translation of MAX_BY or MIN_BY, which may give NULL."""
    return lambda node, types, over: over(call(name, node.this, node.args["expression"]))


def _approximate_count(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    """Count exactly, as BigQuery does for few values."""
    return over(exp.Count(this=exp.Distinct(expressions=[node.this.copy()])))


def _top(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    """Count exactly, as BigQuery does for few values; of those as frequent, the least come first."""
    count = node.args["expression"]
    if types.of(node.this) in FLOATS | UNKNOWN:
        raise unsupported("APPROX_TOP_COUNT of FLOAT64")
    missing = call("count_if", exp.Is(this=exp.paren(node.this.copy()), expression=exp.null()))
    return call("bq_top", over(call("histogram", node.this)), cast(over(missing), "BIGINT"), count)


def _quantiles(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    parts = node.args.get("expression")
    literal = parts.find(exp.Literal) if parts else None
    if literal is None or isinstance(node.this, exp.Distinct):
        raise unsupported("APPROX_QUANTILES in this form")
    count = int(literal.name)
    shares = [exp.Literal.number(f"{index / count!r}") for index in range(count + 1)]
    return over(call("quantile_disc", node.this, exp.Array(expressions=shares)))


def _array(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    """Collect an array; ORDER BY, DISTINCT and LIMIT stand within the call."""
    wrapped = node.parent
    ignores = isinstance(wrapped, exp.IgnoreNulls)
    value, limit = node.this, None
    if isinstance(value, exp.Limit):
        value, limit = value.this, value.expression
    collected: exp.Expr = call("list", value)
    if ignores:
        collected = _present(collected, value)
    collected = over(collected)
    if limit is not None:
        collected = call("list_slice", collected, exp.Literal.number(1), limit)
    return collected


def _present(aggregate: exp.Expr, value: exp.Expr) -> exp.Expr:
    """Restrict an aggregate to the values that are not NULL."""
    inner = value.this if isinstance(value, exp.Order) else value
    inner = inner.expressions[0] if isinstance(inner, exp.Distinct) else inner
    kept = exp.Not(this=exp.Is(this=exp.paren(inner.copy()), expression=exp.null()))
    return exp.Filter(this=aggregate, expression=exp.Where(this=kept))


def _concatenated(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    if isinstance(node.this, exp.Limit):
        raise unsupported("ARRAY_CONCAT_AGG with LIMIT")
    return call("flatten", over(_present(call("list", node.this), node.this)))


def _ignore_nulls(node: exp.IgnoreNulls, types: Types) -> exp.Expr | None:
    """Remove IGNORE NULLS, which an array's FILTER replaces."""
    return node.this.copy() if not isinstance(node.this, exp.AggFunc | exp.Window) else None


def _joined(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    separator = node.args.get("separator") or exp.Literal.string(",")
    value = node.this
    if isinstance(value, exp.Limit):
        return _joined_few(value, separator, over)
    if types.of(_value(node)) in BINARIES:
        raise unsupported("STRING_AGG of BYTES")
    if isinstance(value, exp.Order):
        keys = value.expressions
        inner = value.this
        ordered = exp.Order(this=separator.copy(), expressions=[key.copy() for key in keys])
        return over(call("string_agg", inner, ordered))
    return over(call("string_agg", value, separator))


def _joined_few(limited: exp.Limit, separator: exp.Expr, over: _Over) -> exp.Expr:
    """Join the first of the texts that are not NULL."""
    few = call(
        "list_slice", over(_present(call("list", limited.this), limited.this)), number(1), limited.expression
    )
    return call("array_to_string", few, separator)


def _percentile(node: exp.Expr, types: Types, over: _Over) -> exp.Expr:
    """
    Return a percentile of a window without an order.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/navigation_functions#percentile_cont
    """
    value, literal = node.this, node.args["expression"].find(exp.Literal)
    if (
        literal is None
        or node.args["expression"].find(exp.Column, exp.Neg)
        or not 0 <= float(literal.name) <= 1
    ):
        raise failure("invalidQuery", f"The percentile of {written(node)} must be a constant from 0 to 1")
    kind = types.of(value)
    share = exp.Literal.number(literal.name)
    if isinstance(node, exp.PercentileCont):
        if kind in DECIMALS:
            raise unsupported("PERCENTILE_CONT of NUMERIC")
        value = cast(value, "DOUBLE")
    name = "quantile_cont" if isinstance(node, exp.PercentileCont) else "quantile_disc"
    found = over(call(name, value, share))
    if kind not in FLOATS | UNKNOWN:
        return found
    return call("bq_not_nan", found, over(call("bool_or", call("bq_nan", value))))


def _lead(node: exp.Expr, types: Types) -> exp.Expr | None:
    offset = node.args.get("offset")
    if offset is None:
        return None
    held = node.copy()
    held.set("offset", call("bq_offset", offset))
    return held


_BY_WINDOW: dict[type[exp.Expr], Callable[[exp.Expr, Types, _Over], exp.Expr | None]] = {
    exp.CountIf: _count_if,
    exp.Sum: _sum,
    exp.Avg: _average,
    exp.Min: _extreme,
    exp.Max: _extreme,
    **dict.fromkeys((exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop), _spread),
    exp.Corr: _correlation,
    exp.AnyValue: _any_value,
    exp.ArgMax: _value_at("arg_max_null"),
    exp.ArgMin: _value_at("arg_min_null"),
    exp.ApproxDistinct: _approximate_count,
    exp.ApproxTopK: _top,
    exp.ApproxQuantiles: _quantiles,
    exp.PercentileCont: _percentile,
    exp.PercentileDisc: _percentile,
    exp.ArrayAgg: _array,
    exp.ArrayConcatAgg: _concatenated,
    exp.GroupConcat: _joined,
}
TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    **{kind: _aggregate(translate) for kind, translate in _BY_WINDOW.items()},
    exp.Window: _window,
    exp.Lag: _lead,
    exp.Lead: _lead,
    exp.IgnoreNulls: _ignore_nulls,
}
