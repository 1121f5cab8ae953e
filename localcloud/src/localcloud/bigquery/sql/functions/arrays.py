"""Arrays: their elements, their rows, and what makes them."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.sql.functions.casts import convert
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, cast, number, renamed, text
from localcloud.bigquery.sql.functions.types import FLOATS, TEXTS, Types

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#array_subscript_operator and
# https://cloud.google.com/bigquery/docs/reference/standard-sql/array_functions
MACROS = r"""
CREATE TEMP MACRO bq_at(l, i, base) AS list_extract(l, CASE WHEN i < base OR i >= len(l) + base
    THEN bq_fail(concat('Array index ', i, ' is out of bounds')) ELSE i + 1 - base END);
CREATE TEMP MACRO bq_safe_at(l, i, base) AS CASE WHEN i >= base THEN list_extract(l, i + 1 - base) END;
CREATE TEMP MACRO bq_end(l, name, i) AS CASE WHEN (len(l) = 0) IS NOT TRUE
    THEN list_extract(l, i)
    WHEN bq_fail(concat(name, ' cannot get the element of an array of ', len(l))) = 0 THEN NULL END;
CREATE TEMP MACRO bq_from(l, i) AS CASE WHEN i < 0 THEN len(l) + i ELSE i END;
CREATE TEMP MACRO bq_slice(l, first, last) AS CASE WHEN first IS NOT NULL AND last IS NOT NULL THEN
    list_slice(l, greatest(bq_from(l, first), 0) + 1, greatest(bq_from(l, last), -1) + 1) END;
CREATE TEMP MACRO bq_months(first, last, step) AS CASE
    WHEN (step <> 0) IS NOT FALSE THEN list_transform(list_filter(
    generate_series(0, date_diff('month', first, last) // nullif(step, 0)),
    lambda i: CASE WHEN step > 0 THEN first + to_months(CAST(i * step AS INTEGER)) <= last
    ELSE first + to_months(CAST(i * step AS INTEGER)) >= last END),
    lambda i: first + to_months(CAST(i * step AS INTEGER)))
    WHEN bq_fail(concat('Sequence step cannot be ', step, '.')) = 0 THEN NULL END;
CREATE TEMP MACRO bq_array(first, last, step) AS CASE WHEN step = 0
    THEN list_value(bq_fail('Sequence step cannot be 0.')) ELSE generate_series(first, last, step) END;
"""


_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def _element(node: exp.Bracket, types: Types) -> exp.Expr:
    index = node.expressions[0]
    if len(node.expressions) != 1 or types.of(index) in TEXTS or isinstance(index, exp.Slice):
        raise unsupported(f"the subscript of {node.sql('bigquery')}")
    name = "bq_safe_at" if node.args.get("safe") else "bq_at"
    return call(name, node.this, index, number(node.args.get("offset") or 0))


def _rows(node: exp.Unnest, types: Types) -> exp.Expr | None:
    """Return the rows of an array, numbered from 0."""
    offset = node.args.get("offset")
    (array,) = node.expressions
    has_fields = types.holds_structs(array)
    alias = node.args.get("alias")
    if not offset:
        return _rows_of_structs(array, alias) if has_fields else None
    if has_fields and isinstance(node.parent, exp.From | exp.Join):
        select = node.find_ancestor(exp.Select)
        if select and any(column.is_star for column in select.expressions):
            raise unsupported("* of an UNNEST of STRUCTs WITH OFFSET")
    name = alias.columns[0] if alias and alias.columns else alias.this if alias else None
    values = exp.alias_(call("unnest", array), name or "value", quoted=True)
    numbers = exp.Sub(this=call("generate_subscripts", array, number(1)), expression=number(1))
    shown = offset if isinstance(offset, exp.Identifier) else "offset"
    numbered = exp.select(values, exp.alias_(numbers, shown, quoted=True))
    return numbered.subquery(name or "unnested")


def _rows_of_structs(array: exp.Expr, alias: exp.Expr | None) -> exp.Expr:
    """
    Turn the fields of STRUCTs into columns; their name refers to the whole STRUCT.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#unnest_and_structs
    """
    depth = exp.Kwarg(this=exp.var("max_depth"), expression=number(2))
    rows = exp.select(call("unnest", array, depth))
    names = [*(alias.columns or [alias.this])] if isinstance(alias, exp.TableAlias) else []
    return rows.subquery(names[0] if names else None)


def _series(node: exp.GenerateSeries, types: Types) -> exp.Expr:
    first, last, *step = arguments(node, "start", "end", "step")
    if any(types.of(value) in FLOATS for value in (first, last, *step)):
        raise unsupported("GENERATE_ARRAY of FLOAT64")
    return call("bq_array", first, last, *(step or [cast(number(1), "BIGINT")]))


def _series_of(kind: str, duckdb_type: str) -> Translation:
    def translate(node: exp.Func, types: Types) -> exp.Expr:
        target = exp.DataType.build(kind, dialect="bigquery")
        ends = [node.args["start"], node.args["end"]]
        first, last = (cast(convert(end, types.of(end), target) or end, duckdb_type) for end in ends)
        step = node.args.get("step") or exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
        months = _MONTHS.get(step.args["unit"].name.upper()) if isinstance(step, exp.Interval) else None
        if months:
            count = exp.Mul(this=exp.paren(cast(step.this, "BIGINT")), expression=number(months))
            return cast(call("bq_months", first, last, count), f"{duckdb_type}[]")
        return cast(call("generate_series", first, last, step), f"{duckdb_type}[]")

    return translate


def _joined(node: exp.ArrayConcat, types: Types) -> exp.Expr:
    first, *others = arguments(node, "this", "expressions")
    if not others:
        return first.copy()
    joined = first.copy()
    for other in others:
        joined = call("list_concat", joined, other)
    missing = exp.or_(
        *(exp.Is(this=exp.paren(part.copy()), expression=exp.null()) for part in (first, *others))
    )
    return exp.Case().when(missing, exp.null()).else_(joined)


TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    exp.Bracket: _element,
    exp.Unnest: _rows,
    exp.GenerateSeries: _series,
    exp.GenerateDateArray: _series_of("DATE", "DATE"),
    exp.GenerateTimestampArray: _series_of("TIMESTAMP", "TIMESTAMPTZ"),
    exp.ArrayConcat: _joined,
    exp.ArrayFirst: lambda node, types: call("bq_end", node.this, text("ARRAY_FIRST"), number(1)),
    exp.ArrayLast: lambda node, types: call("bq_end", node.this, text("ARRAY_LAST"), number(-1)),
    exp.ArraySlice: renamed("bq_slice", "this", "start", "end"),
    exp.ArrayReverse: renamed("list_reverse", "this"),
}
