"""JSON in strings, whose numbers keep the text that they have."""

from __future__ import annotations

import json
from typing import Any

# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions


class Number(str):
    """A number, as it is written."""

    __slots__ = ()


def json_value(text: str | None, path: str) -> str | None:
    """
    Return a scalar as text.

    :param path: the keys and indexes that lead to it, as a JSON array.
    :return: None for an object, an array, ``null``, what is not there, and text that is no JSON.
    """
    return _scalar(_find(text, path))


def json_query(text: str | None, path: str) -> str | None:
    """Return any value as JSON without spaces; parameters and None as for :func:`json_value`."""
    found = _find(text, path)
    return None if found is None else _written(found)


def json_query_array(text: str | None, path: str) -> list[str] | None:
    """Return the elements of an array as JSON; None for what is no array."""
    found = _find(text, path)
    return [_written(element) for element in found] if isinstance(found, list) else None


def json_value_array(text: str | None, path: str) -> list[str | None] | None:
    """Return the elements of an array of scalars as text; None for what is none."""
    found = _find(text, path)
    if not isinstance(found, list) or any(isinstance(element, dict | list) for element in found):
        return None
    return [_scalar(element) for element in found]


def _find(text: str | None, path: str) -> Any:
    if text is None:
        return None
    try:
        found = json.loads(
            text,
            object_pairs_hook=_first_wins,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse,
        )
    except (RecursionError, ValueError):
        return None
    for step in json.loads(path):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isascii() and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for key, value in pairs:
        held.setdefault(key, value)
    return held


def _refuse(word: str) -> None:
    raise ValueError(word)


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(key)}:{_written(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, Number):
        return value
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def quoted(text: str) -> str:
    """Return a text as a JSON string."""
    return json.dumps(text, ensure_ascii=False)
