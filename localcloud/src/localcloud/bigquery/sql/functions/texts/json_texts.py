"""JSON in strings, and values as JSON."""

from __future__ import annotations

import json

from sqlglot import exp

from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, cast, text, written
from localcloud.bigquery.sql.functions.types import Types

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions
MACROS = r"""
CREATE TEMP MACRO bq_json(value) AS bq_value_json(typeof(value), CAST(to_json(value) AS VARCHAR));
"""


def _json(name: str) -> Translation:
    return lambda node, types: call(name, node.this, text(json.dumps(_steps(node))))


def _steps(node: exp.Expr) -> list[str | int]:
    """
    Return the keys and indexes of a JSONPath.

    :raises ApiError: 501 for a path that is not a literal, and for wildcards.
    """
    path = node.args.get("expression")
    if path is None:
        return []
    steps: list[str | int] = []
    for part in path.expressions if isinstance(path, exp.JSONPath) else [path]:
        if isinstance(part, exp.JSONPathKey | exp.JSONPathSubscript) and isinstance(part.this, str | int):
            steps.append(part.this)
        elif not isinstance(part, exp.JSONPathRoot):
            # sqlglot writes no wildcards for BigQuery, which has none
            shown = path.sql() if isinstance(path, exp.JSONPath) else path.sql("bigquery")
            raise unsupported(f"the JSONPath of {written(node)} ({shown})")
    return steps


def _to_json(node: exp.JSONFormat, types: Types) -> exp.Expr:
    if node.args.get("to_json"):
        raise unsupported("the function TO_JSON")
    value, *pretty = arguments(node, "this", "options")
    compact = call("bq_json", value)
    return (
        call("bq_pretty_json", compact, *(cast(wanted, "BOOLEAN") for wanted in pretty))
        if pretty
        else compact
    )


TRANSLATIONS: dict[type[exp.Expr], Translation] = {
    exp.JSONExtractScalar: _json("bq_json_value"),
    exp.JSONExtract: _json("bq_json_query"),
    exp.JSONExtractArray: _json("bq_json_query_array"),
    exp.JSONValueArray: _json("bq_json_value_array"),
    exp.JSONFormat: _to_json,
}
