"""STRUCTs in one form: names for all fields, one element type for an array, paths to fields."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.types import Types
from localcloud.bigquery.store.types import RECORD, Field, googlesql_type

# Where a tuple is a STRUCT without names, and no list of something else.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#constructing_a_struct
_VALUES = (exp.Select, exp.Alias, exp.Array, exp.Struct, exp.PropertyEQ, exp.Cast, exp.Paren, exp.Func)


def write_structs(tree: exp.Expr) -> None:
    """
    Write the STRUCTs of a query in one form: each field has a name, ``_field_1`` where it was given none.

    :param tree: a query, changed in place.
    :raises ApiError: 400 for fields that do not fit, 501 for what is not served.
    """
    _read_array_paths(tree)
    _split_paths(tree)
    for node in reversed(list(tree.walk())):
        replacement = _replacement(node)
        if replacement is not None:
            node.replace(replacement)
    for select in list(tree.find_all(exp.Select)):
        _write_select(select, tree)


def _replacement(node: exp.Expr) -> exp.Expr | None:
    if isinstance(node, exp.Struct):
        return exp.Struct(expressions=_fields(node))
    if isinstance(node, exp.Tuple) and isinstance(node.parent, _VALUES) and len(node.expressions) > 1:
        return exp.Struct(expressions=_fields(node))
    if isinstance(node, exp.Array) and node.expressions:
        return _array(node)
    if isinstance(node, exp.Cast):
        return _typed(node.this, node.to)
    if isinstance(node, exp.EQ | exp.NEQ):
        return _equal(node)
    if isinstance(node, exp.In) and any(_parts(value) for value in (node.this, *node.expressions)):
        return _one_of(node)
    return None


def _fields(node: exp.Expr) -> list[exp.Expr]:
    return [
        value.copy() if isinstance(value, exp.PropertyEQ) else _field(_implied_name(value, index), value)
        for index, value in enumerate(node.expressions, start=1)
    ]


def _implied_name(value: exp.Expr, index: int) -> str:
    """Return the name of a field that is a column, or what clients see of one without a name."""
    return value.name if isinstance(value, exp.Column) else _last(value) or f"_field_{index}"


def _last(value: exp.Expr) -> str:
    return value.expression.name if isinstance(value, exp.Dot) else ""


def _field(name: str, value: exp.Expr) -> exp.Expr:
    return exp.PropertyEQ(this=exp.to_identifier(name, quoted=True), expression=value.copy())


def _array(node: exp.Array) -> exp.Expr | None:
    """Name the fields of all elements as those of the first."""
    first = _unwrapped(node.expressions[0])
    if not isinstance(first, exp.Struct):
        return None
    names = [field.name for field in first.expressions]
    elements = [_renamed(_unwrapped(element), names) for element in node.expressions]
    array = node.copy()
    array.set("expressions", elements)
    return array


def _unwrapped(value: exp.Expr) -> exp.Expr:
    return value.unnest()


def _renamed(value: exp.Expr, names: list[str]) -> exp.Expr:
    if isinstance(value, exp.Null):
        return value.copy()
    if len(names) == 1 and not isinstance(value, exp.Struct):
        raise failure(
            "invalidQuery", "Array elements of types STRUCT and others do not have a common supertype"
        )
    if not isinstance(value, exp.Struct) or len(value.expressions) != len(names):
        raise unsupported("an array of STRUCTs that are not written out with the same number of fields")
    pairs = zip(names, value.expressions, strict=True)
    return exp.Struct(expressions=[_field(name, field.expression) for name, field in pairs])


def _typed(value: exp.Expr, to: exp.DataType) -> exp.Expr | None:
    """Write ``STRUCT<a INT64>(1)`` as ``STRUCT(CAST(1 AS INT64) AS a)``, and arrays of such alike."""
    inner = _unwrapped(value)
    if to.this == exp.DType.ARRAY and to.expressions and isinstance(inner, exp.Array):
        element = to.expressions[0]
        if element.this != exp.DType.STRUCT or not inner.expressions:
            return None
        array = inner.copy()
        typed = [_typed(part, element) or _null_of(part, element) for part in inner.expressions]
        array.set("expressions", typed)
        return array
    if to.this != exp.DType.STRUCT or isinstance(inner, exp.Null):
        return None
    if not isinstance(inner, exp.Struct):
        raise unsupported("CAST to STRUCT of a value that is not a literal")
    if len(inner.expressions) != len(to.expressions):
        counts = len(to.expressions), len(inner.expressions)
        message = f"STRUCT type has {counts[0]} fields but constructor call has {counts[1]} fields"
        raise failure("invalidQuery", message)
    fields = []
    for index, (kind, field) in enumerate(zip(to.expressions, inner.expressions, strict=True), start=1):
        is_named = isinstance(kind, exp.ColumnDef)
        target = kind.args["kind"] if is_named else kind
        held = _typed(field.expression, target) or exp.Cast(this=field.expression.copy(), to=target.copy())
        fields.append(_field(kind.name if is_named else f"_field_{index}", held))
    return exp.Struct(expressions=fields)


def _null_of(value: exp.Expr, kind: exp.DataType) -> exp.Expr:
    return exp.Cast(this=value.copy(), to=kind.copy())


def _parts(value: exp.Expr) -> list[exp.Expr] | None:
    value = _unwrapped(value)
    if not isinstance(value, exp.Struct | exp.Tuple):
        return None
    return [part.expression if isinstance(part, exp.PropertyEQ) else part for part in value.expressions]


def _equal(node: exp.Binary) -> exp.Expr | None:
    """
    Compare the fields of STRUCTs one by one: of NULLs nothing is known.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#comparison_operators
    """
    left, right = _parts(node.this), _parts(node.expression)
    if left is None and right is None:
        return None
    if left is None or right is None:
        # the types tell the fields of the other side; functions.comparisons compares them
        sides = [
            side if parts is None else _struct(parts)
            for side, parts in ((node.this, left), (node.expression, right))
        ]
        return type(node)(this=sides[0].copy(), expression=sides[1].copy())
    equal = _all_equal(left, right)
    return exp.Not(this=equal) if isinstance(node, exp.NEQ) else equal


def _struct(parts: list[exp.Expr]) -> exp.Expr:
    fields = [_field(_implied_name(part, index), part) for index, part in enumerate(parts, start=1)]
    return exp.Struct(expressions=[_replacement(field) or field for field in fields])


def _all_equal(left: list[exp.Expr], right: list[exp.Expr]) -> exp.Expr:
    if len(left) != len(right):
        raise failure(
            "invalidQuery", "No matching signature for operator = for argument types: STRUCT, STRUCT"
        )
    pairs = [exp.EQ(this=a.copy(), expression=b.copy()) for a, b in zip(left, right, strict=True)]
    return exp.paren(exp.and_(*(_equal(pair) or pair for pair in pairs)))


def _one_of(node: exp.In) -> exp.Expr:
    listed = [_parts(value) for value in node.expressions]
    given = _parts(node.this)
    if node.args.get("query") or node.args.get("unnest"):
        raise unsupported("STRUCT IN a query or an array")
    comparisons: list[exp.Expr] = []
    for value, values in zip(node.expressions, listed, strict=True):
        if given is None or values is None:
            pair = exp.EQ(this=node.this.copy(), expression=value.copy())
            comparisons.append(_equal(pair) or pair)
        else:
            comparisons.append(_all_equal(given, values))
    return exp.paren(exp.or_(*comparisons))


# where DuckDB takes a STRUCT and BigQuery does not, or otherwise

_UNLIKE = (exp.EQ, exp.NEQ, exp.In, exp.NullSafeEQ, exp.NullSafeNEQ)
_ORDERED = (exp.Min, exp.Max, exp.Greatest, exp.Least, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)


def check_structs(tree: exp.Expr, types: Types) -> None:
    """
    Refuse STRUCTs where they are ordered, or compared as a whole.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#struct_type

    :raises ApiError: 400 for what BigQuery does not take, 501 for what is not served.
    """
    for node in tree.find_all(exp.Ordered, *_ORDERED, *_UNLIKE):
        if (
            types.struct_names(node.this) is None
            and types.struct_names(node.args.get("expression") or node) is None
        ):
            continue
        if isinstance(node, exp.Ordered):
            raise failure("invalidQuery", "ORDER BY does not support expressions of type STRUCT")
        if isinstance(node, _ORDERED):
            name = node.sql_name() if isinstance(node, exp.Func) else f"operator {node.key.upper()}"
            raise failure("invalidQuery", f"No matching signature for {name} for argument type STRUCT")
        if not isinstance(node, exp.EQ | exp.NEQ):
            raise unsupported(f"STRUCTs in {node.key.upper()}")
        _check_equal(types.struct_names(node.this), types.struct_names(node.expression))


def _check_equal(left: list[str] | None, right: list[str] | None) -> None:
    if left is None or right is None:
        raise unsupported("the comparison of a STRUCT with a value whose type is not known")
    if len(left) != len(right):
        raise failure(
            "invalidQuery", "No matching signature for operator = for argument types: STRUCT, STRUCT"
        )


# constructors for a column


def fit(value: exp.Expr, field: Field) -> exp.Expr:
    """
    Name the fields of a STRUCT literal after a column's fields, which it matches by position.

    :param value: what a column gets.
    :param field: the column.
    :raises ApiError: 400 for another number of fields.
    """
    inner = value.unnest()
    if field["type"] != RECORD:
        return value
    if field["mode"] == "REPEATED":
        if not isinstance(inner, exp.Array):
            return value
        array = inner.copy()
        array.set("expressions", [fit(part, {**field, "mode": "NULLABLE"}) for part in inner.expressions])
        return array
    parts = _parts(inner)
    if parts is None:
        return value
    if len(parts) != len(field["fields"]):
        given = f"Value of a STRUCT with {len(parts)} fields cannot be assigned to {field['name']}"
        raise failure("invalidQuery", f"{given}, which has type {googlesql_type(field)}")
    pairs = zip(field["fields"], parts, strict=True)
    return exp.Struct(expressions=[_field(column["name"], fit(part, column)) for column, part in pairs])


# SELECT AS STRUCT


def _write_select(select: exp.Select, tree: exp.Expr) -> None:
    """
    Write SELECT AS STRUCT as the SELECT of one STRUCT where it gives a value, and as a plain one where rows.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#value_tables
    """
    kind = select.args.get("kind")
    if not kind:
        return
    query: exp.Expr = select
    while isinstance(query.parent, exp.SetOperation):
        query = query.parent
    around = query.parent
    gives_value = isinstance(around, exp.Array) or (
        isinstance(around, exp.Subquery) and not isinstance(around.parent, exp.From | exp.Join)
    )
    if kind == "VALUE":
        if not gives_value:
            raise unsupported("SELECT AS VALUE outside of an ARRAY")
        select.set("kind", None)
        return
    select.set("kind", None)
    if not gives_value or select is tree:
        return
    if any(column.is_star for column in select.expressions):
        raise unsupported("SELECT AS STRUCT *")
    fields = [
        _field(value.alias if isinstance(value, exp.Alias) else _implied_name(value, index), value.unalias())
        for index, value in enumerate(select.expressions, start=1)
    ]
    select.set("expressions", [exp.Struct(expressions=fields)])


# paths


def _read_array_paths(tree: exp.Expr) -> None:
    """Read the array ``t.items`` after a JOIN as its UNNEST, for sqlglot does so after a comma alone."""
    known = _sources(tree)
    for table in list(tree.find_all(exp.Table)):
        is_path = isinstance(table.this, exp.Identifier) and not table.catalog and table.db.lower() in known
        if not is_path or not isinstance(table.parent, exp.Join):
            continue
        name = exp.to_identifier(table.alias or table.name)
        array = exp.Column(this=table.this.copy(), table=table.args["db"].copy())
        table.replace(exp.Unnest(expressions=[array], alias=exp.TableAlias(columns=[name])))


def _sources(tree: exp.Expr) -> set[str]:
    """Return the names that a query gives to tables, subqueries and arrays."""
    known = {node.alias_or_name.lower() for node in tree.find_all(exp.Table, exp.Subquery, exp.CTE)}
    for unnest in tree.find_all(exp.Unnest):
        alias = unnest.args.get("alias")
        if alias:
            known |= {name.name.lower() for name in (alias.this, *alias.columns) if name}
    return known


def _split_paths(tree: exp.Expr) -> None:
    """Separate the fields of ``table.column.field`` and ``column.field`` from the columns of tables."""
    known = _sources(tree)
    for column in list(tree.find_all(exp.Column)):
        parts = column.parts
        if len(parts) < 2 or isinstance(column.this, exp.Star):
            continue
        is_table = parts[0].name.lower() in known
        if is_table and len(parts) == 2:
            continue
        if not is_table and parts[-2].name.lower() in known:
            continue
        count = 2 if is_table else 1
        base = exp.Column(this=parts[count - 1].copy(), table=parts[0].copy() if is_table else None)
        path: exp.Expr = base
        for name in parts[count:]:
            path = exp.Dot(this=path, expression=name.copy())
        column.replace(path)
