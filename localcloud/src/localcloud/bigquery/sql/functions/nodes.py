"""How a function's call is written for DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.sql.functions.types import Types

# A function from a node, whose children are translated, to what stands in its place; None leaves it as it is.
Translation = Callable[[Any, Types], exp.Expr | None]


def call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    """Call a function of DuckDB, or a macro, by its name."""
    return exp.Anonymous(this=name, expressions=[argument.copy() for argument in arguments])


def cast(value: exp.Expr, duckdb_type: str) -> exp.Expr:
    """Cast a value to a type of DuckDB."""
    return exp.Cast(this=value.copy(), to=exp.DataType.build(duckdb_type, dialect="duckdb"))


def text(value: str) -> exp.Expr:
    """Return a string literal."""
    return exp.Literal.string(value)


def number(value: int) -> exp.Expr:
    """Return an integer literal."""
    return exp.Literal.number(value)


def written(node: exp.Expr) -> str:
    """Return the name of a function as the user wrote it."""
    if isinstance(node, exp.NetFunc):
        return f"NET.{written(node.this)}"
    if isinstance(node.parent, exp.Dot) and node.arg_key == "expression":
        # the user's own functions, whose names are case-sensitive
        return f"{node.parent.this.sql('bigquery')}.{node.name}"
    name = node.meta.get("bigquery_name")
    if name is None and isinstance(node, exp.Anonymous):
        name = node.name
    if name is None and isinstance(node, exp.Func):
        name = {"ARG_MAX": "MAX_BY", "ARG_MIN": "MIN_BY"}.get(node.sql_name(), node.sql_name())
    prefix = "SAFE." if isinstance(node.parent, exp.SafeFunc) else ""
    return prefix + str(name).upper()


def arguments(node: exp.Expr, *keys: str) -> list[exp.Expr]:
    """
    Return the arguments of a call.

    :param keys: the arguments that are understood, in their order.
    :raises ApiError: 501 for a further argument.
    """
    for key, value in node.args.items():
        if key not in keys and (isinstance(value, exp.Expr) or (isinstance(value, list) and value)):
            raise unsupported(f"the argument {key} of {written(node)}")
    given = [node.args[key] for key in keys if node.args.get(key) is not None]
    return [part for value in given for part in (value if isinstance(value, list) else [value])]


def renamed(name: str, *keys: str) -> Translation:
    """Return the translation that calls another function with the same arguments."""
    return lambda node, types: call(name, *arguments(node, *keys))
