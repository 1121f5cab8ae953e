"""Which partitions a query reads: filters that a table demands, and the columns of ingestion time."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.partitioning import partition_columns, pseudo_columns
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.rows import OPENED

# What may be done to a partition column without hiding its partitions from the query planner.
_TRANSPARENT = (
    *(exp.Date, exp.DateTrunc, exp.DatetimeTrunc, exp.TimestampTrunc, exp.TsOrDsToDate),
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.Between, exp.In, exp.Is),
    *(exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE),
)


def demand_filter(node: exp.Table, table: Table, project: str) -> None:
    """
    Refuse to read a table that requires a partition filter without one.

    The filter must stand in the WHERE of the very SELECT that names the table: the planner of BigQuery also
    moves filters into some views and subqueries, which is not relied on here.

    Source: https://cloud.google.com/bigquery/docs/managing-partitioned-tables#require-filter; the message:
    https://github.com/googleapis/google-cloud-go/issues/5013

    :param node: the name of the table in the query.
    :param table: what it stands for.
    :raises ApiError: 400 that names the columns.
    """
    if not table.resource.get("requirePartitionFilter") or node.meta.get("whole"):
        return
    columns = partition_columns(table.resource)
    select = node.find_ancestor(exp.Select)
    where = select.args.get("where") if select else None
    names = {node.alias.lower() or table.table_id.lower(), ""}
    lowered = {column.lower() for column in columns}
    if where and any(_prunes(term, names, lowered) for term in _terms(where.this)):
        return
    full = f"{project}.{table.dataset_id}.{table.table_id}"
    listed = ", ".join(f"'{column}'" for column in columns)
    message = (
        f"Cannot query over table '{full}' without a filter over column(s) {listed} "
        "that can be used for partition elimination"
    )
    raise failure("invalidQuery", message)


def use_pseudo_columns(statement: exp.Expr, node: exp.Table, table: Table) -> list[str]:
    """
    Return the columns of ingestion time that a query names, and keep them out of its ``*``.

    :raises ApiError: 501 for ``*`` of several tables next to such a column.
    """
    hidden = pseudo_columns(table.resource)
    used = sorted({column.name.upper() for column in statement.find_all(exp.Column)} & hidden.keys())
    if not used:
        return []
    select = node.find_ancestor(exp.Select)
    stars = [part.find(exp.Star) for part in select.expressions if part.is_star] if select else []
    if stars and len(list(statement.find_all(exp.Table))) > 1:
        raise unsupported(f"{used[0]} next to * in a query of several tables")
    for star in stars:
        if star:
            star.set("except_", [*(star.args.get("except_") or []), *map(exp.to_identifier, used)])
    return used


def pseudo_column(name: str, table: Table) -> exp.Expr:
    """Return the DuckDB expression of a column of ingestion time; NULL for rows in the streaming buffer."""
    unit = table.resource["timePartitioning"]["type"].lower()
    kind = pseudo_columns(table.resource)[name].replace("TIMESTAMP", "TIMESTAMPTZ")
    time = f"date_trunc('{unit}', make_timestamp({OPENED}))"
    sql = f"CASE WHEN {OPENED} <= {table.modified} THEN CAST({time} AS {kind}) END"
    return exp.alias_(exp.maybe_parse(sql, dialect="duckdb"), name, quoted=True)


def _terms(condition: exp.Expr) -> list[exp.Expr]:
    condition = condition.unnest()
    return list(condition.flatten()) if isinstance(condition, exp.And) else [condition]


def _prunes(term: exp.Expr, tables: set[str], columns: set[str]) -> bool:
    found = list(term.find_all(exp.Column))
    if not found or term.find(exp.Query):
        return False
    return all(
        column.name.lower() in columns and column.table.lower() in tables and _is_bare(column, term)
        for column in found
    )


def _is_bare(column: exp.Column, term: exp.Expr) -> bool:
    node: exp.Expr | None = column
    while node is not term:
        node = node.parent if node else None
        moment = isinstance(node, exp.Cast) and node.to.is_type(*exp.DataType.TEMPORAL_TYPES)
        if not (moment or isinstance(node, _TRANSPARENT)):
            return False
    return True
