"""Clauses of a query that DuckDB takes and BigQuery does not."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.nodes import written

# Source: window_ordering_support and window_framing_support in
# https://github.com/google/googlesql/blob/master/googlesql/common/builtin_function_internal_3.cc
_RANKED = (exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile, exp.Lag, exp.Lead)
_UNFRAMED = (*_RANKED, exp.RowNumber)
_PERCENTILES = (exp.PercentileCont, exp.PercentileDisc)


def check_queries(tree: exp.Expr) -> None:
    """
    Refuse set operations, LIMITs and windows that are not GoogleSQL's.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax and
    https://cloud.google.com/bigquery/docs/reference/standard-sql/window-function-calls

    :raises ApiError: 400 that names the clause, 501 for what is not served.
    """
    for operation in tree.find_all(exp.SetOperation):
        _check_operation(operation)
    for query in tree.find_all(exp.Query):
        _check_list_and_limit(query)
    for window in tree.find_all(exp.Window):
        if window.args.get("over"):
            _check_window(window)
    for percentile in tree.find_all(*_PERCENTILES):
        _check_percentile(percentile)
    for having in tree.find_all(exp.HavingMax):
        if not isinstance(having.parent, exp.AnyValue):
            raise unsupported(f"HAVING MAX and HAVING MIN in {written(having.parent or having)}")


def _check_percentile(percentile: exp.Expr) -> None:
    around = percentile.parent
    if isinstance(around, exp.RespectNulls):
        raise unsupported(f"RESPECT NULLS in {written(percentile)}")
    holder = around.parent if isinstance(around, exp.IgnoreNulls) else around
    if not isinstance(holder, exp.Window):
        message = f"Analytic function {written(percentile)} cannot be called without an OVER clause"
        raise failure("invalidQuery", message)


def _check_operation(operation: exp.SetOperation) -> None:
    name = operation.key.upper()
    if not isinstance(operation, exp.Union) and not operation.args.get("distinct"):
        raise failure("invalidQuery", f"Syntax error: Expected keyword DISTINCT after {name}")
    for side in (operation.this, operation.expression):
        unlike = isinstance(side, exp.SetOperation) and (
            side.key != operation.key or side.args.get("distinct") != operation.args.get("distinct")
        )
        if unlike:
            message = (
                "Syntax error: Different set operations cannot be used in the same query "
                "without using parentheses for grouping"
            )
            raise failure("invalidQuery", message)


def _check_list_and_limit(query: exp.Query) -> None:
    if isinstance(query, exp.Select) and not query.expressions:
        raise failure("invalidQuery", "Syntax error: SELECT list must not be empty")
    limit, offset = query.args.get("limit"), query.args.get("offset")
    if offset and not limit:
        raise failure("invalidQuery", "Syntax error: Unexpected keyword OFFSET without LIMIT")
    for name, clause in (("LIMIT", limit), ("OFFSET", offset)):
        count = clause.expression if clause else None
        if isinstance(count, exp.Null) or (isinstance(count, exp.Literal) and not count.is_int):
            message = f"{name} expects a non-negative integer literal or parameter"
            raise failure("invalidQuery", message)


def _check_window(window: exp.Window) -> None:
    function = window.this
    inner = function.this if isinstance(function, exp.RespectNulls | exp.IgnoreNulls) else function
    _check_counts(window, inner)
    order, frame = _order_and_frame(window)
    if isinstance(inner, _RANKED) and not order:
        name = written(inner)
        raise failure("invalidQuery", f"Window ORDER BY is required for analytic function {name}")
    if isinstance(inner, _UNFRAMED + _PERCENTILES) and frame:
        message = f"Window framing clause is not allowed for analytic function {written(inner)}"
        raise failure("invalidQuery", message)
    if isinstance(inner, _PERCENTILES) and order:
        message = f"Window ORDER BY is not allowed for analytic function {written(inner)}"
        raise failure("invalidQuery", message)


def _check_counts(window: exp.Window, inner: exp.Expr) -> None:
    """Refuse places and distances that are negative, which DuckDB takes."""
    nth = inner.args.get("offset") if isinstance(inner, exp.NthValue) else None
    if isinstance(nth, exp.Neg) or (isinstance(nth, exp.Literal) and nth.name == "0"):
        raise failure("invalidQuery", "The N value for the NTH_VALUE function must be positive")
    spec = window.args.get("spec")
    if spec and any(isinstance(spec.args.get(key), exp.Neg) for key in ("start", "end")):
        raise failure("invalidQuery", "Window framing expression must not be negative")


def _order_and_frame(window: exp.Window) -> tuple[bool, bool]:
    """Return whether a window has an order and a frame, also those of a named window that it extends."""
    order, frame = bool(window.args.get("order")), bool(window.args.get("spec"))
    extended = window.args.get("alias")
    select = window.find_ancestor(exp.Select)
    for named in (select.args.get("windows") or []) if select else []:
        if extended and named is not window and named.name.lower() == extended.name.lower():
            inherited = _order_and_frame(named)
            return order or inherited[0], frame or inherited[1]
    return order, frame
