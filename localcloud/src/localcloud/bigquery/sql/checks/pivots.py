"""PIVOT and UNPIVOT, written as the queries that they stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#pivot_operator and
# #unpivot_operator next to it
Columns = Callable[[exp.Table], list[str]]
# aggregates that pass over NULL, which is what the rows of other columns give
_AGGREGATES = (
    *(exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Count, exp.CountIf, exp.LogicalAnd, exp.LogicalOr),
    *(exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop, exp.GroupConcat),
)


def write_pivots(tree: exp.Expr, columns: Columns) -> None:
    """
    Write each PIVOT as an aggregation and each UNPIVOT as a UNION ALL.

    :param tree: a query, changed in place.
    :param columns: what gives the columns of a table.
    :raises ApiError: 400 for what BigQuery does not take, 501 for what is not served.
    """
    for pivot in reversed(list(tree.find_all(exp.Pivot))):
        source = pivot.parent
        if not isinstance(source, exp.Table | exp.Subquery) or len(source.args["pivots"]) > 1:
            raise unsupported(f"PIVOT and UNPIVOT here ({pivot.sql('bigquery')})")
        fields = pivot.args.get("fields") or []
        if len(fields) != 1 or not isinstance(fields[0], exp.In):
            raise unsupported(f"the form of {pivot.sql('bigquery')}")
        names = _columns(source, columns)
        alias = pivot.args.get("alias") or exp.TableAlias(this=exp.to_identifier("pivoted"))
        joins = {key: source.args.get(key) for key in ("joins", "laterals")}
        bare = source.copy()
        for key in ("pivots", *joins):
            bare.set(key, None)
        write = _unpivoted if pivot.args.get("unpivot") else _pivoted
        written = exp.Subquery(this=write(pivot, fields[0], bare, names), alias=alias.copy())
        for key, value in joins.items():
            written.set(key, value)
        source.replace(written)


def _columns(source: exp.Expr, columns: Columns) -> list[str]:
    if isinstance(source, exp.Subquery):
        return list(_of_query(source.this, columns))
    root = source.root()
    named = {cte.alias.lower(): cte for cte in root.find_all(exp.CTE)}
    if not source.args.get("db") and source.name.lower() in named:
        return list(_of_query(named[source.name.lower()].this, columns))
    if not isinstance(source, exp.Table) or source.args.get("version"):
        raise unsupported(f"PIVOT and UNPIVOT of {source.sql('bigquery')}")
    return columns(source)


def _of_query(query: exp.Expr, columns: Columns) -> Iterator[str]:
    """Yield the names of a query's columns."""
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    if not isinstance(query, exp.Select):
        raise unsupported(f"PIVOT and UNPIVOT of {query.sql('bigquery')}")
    for column in query.expressions:
        if not column.is_star:
            if not column.alias_or_name:
                raise failure("invalidQuery", "PIVOT and UNPIVOT need a name for each column of their source")
            yield column.alias_or_name
        elif isinstance(column, exp.Star) and not query.args.get("joins"):
            hidden = {name.name.lower() for name in column.args.get("except_") or []}
            source = query.args["from_"].this
            yield from (name for name in _columns(source, columns) if name.lower() not in hidden)
        else:
            raise unsupported("PIVOT and UNPIVOT of * of several tables")


def _pivoted(pivot: exp.Pivot, field: exp.In, source: exp.Expr, names: list[str]) -> exp.Query:
    used = {field.this.name.lower()}
    for aggregate in pivot.expressions:
        used |= {column.name.lower() for column in aggregate.find_all(exp.Column)}
    kept: list[exp.Expr] = [exp.column(name, quoted=True) for name in names if name.lower() not in used]
    made: list[exp.Expr] = []
    for value in field.expressions:
        label, held = _label(value), value.this if isinstance(value, exp.PivotAlias) else value
        matches = exp.NullSafeEQ(this=field.this.copy(), expression=held.copy())
        for aggregate in pivot.expressions:
            if len(pivot.expressions) > 1 and not isinstance(aggregate, exp.Alias):
                raise failure("invalidQuery", "Each of several aggregates of a PIVOT must have an alias")
            name = f"{aggregate.alias}_{label}" if isinstance(aggregate, exp.Alias) else label
            made.append(exp.alias_(_where(aggregate.unalias(), matches), name, quoted=True))
    return exp.select(*kept, *made).from_(source).group_by(*(column.copy() for column in kept))


def _where(aggregate: exp.Expr, matches: exp.Expr) -> exp.Expr:
    """Restrict an aggregate to the rows of one column."""
    if not isinstance(aggregate, _AGGREGATES):
        raise unsupported(f"{aggregate.sql('bigquery')} in a PIVOT")
    found = aggregate.copy()
    value = found.this
    if isinstance(value, exp.Star):
        return exp.CountIf(this=matches.copy())
    if isinstance(value, exp.Order | exp.Limit | exp.HavingMax):
        raise unsupported(f"{aggregate.sql('bigquery')} in a PIVOT")
    inner = value.expressions[0] if isinstance(value, exp.Distinct) else value
    inner.replace(exp.If(this=matches.copy(), true=inner.copy(), false=exp.null()))
    return found


def _label(value: exp.Expr) -> str:
    """Return the column's name that a value of a PIVOT gives."""
    if isinstance(value, exp.PivotAlias):
        return str(value.args["alias"].name)
    if isinstance(value, exp.Literal) and (value.is_string or value.is_int):
        return value.name if value.is_string else f"_{value.name}"
    if isinstance(value, exp.Boolean | exp.Null):
        return value.sql("bigquery").upper()
    raise unsupported(f"a PIVOT column for {value.sql('bigquery')} without an alias")


def _unpivoted(pivot: exp.Pivot, field: exp.In, source: exp.Expr, names: list[str]) -> exp.Query:
    value = pivot.expressions[0]
    if len(pivot.expressions) > 1 or not isinstance(value, exp.Identifier):
        raise unsupported(f"UNPIVOT of sets of columns ({pivot.sql('bigquery')})")
    taken = [part.this if isinstance(part, exp.PivotAlias) else part for part in field.expressions]
    used = {column.name.lower() for column in taken}
    missing = used - {name.lower() for name in names}
    if missing:
        raise failure("invalidQuery", f"Unrecognized name: {min(missing)}")
    kept = [exp.column(name, quoted=True) for name in names if name.lower() not in used]
    parts: list[exp.Query] = []
    for part, column in zip(field.expressions, taken, strict=True):
        alias = part.args["alias"] if isinstance(part, exp.PivotAlias) else None
        label = (
            alias
            if isinstance(alias, exp.Literal)
            else exp.Literal.string(alias.name if alias else column.name)
        )
        row = exp.select(
            *(held.copy() for held in kept),
            exp.alias_(column.copy(), value.name, quoted=True),
            exp.alias_(label.copy(), field.this.name, quoted=True),
        ).from_(source.copy())
        if not pivot.args.get("include_nulls"):
            row = row.where(exp.Not(this=exp.Is(this=column.copy(), expression=exp.null())))
        parts.append(row)
    joined: exp.Query = parts[0]
    for other in parts[1:]:
        joined = exp.union(joined, other, distinct=False, copy=False)
    return joined
