"""Which types functions and operators take: DuckDB converts what BigQuery refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.casts import googlesql_name
from localcloud.bigquery.sql.functions.nodes import written
from localcloud.bigquery.sql.functions.types import Types, field_types

_NUMBERS = frozenset({"INT64", "NUMERIC", "FLOAT64"})
_INTEGER, _TEXT, _BYTES, _BOOL = (frozenset({name}) for name in ("INT64", "STRING", "BYTES", "BOOL"))
_EITHER, _BITS = _TEXT | _BYTES, _INTEGER | _BYTES
# Types that go together.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
_FAMILIES = (_NUMBERS, frozenset({"DATE", "DATETIME"}))
_TIMES = frozenset({"DATE", "DATETIME", "TIME", "TIMESTAMP"})
# What each argument of a function must be, where DuckDB takes more.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
_TABLE: tuple[tuple[tuple[type[exp.Expr], ...], dict[str, frozenset[str]]], ...] = (
    ((exp.And, exp.Or), {"this": _BOOL, "expression": _BOOL}),
    ((exp.Not, exp.CountIf, exp.LogicalAnd, exp.LogicalOr), {"this": _BOOL}),
    (
        (
            *(exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop),
            *(exp.Abs, exp.Sqrt, exp.Ln, exp.Exp, exp.Sign, exp.Round, exp.Trunc, exp.Ceil, exp.Floor),
            *(exp.Neg, exp.IsInf, exp.IsNan, exp.Cos, exp.Sin, exp.Tan),
        ),
        {"this": _NUMBERS},
    ),
    (
        (
            *(exp.Mod, exp.Pow, exp.Log, exp.IntDiv, exp.Corr, exp.CovarPop, exp.CovarSamp),
            *(exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply, exp.SafeDivide),
        ),
        {"this": _NUMBERS, "expression": _NUMBERS},
    ),
    ((exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor), {"this": _BITS, "expression": _BITS}),
    ((exp.BitwiseLeftShift, exp.BitwiseRightShift), {"this": _BITS, "expression": _INTEGER}),
    ((exp.BitwiseNot,), {"this": _BITS}),
    (
        (
            *(exp.Upper, exp.Lower, exp.Reverse, exp.Length, exp.ByteLength, exp.GroupConcat),
            *(exp.MD5Digest, exp.SHA1Digest, exp.SHA2Digest),
        ),
        {"this": _EITHER},
    ),
    (
        (exp.Trim, exp.StartsWith, exp.EndsWith, exp.Split, exp.DPipe, exp.Like),
        {"this": _EITHER, "expression": _EITHER},
    ),
    ((exp.Left, exp.Right), {"this": _EITHER, "expression": _INTEGER}),
    ((exp.Repeat,), {"this": _EITHER, "times": _INTEGER}),
    ((exp.Substring,), {"this": _EITHER, "start": _INTEGER, "length": _INTEGER}),
    ((exp.Pad,), {"this": _EITHER, "expression": _INTEGER, "fill_pattern": _EITHER}),
    ((exp.Replace,), {"this": _EITHER, "expression": _EITHER, "replacement": _EITHER}),
    ((exp.StrPosition,), {"this": _EITHER, "substr": _EITHER}),
    ((exp.Concat, exp.FarmFingerprint), {"expressions": _EITHER}),
    ((exp.LowerHex, exp.ToBase64), {"this": _BYTES}),
    ((exp.Unhex, exp.FromBase64, exp.JSONExtract, exp.JSONExtractScalar), {"this": _TEXT}),
    (
        (exp.RegexpLike, exp.RegexpExtract, exp.RegexpExtractAll, exp.RegexpReplace, exp.RegexpInstr),
        {"this": _EITHER, "expression": _EITHER},
    ),
    (
        (exp.Initcap, exp.Soundex, exp.Unicode, exp.FromBase32, exp.ParseNumeric, exp.Normalize),
        {"this": _TEXT},
    ),
    ((exp.Levenshtein,), {"this": _TEXT, "expression": _TEXT}),
    ((exp.ToCodePoints, exp.Ascii), {"this": _EITHER}),
    ((exp.Chr,), {"expressions": _INTEGER}),
    ((exp.ToBase32, exp.SafeConvertBytesToString), {"this": _BYTES}),
    ((exp.PercentileCont,), {"this": _NUMBERS}),
    ((exp.Extract,), {"expression": _TIMES}),
)
_ARGUMENTS: dict[type[exp.Expr], dict[str, frozenset[str]]] = {
    kind: arguments for kinds, arguments in _TABLE for kind in kinds
}


def check_signatures(tree: exp.Expr, types: Types) -> None:
    """
    Refuse arguments of types that a function does not take, and values that have no type in common.

    :raises ApiError: 400 that names the function, 501 for STRUCTs that are not alike.
    """
    for node in tree.walk():
        for key, kinds in _ARGUMENTS.get(type(node), {}).items():
            held = node.args.get(key)
            # of a LIKE, whose patterns are in an array
            of_each = isinstance(held, exp.Any | exp.All)
            for given in () if of_each else _known(_values(held), types):
                if given not in kinds:
                    name = written(node) if isinstance(node, exp.Func) else _operator(node)
                    raise failure(
                        "invalidQuery", f"No matching signature for {name} for argument type {given}"
                    )
        if isinstance(node, _COMPARED):
            _refuse_arrays(node, types)
        if isinstance(node, exp.If):
            _check_condition(node, types)
        for values in _groups(node):
            _demand_common(node, values, types)


# what ARRAYs have neither an equal nor an order for
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#comparable_data_types
_COMPARED = (
    *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Ordered),
    *(exp.Min, exp.Max, exp.Greatest, exp.Least, exp.Nullif),
)


def _refuse_arrays(node: exp.Expr, types: Types) -> None:
    for value in (node.this, node.args.get("expression")):
        if isinstance(value, exp.Expr) and types.of(value) == exp.DType.ARRAY:
            name = written(node) if isinstance(node, exp.Func) else _operator(node)
            message = f"{name} is not defined for arguments of type ARRAY"
            if isinstance(node, exp.Ordered):
                message = "ORDER BY does not support expressions of type ARRAY"
            raise failure("invalidQuery", message)


def _operator(node: exp.Expr) -> str:
    names: dict[type[exp.Expr], str] = {exp.Not: "NOT", exp.Neg: "-", exp.DPipe: "||", exp.Like: "LIKE"}
    return f"operator {names.get(type(node), node.key.upper())}"


def _values(given: exp.Expr | list[exp.Expr] | None) -> list[exp.Expr]:
    values = given if isinstance(given, list) else [given]
    return [_aggregated(value) for value in values if isinstance(value, exp.Expr)]


def _aggregated(value: exp.Expr) -> exp.Expr:
    """Return what DISTINCT, ORDER BY and the like stand around."""
    while isinstance(value, exp.Distinct | exp.Order | exp.Limit | exp.Paren | exp.HavingMax):
        value = value.expressions[0] if isinstance(value, exp.Distinct) and value.expressions else value.this
    return value


def _known(values: Iterable[exp.Expr], types: Types) -> Iterator[str]:
    for value in values:
        name = googlesql_name(types.of(value))
        if name is not None and not isinstance(value, exp.Null):
            yield name


def _groups(node: exp.Expr) -> Iterator[list[exp.Expr]]:
    """Yield the values of a node that must have a type in common."""
    if isinstance(node, exp.Case):
        branches = node.args.get("ifs") or []
        yield [*(branch.args["true"] for branch in branches), *_values(node.args.get("default"))]
        if node.this:
            yield [node.this, *(branch.this for branch in branches)]
    elif isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        yield [*_values(node.args.get("true")), *_values(node.args.get("false"))]
    elif isinstance(node, exp.Array) and not isinstance(node.parent, exp.Cast):
        yield [value for value in node.expressions if not isinstance(value, exp.Query)]
    elif isinstance(node, exp.Coalesce | exp.Greatest | exp.Least | exp.Concat):
        yield [*_values(node.this if "this" in node.args else None), *node.expressions]
    elif isinstance(node, exp.In):
        yield [node.this, *node.expressions]
    elif isinstance(node, exp.Between):
        yield [node.this, node.args["low"], node.args["high"]]
    elif isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.Nullif | exp.DPipe):
        yield [node.this, node.expression]
    elif isinstance(node, exp.SetOperation):
        pairs = zip(node.left.selects, node.right.selects, strict=False)
        yield from ([left.unalias(), right.unalias()] for left, right in pairs)


def _demand_common(node: exp.Expr, values: list[exp.Expr], types: Types) -> None:
    shapes = [types.struct_names(value.unnest()) for value in values]
    fields = {tuple(shape) for shape in shapes if shape is not None}
    if isinstance(node, exp.EQ | exp.NEQ) and fields:
        _demand_alike(*(types.fields_of(value.unnest()) for value in values))
    elif len(fields) > 1:
        # DuckDB would make one STRUCT with the fields of all, BigQuery goes by their positions
        raise unsupported("STRUCTs in one list whose fields have different names")
    kinds: set[str] = set()
    literals = 0
    for value in values:
        inner = value.unnest()
        names = set(_known([inner], types))
        if names == {"STRING"} and isinstance(inner, exp.Literal) and not isinstance(node, exp.SetOperation):
            # a literal becomes a value of time next to one
            literals += 1
        else:
            kinds |= names
    if literals and not (kinds and kinds <= _TIMES):
        kinds.add("STRING")
    if len(kinds) > 1 and not any(kinds <= family for family in _FAMILIES):
        listed = ", ".join(sorted(kinds))
        where = node.key.upper() if isinstance(node, exp.SetOperation) else _shown(node)
        raise failure("invalidQuery", f"No matching signature for {where} for argument types: {listed}")


def _demand_alike(lefts: list[exp.DataType], rights: list[exp.DataType]) -> None:
    """Refuse to compare STRUCTs of unlike fields, which DuckDB would convert."""
    for left, right in zip(lefts, rights, strict=False):
        _demand_alike(field_types(left), field_types(right))
        kinds = {name for name in map(googlesql_name, (left.this, right.this)) if name}
        if len(kinds) > 1 and not any(kinds <= family for family in _FAMILIES):
            raise unsupported(f"the comparison of STRUCTs whose fields are {' and '.join(sorted(kinds))}")


def _shown(node: exp.Expr) -> str:
    if isinstance(node, exp.Func) and not isinstance(node, exp.Case | exp.If | exp.Array):
        return f"function {written(node)}"
    return f"operator {node.key.upper()}"


def _check_condition(node: exp.If, types: Types) -> None:
    """Refuse what is not a condition in an IF or a CASE WHEN."""
    of_value = isinstance(node.parent, exp.Case) and node.parent.this
    for given in [] if of_value else _known([node.this], types):
        if given != "BOOL":
            raise failure("invalidQuery", f"No matching signature for IF or CASE: {given} is not a condition")
