"""JSON in strings, and values as JSON."""

from __future__ import annotations

import json
import re

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.functions.nodes import Translation, arguments, call, cast, text, written
from localcloud.bigquery.sql.functions.types import Types

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions
MACROS = r"""
CREATE TEMP MACRO bq_json(value) AS bq_value_json(typeof(value), CAST(to_json(value) AS VARCHAR));
"""


# a key or an index; the older functions have other quotes
_KEY = r"""\.(?P<key>[^.\[\]"'*?@()\s][^.\[\]*]*)|\[\s*(?P<index>-?\d+)\s*\]"""
_QUOTED = re.compile(rf"""{_KEY}|\."(?P<quoted>[^"\\]*)\"""")
_OLD_QUOTED = re.compile(rf"""{_KEY}|\['(?P<quoted>[^'\\]*)'\]""")


def _json(name: str) -> Translation:
    return lambda node, types: call(name, node.this, text(json.dumps(_steps(node))))


def _steps(node: exp.Expr) -> list[str]:
    """
    Return the keys and indexes of a JSONPath.

    :raises ApiError: 400 for the quotes of other functions; 501 for wildcards, and for what is not a literal.
    """
    path = node.args.get("expression")
    if path is None:
        return []
    path_text = path.meta.get("written")
    if path_text is None:
        raise unsupported(f"the JSONPath of {written(node)} ({path.sql('bigquery')})")
    is_old = "JSON_EXTRACT" in written(node)
    step, other = (_OLD_QUOTED, _QUOTED) if is_old else (_QUOTED, _OLD_QUOTED)
    steps: list[str] = []
    place = len("$")
    while place < len(path_text):
        found = step.match(path_text, place)
        if found is None and (wrong := other.match(path_text, place)):
            raise failure("invalidQuery", f"Invalid token in JSONPath at: {wrong[0]}")
        if found is None:
            raise unsupported(f"the JSONPath of {written(node)} ('{path_text}')")
        steps.append(next(part for part in found.groups() if part is not None))
        place = found.end()
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
