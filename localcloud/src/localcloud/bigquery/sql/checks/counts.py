"""How many arguments functions have, where sqlglot takes fewer or more."""

from __future__ import annotations

from sqlglot import exp

from localcloud.bigquery.errors import failure
from localcloud.bigquery.sql.functions.nodes import written

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/functions-all
_NEEDED: dict[type[exp.Expr], str] = {
    **dict.fromkeys((exp.Count, exp.JSONFormat, exp.Ntile, exp.Date, exp.Time, exp.Timestamp), "this"),
    exp.ApproxTopK: "expression",
    exp.RegexpReplace: "replacement",
}
_OF_ONE_VALUE = (exp.Max, exp.Min, exp.MD5, exp.MD5Digest, exp.FarmFingerprint, exp.Grouping)
_OPERATORS = (exp.Anonymous, exp.And, exp.Or, exp.Xor, exp.Case)


def check_counts(tree: exp.Expr) -> None:
    """
    Refuse functions with too few or too many arguments.

    :raises ApiError: 400 that names the function.
    """
    for node in tree.find_all(exp.Func):
        if not isinstance(node, _OPERATORS) and _lacks(node):
            _refuse("few", node.parent if isinstance(node.parent, exp.TimeToStr) else node)
        if isinstance(node, _OF_ONE_VALUE) and len(node.expressions) + bool(node.args.get("this")) > 1:
            _refuse("many", node)
        is_of_two = isinstance(node, exp.Coalesce) and written(node).endswith("IFNULL")
        if is_of_two and len(node.expressions) != 1:
            _refuse("many" if node.expressions else "few", node)
    for unnest in tree.find_all(exp.Unnest):
        if not isinstance(unnest.parent, exp.From | exp.Join | exp.In | exp.Lateral | exp.Any | exp.All):
            raise failure(
                "invalidQuery", "Syntax error: Unexpected keyword UNNEST outside of FROM, IN and LIKE"
            )


def _lacks(node: exp.Func) -> bool:
    """Return whether an argument is missing, by what sqlglot knows of the function and does not demand."""
    if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        return node.args.get("false") is None
    needed = [key for key, is_needed in node.arg_types.items() if is_needed]
    if type(node) in _NEEDED:
        needed.append(_NEEDED[type(node)])
    return None in node.expressions or any(node.args.get(key) in (None, []) for key in needed)


def _refuse(what: str, node: exp.Expr) -> None:
    raise failure("invalidQuery", f"No matching signature for function {written(node)}: too {what} arguments")
