"""Where GoogleSQL and DuckDB mean different things by the same word, and which functions are served."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from localcloud.bigquery.failures import failure, unsupported

# DuckDB orders NaN above every number and equal to itself; for BigQuery no comparison with NaN holds.
MACROS = """
CREATE TEMP MACRO bq_nan(x) AS typeof(x) IN ('DOUBLE', 'FLOAT') AND CAST(x AS VARCHAR) = 'nan';
CREATE TEMP MACRO bq_gt(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN FALSE ELSE a > b END;
CREATE TEMP MACRO bq_gte(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN FALSE ELSE a >= b END;
CREATE TEMP MACRO bq_eq(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN FALSE ELSE a = b END;
CREATE TEMP MACRO bq_neq(a, b) AS CASE WHEN bq_nan(a) OR bq_nan(b) THEN TRUE ELSE a <> b END;
CREATE TEMP MACRO bq_min(x) AS CASE WHEN bool_or(isnan(x)) THEN CAST('nan' AS DOUBLE) ELSE min(x) END;
CREATE TEMP MACRO bq_max(x) AS CASE WHEN bool_or(isnan(x)) THEN CAST('nan' AS DOUBLE) ELSE max(x) END;
CREATE TEMP MACRO bq_div(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a / b END;
CREATE TEMP MACRO bq_idiv(a, b) AS
    CASE WHEN b = 0 THEN error('division by zero') ELSE CAST(a AS BIGINT) // CAST(b AS BIGINT) END;
CREATE TEMP MACRO bq_mod(a, b) AS CASE WHEN b = 0 THEN error('division by zero') ELSE a % b END;
CREATE TEMP MACRO bq_text(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT')
    THEN replace(replace(regexp_replace(CAST(x AS VARCHAR), '\\.0$', ''), 'nan', 'NaN'), 'inf', 'Infinity')
    ELSE CAST(x AS VARCHAR) END;
CREATE TEMP MACRO bq_seconds(n) AS make_timestamptz(CAST(n AS BIGINT) * 1000000);
CREATE TEMP MACRO bq_millis(n) AS make_timestamptz(CAST(n AS BIGINT) * 1000);
CREATE TEMP MACRO bq_micros(n) AS make_timestamptz(CAST(n AS BIGINT));
CREATE TEMP MACRO bq_is_inf(x) AS isinf(CAST(x AS DOUBLE));
"""

# What means the same in both, or is made to: any other function is refused by name.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
_SERVED = {
    *["Abs", "And", "AnyValue", "ApproxDistinct", "ApproxQuantiles", "Array", "ArraySize", "Avg", "Case"],
    *["Cast", "JSONExtractScalar"],
    *["Ceil", "Coalesce", "Concat", "Corr", "Count", "CountIf", "CovarPop", "CovarSamp", "CurrentDate"],
    *["CurrentTimestamp", "Date", "DateDiff", "DenseRank", "EndsWith", "Exists", "Exp", "Extract"],
    *["FirstValue", "Floor", "Greatest", "GroupConcat", "If", "IsInf", "IsNan", "Lag", "Lead", "Least"],
    *["Left", "Length", "Ln", "LogicalAnd", "LogicalOr", "Lower", "Max", "Min", "Ntile", "Nullif", "Or"],
    *["Pow", "Rand", "Rank", "RegexpLike", "Replace", "Right", "Round", "RowNumber", "SafeDivide"],
    *["Sign", "Sqrt", "StartsWith", "Stddev", "StddevPop", "StddevSamp", "Substring", "Sum"],
    *["Timestamp", "TimestampAdd", "TimestampDiff", "TimestampSub", "TimestampTrunc", "Trim", "TryCast"],
    *["UnixMicros", "UnixMillis", "UnixSeconds", "UnixToTime", "Unnest", "Upper", "Variance"],
    *["VariancePop", "Xor"],
}
_SERVED_BY_NAME: dict[str, str | None] = {
    "TIMESTAMP_SECONDS": "bq_seconds",
    "TIMESTAMP_MILLIS": "bq_millis",
    "TIMESTAMP_MICROS": "bq_micros",
    "ERROR": None,
}
_COMPARISONS: dict[type[exp.Expr], tuple[str, bool]] = {
    exp.GT: ("bq_gt", False),
    exp.GTE: ("bq_gte", False),
    exp.LT: ("bq_gt", True),
    exp.LTE: ("bq_gte", True),
    exp.EQ: ("bq_eq", False),
    exp.NEQ: ("bq_neq", False),
}
_TYPED = (*_COMPARISONS, exp.Min, exp.Max, exp.Cast, exp.Add, exp.Sub, exp.Mul, exp.Div)
_FLOATS = {exp.DType.DOUBLE, exp.DType.FLOAT}
_UNKNOWN = {exp.DType.UNKNOWN, exp.DType.NULL}
_TEXTS = {exp.DType.TEXT, exp.DType.VARCHAR}
_NUMBERS = {exp.DType.BIGINT, exp.DType.INT, exp.DType.DECIMAL, *_FLOATS}
_TIME_PARTS = {"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"}
OperandTypes = dict[int, list[Any]]


def check_functions(statement: exp.Expr) -> None:
    """
    Refuse what has no equivalent here, before anything runs.

    :raises ApiError: 501 that names the function.
    """
    for node in statement.find_all(exp.Func):
        if isinstance(node, exp.Anonymous):
            if node.name.upper() not in _SERVED_BY_NAME:
                raise unsupported(f"the function {node.name.upper()}")
        elif type(node).__name__ not in _SERVED:
            raise unsupported(f"the function {node.sql_name()}")
    for kind in (exp.Struct, exp.Pivot, exp.TableSample, exp.SessionParameter, exp.Interval):
        found = statement.find(kind)
        if found and not (kind is exp.Interval and isinstance(found.parent, exp.Add | exp.Sub)):
            raise unsupported(f"{kind.__name__.upper()} ({found.sql('bigquery')})")


def number_typed_nodes(statement: exp.Expr) -> None:
    """Mark the nodes whose meaning hangs on their operands' types, so that a typed copy can tell."""
    for index, node in enumerate(n for n in statement.walk() if isinstance(n, _TYPED)):
        node.meta["typed"] = index


def operand_types(typed: exp.Expr) -> OperandTypes:
    """Collect the operand types of the marked nodes from a copy that has types."""
    return {node.meta["typed"]: [_type(child) for child in _operands(node)] for node in _marked(typed)}


def _marked(tree: exp.Expr) -> Iterator[exp.Expr]:
    return (node for node in tree.walk() if "typed" in node.meta)


def _operands(node: exp.Expr) -> list[exp.Expr]:
    return [node.this, node.expression] if isinstance(node, exp.Binary) else [node.this]


def _type(node: exp.Expr) -> Any:
    return node.type.this if node.type else exp.DType.UNKNOWN


def check_operands(statement: exp.Expr, types: OperandTypes) -> None:
    """
    Refuse text against a number, which DuckDB would convert.

    :raises ApiError: 400 in BigQuery's words.
    """
    for node in _marked(statement):
        operands = types.get(node.meta["typed"], [])
        if len(operands) == 2 and any(
            left in _TEXTS and right in _NUMBERS for left, right in (operands, operands[::-1])
        ):
            names = ", ".join(
                "STRING" if t in _TEXTS else "FLOAT64" if t in _FLOATS else "INT64" for t in operands
            )
            operator = node.sql("bigquery").replace(node.this.sql("bigquery"), "", 1).split()[0]
            message = f"No matching signature for operator {operator} for argument types: {names}"
            raise failure("invalidQuery", message)


def to_duckdb(statement: exp.Expr, types: OperandTypes) -> exp.Expr:
    """
    Replace what DuckDB would read differently.

    :param types: what :func:`operand_types` found; a node that is missing there may have any type.
    """
    for node in reversed(list(statement.walk())):
        typed = node.this if isinstance(node, exp.Window) else node
        replacement = _replacement(node, types.get(typed.meta.get("typed", -1)))
        if replacement is not None:
            if node is statement:
                statement = replacement
            node.replace(replacement)
    return statement


def _replacement(node: exp.Expr, types: list[Any] | None) -> exp.Expr | None:
    if type(node) in _COMPARISONS:
        return _comparison(node, types)
    if isinstance(node, exp.Min | exp.Max):
        return _extreme(node, types)
    if isinstance(node, exp.Window):
        return _extreme_over(node, types)
    if isinstance(node, exp.Literal):
        return _number(node)
    if isinstance(node, exp.Cast):
        return _cast(node, types)
    if isinstance(node, exp.Extract):
        _part_of_time(node)
    return _by_macro(node)


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def _comparison(node: exp.Expr, types: list[Any] | None) -> exp.Expr | None:
    if isinstance(node.parent, exp.Update | exp.PropertyEQ) or node.arg_key == "options":
        return None
    if types is not None and not any(t in _FLOATS or t in _UNKNOWN for t in types):
        return None
    name, swapped = _COMPARISONS[type(node)]
    operands = _operands(node)
    if any(isinstance(operand, exp.Tuple | exp.Subquery | exp.Any | exp.All) for operand in operands):
        return None
    return _call(name, *(reversed(operands) if swapped else operands))


def _extreme(node: exp.Expr, types: list[Any] | None) -> exp.Expr | None:
    if isinstance(node.parent, exp.Window) or not types or types[0] not in _FLOATS:
        return None
    return _call("bq_min" if isinstance(node, exp.Min) else "bq_max", node.this)


def _extreme_over(node: exp.Window, types: list[Any] | None) -> exp.Expr | None:
    if not isinstance(node.this, exp.Min | exp.Max) or not types or types[0] not in _FLOATS:
        return None
    any_nan = node.copy()
    any_nan.set("this", _call("bool_or", exp.IsNan(this=node.this.this.copy())))
    return exp.Case().when(any_nan, exp.cast(exp.Literal.string("nan"), "DOUBLE")).else_(node.copy())


def _number(node: exp.Literal) -> exp.Expr | None:
    if node.is_string:
        return None
    if not node.is_int:
        return exp.Literal.number(node.this if "e" in node.this.lower() else f"{node.this}e0")
    if isinstance(node.parent, exp.Add | exp.Sub | exp.Mul | exp.Neg):
        return exp.cast(node.copy(), "BIGINT")
    return None


def _cast(node: exp.Cast, types: list[Any] | None) -> exp.Expr | None:
    target = node.to.this
    is_float = not types or types[0] in _FLOATS or types[0] in _UNKNOWN
    if target == exp.DType.DECIMAL and not node.to.expressions:
        node.set("to", exp.DataType.build("DECIMAL(38, 9)", dialect="duckdb"))
    elif target == exp.DType.TEXT and is_float:
        return _call("bq_text", node.this)
    elif target == exp.DType.BIGINT and types and types[0] in _FLOATS:
        # BigQuery rounds halves away from zero, DuckDB's cast to the even neighbour
        node.set("this", exp.Round(this=node.this.copy()))
    return None


def _part_of_time(node: exp.Extract) -> None:
    if node.name.upper() not in _TIME_PARTS:
        raise unsupported(f"EXTRACT of {node.name.upper()}")
    # the session's time zone is UTC, so the parts of the local time are the same
    node.set("expression", exp.cast(node.expression.copy(), "TIMESTAMP", dialect="duckdb"))


def _by_macro(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node, exp.Div) and not isinstance(node, exp.IntDiv):
        return _call("bq_div", node.this, node.expression)
    if isinstance(node, exp.IntDiv):
        return _call("bq_idiv", node.this, node.expression)
    if isinstance(node, exp.Mod):
        return _call("bq_mod", node.this, node.expression)
    if isinstance(node, exp.IsInf):
        return _call("bq_is_inf", node.this)
    if isinstance(node, exp.UnixToTime):
        scale = int(node.args["scale"].name) if node.args.get("scale") else 0
        return _call({0: "bq_seconds", 3: "bq_millis", 6: "bq_micros"}[scale], node.this)
    if isinstance(node, exp.Anonymous):
        macro = _SERVED_BY_NAME.get(node.name.upper())
        return _call(macro, *node.expressions) if macro else None
    return None
