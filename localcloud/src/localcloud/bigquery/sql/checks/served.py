"""The supported functions; any other is rejected by name."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.sql.functions.expressions import BY_NAME, TRANSLATIONS
from localcloud.bigquery.sql.functions.nodes import written

# What means the same in both, or what sqlglot writes so that it does.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
_ALIKE = {
    *["Abs", "And", "Array", "ArraySize", "Coalesce", "Contains", "Count", "CovarPop"],
    *["CovarSamp", "DenseRank", "Exists", "FirstValue", "Grouping", "If", "LastValue"],
    *["LogicalAnd", "LogicalOr", "Ntile", "Or", "PercentRank", "CumeDist", "Rand", "Rank"],
    *["RowNumber", "Stddev", "StddevPop", "StddevSamp"],
    *[
        "Variance",
        "VariancePop",
        "Xor",
        "NthValue",
        "BitwiseAndAgg",
        "BitwiseOrAgg",
        "BitwiseXorAgg",
        "Acos",
        "Asin",
        "Asinh",
        "Atan",
        "Atan2",
        "Cbrt",
        "Cos",
        "Cosh",
        "Sin",
        "Sinh",
        "Tan",
        "Tanh",
        "SafeFunc",
        "Struct",
        "WeekStart",
    ],
}
_SERVED_BY_NAME = {"ERROR", *BY_NAME}
_REFUSED = (exp.TableSample, exp.SessionParameter, exp.Interval)
_REFUSED_TYPES = {
    *(exp.DType.BIGDECIMAL, exp.DType.GEOGRAPHY, exp.DType.INTERVAL, exp.DType.JSON, exp.DType.DATERANGE),
    *(exp.DType.TSRANGE, exp.DType.TSTZRANGE, exp.DType.USERDEFINED, exp.DType.OBJECT, exp.DType.RANGE),
}
# where an INTERVAL is part of a call or of a sum
_INTERVALS = (exp.Add, exp.Sub, exp.GenerateDateArray, exp.GenerateTimestampArray)


def check_functions(statement: exp.Expr) -> None:
    """
    Refuse what has no equivalent here, before anything runs.

    :raises ApiError: 501 that names the function as it is written.
    """
    for node in statement.find_all(exp.Func):
        if isinstance(node, exp.Anonymous):
            served = node.name.upper() in _SERVED_BY_NAME
        else:
            served = type(node) in TRANSLATIONS or type(node).__name__ in _ALIKE
        if isinstance(node, exp.ParseJSON) and node.args.get("is_literal"):
            raise unsupported("the type JSON")
        if not served:
            raise unsupported(f"the function {written(node)}")
    for kind in statement.find_all(exp.DataType):
        if kind.this in _REFUSED_TYPES:
            raise unsupported(f"the type {kind.sql('bigquery')}")
    for found in statement.find_all(*_REFUSED):
        if not (isinstance(found, exp.Interval) and isinstance(found.parent, _INTERVALS)):
            raise unsupported(f"{type(found).__name__.upper()} ({found.sql('bigquery')})")
