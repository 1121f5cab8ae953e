"""Expressions of GoogleSQL, translated to DuckDB's SQL."""

from __future__ import annotations

import duckdb
from sqlglot import exp

from localcloud.bigquery.sql.functions import (
    aggregates,
    arrays,
    casts,
    comparisons,
    numbers,
    times,
)
from localcloud.bigquery.sql.functions.native import values
from localcloud.bigquery.sql.functions.nodes import Translation, call
from localcloud.bigquery.sql.functions.texts import formats, json_texts, patterns, strings
from localcloud.bigquery.sql.functions.types import Types, stand_in

_MODULES = (
    *(comparisons, numbers, casts, aggregates, times, arrays),
    *(strings, patterns, json_texts, formats),
)
TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    kind: translation for module in _MODULES for kind, translation in module.TRANSLATIONS.items()
}
# functions that sqlglot does not know
BY_NAME: dict[str, str] = numbers.BY_NAME | times.BY_NAME


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Register the functions that translations call on a connection."""
    values.install(connection)
    for module in _MODULES:
        connection.execute(module.MACROS)


def to_duckdb(tree: exp.Expr, types: Types) -> exp.Expr:
    """
    Replace what DuckDB would read differently, from the leaves to the root.

    :param tree: changed in place.
    :return: the tree, or what replaces all of it.
    """
    for node in reversed(list(tree.walk())):
        replacement = _replacement(node, types)
        if replacement is not None:
            stand_in(replacement, node)
            if node is tree:
                tree = replacement
            node.replace(replacement)
    return tree


def _replacement(node: exp.Expr, types: Types) -> exp.Expr | None:
    if isinstance(node, exp.SafeFunc):
        return call("try", node.this)
    if isinstance(node, exp.Anonymous):
        name = BY_NAME.get(node.name.upper())
        return call(name, *node.expressions) if name else None
    translation = TRANSLATIONS.get(type(node))
    return translation(node, types) if translation else None
