"""``row_restriction``: a condition like that of a WHERE, to the query of the rows that meet it."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from localcloud.bigquery.errors import failure
from localcloud.bigquery.sql.syntax.dialect import GoogleSql, check_types
from localcloud.bigquery.sql.typing import ROW

# Source: https://github.com/GoogleCloudDataproc/spark-bigquery-connector/issues/1301
_LONGEST = 1024**2
_REFUSED = {exp.AggFunc: "Aggregates", exp.Window: "Analytic functions", exp.Query: "Subqueries"}


def read_restriction(text: str) -> exp.Expr:
    """
    Parse a condition.

    Source: https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#tablereadoptions

    :param text: GoogleSQL; empty for every row.
    :raises ApiError: 400 for what is not a condition on the columns of a row.
    """
    if len(text.encode()) > _LONGEST:
        message = (
            "read_session.read_options.row_restriction exceeded maximum allowed length. "
            f"Maximum bytes allowed: {_LONGEST}"
        )
        raise failure("invalid", message)
    if not text:
        return exp.true()
    try:
        condition = sqlglot.parse_one(text, read=GoogleSql, into=exp.Condition)
    except (ParseError, TokenError, RecursionError) as error:
        raise failure(
            "invalidQuery", f"request failed: row_restriction is not a condition: {text}"
        ) from error
    check_types(condition)
    for kind, name in _REFUSED.items():
        if condition.find(kind):
            raise failure("invalidQuery", f"request failed: {name} are not supported in a row_restriction")
    return condition


def matching_rows(table: exp.Table, condition: exp.Expr) -> exp.Select:
    """
    Return the query for the ids of the rows that meet a condition.

    :param table: the table; its name in the condition is its own.
    """
    table.meta["target"] = True
    row = exp.alias_(exp.column(ROW, table=table.name, quoted=True), ROW, quoted=True)
    return exp.select(row).from_(table).where(condition)
