"""
Validation of requests against the types of the API, before anything else reads them.

Source: BigQuery's discovery document, https://bigquery.googleapis.com/discovery/v1/apis/bigquery/v2/rest,
from which ``tools/bigquery_types.py`` writes ``request_types.json``: for each method the types of its
body and its parameters. A type is one word: a name, ``[T]`` for a list or ``{T}`` for an object with any
keys.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.bigquery.errors import failure
from localcloud.gateway.json_body import read_object

PATH = Path(__file__).with_name("request_types.json")
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
    "integer": (-(2**63), 2**63 - 1),
}
_WORDS = {"true": True, "false": False}
_SHOWN = 100
# their bodies say by null what is taken away
_CHANGES = (".patch", ".update")
# by the discovery document a text; for a FLOAT64 Google's own client sends a number, by _float_to_json in
# https://github.com/googleapis/python-bigquery/blob/main/google/cloud/bigquery/_helpers.py
_NUMBER_TOO = ("QueryParameterValue", "value")


def read_body(method: str, body: bytes) -> dict[str, Any]:
    """
    Read the body of a call.

    :param method: such as ``bigquery.tables.insert``.
    :param body: JSON in UTF-8; empty for an object without fields.
    :raises ApiError: 400 when it is no JSON object, or names the field whose value is of another type.
    """
    kind = _types()["methods"][method]["body"]
    return _message(read_object(body), kind, "", nulls=method.endswith(_CHANGES))


def check_query(method: str, query: Mapping[str, str]) -> None:
    """
    Check the parameters of a call against their types; an empty one counts as absent.

    :param method: such as ``bigquery.tables.list``.
    :param query: the parameters.
    :raises ApiError: 400 that names the parameter.
    """
    kinds = _types()["methods"].get(method, {}).get("query", {})
    for name, value in query.items():
        if value and name in kinds:
            _read(value.lower() if kinds[name] == "boolean" else value, kinds[name], name)


@cache
def _types() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(PATH.read_text())
    return read


def _read(value: Any, kind: str, path: str) -> Any:
    """Return a value with the words for booleans replaced, and without the nulls that stand for nothing."""
    if value is None or kind == "any":
        return value
    if kind.startswith("["):
        return _list(value, kind, path)
    if kind.startswith("{"):
        if not isinstance(value, dict):
            raise _wrong(value, "an object", path)
        return {key: _read(inner, kind[1:-1], _join(path, key)) for key, inner in value.items()}
    if kind in _types()["types"]:
        return _message(value, kind, path)
    return _simple(value, kind, path)


def _message(value: Any, kind: str, path: str, *, nulls: bool = False) -> dict[str, Any]:
    """
    Read an object with fields.

    :param nulls: whether a null is kept: in a change it takes a field away, else it stands for nothing.
    """
    if not isinstance(value, dict):
        raise _wrong(value, f"an object of type {kind}", path)
    fields = _types()["types"][kind]
    kind_of, field = _NUMBER_TOO
    if kind == kind_of and isinstance(number := value.get(field), (int, float)) and _is_number(number):
        value = value | {field: json.dumps(number)}
    return {
        key: _read(inner, fields[key], _join(path, key)) if key in fields else inner
        for key, inner in value.items()
        if nulls or inner is not None
    }


def _list(value: Any, kind: str, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(value, "a list", path)
    if None in value:
        raise _wrong(None, f"an element of {kind}", path)
    return [_read(inner, kind[1:-1], f"{path}[{index}]") for index, inner in enumerate(value)]


def _simple(value: Any, kind: str, path: str) -> Any:
    if kind == "boolean":
        value = _WORDS.get(value, value) if isinstance(value, str) else value
        fits = isinstance(value, bool)
    elif kind in _RANGES:
        fits = _is_integer(value, kind)
    elif kind == "string":
        fits = isinstance(value, str)
    else:
        fits = _is_number(value)
    if not fits:
        raise _wrong(value, f"TYPE_{kind.upper()}", path)
    return value


def _is_integer(value: Any, kind: str) -> bool:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    smallest, largest = _RANGES[kind]
    return isinstance(value, int) and not isinstance(value, bool) and smallest <= value <= largest


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (OverflowError, TypeError, ValueError):
        return False
    return not isinstance(value, bool)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _wrong(value: Any, kind: str, path: str) -> Exception:
    shown = json.dumps(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
    return failure("invalid", f"Invalid value at '{path}' ({kind}), {shown}")
