"""Google's discovery documents, from its client library for Python: methods and types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from random import Random
from typing import Any, NamedTuple

from tests.fuzz import odd

_DEEPEST = 4


class Method(NamedTuple):
    """
    A method of an API.

    :param name: such as ``bigquery.tables.get``.
    :param parameters: of the query.
    :param request: name of the body's type; empty if it has none.
    """

    name: str
    parameters: list[str]
    request: str


@cache
def document(api: str) -> dict[str, Any]:
    """Return the document of an API, such as ``bigquery.v2``."""
    folder = resources.files("googleapiclient") / "discovery_cache" / "documents"
    read: dict[str, Any] = json.loads((folder / f"{api}.json").read_text())
    return read


@cache
def methods(api: str) -> dict[str, Method]:
    """Return the methods of an API by their names."""
    common = [*document(api).get("parameters", {})]
    return {
        found["id"]: Method(
            found["id"],
            common
            + [name for name, kind in found.get("parameters", {}).items() if kind["location"] == "query"],
            found.get("request", {}).get("$ref", ""),
        )
        for found in _methods(document(api))
    }


def _methods(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def instance(random: Random, api: str, type_name: str) -> Any:
    """Return a value of a type: a few of its fields, each of its own type, though not always sensible."""
    return _instance(random, document(api)["schemas"], {"$ref": type_name}, 0)


def _instance(random: Random, types: dict[str, Any], kind: dict[str, Any], depth: int) -> Any:
    if "$ref" in kind:
        return _instance(random, types, types[kind["$ref"]], depth)
    if kind["type"] == "array":
        count = random.choice((0, 1, 1, 2)) if depth < _DEEPEST else 0
        return [_instance(random, types, kind["items"], depth + 1) for _ in range(count)]
    if kind["type"] == "object":
        return _object(random, types, kind, depth)
    if "enum" in kind and random.random() < 0.8:
        return random.choice(kind["enum"])
    if kind.get("format") in ("int64", "uint64"):
        return random.choice(("0", "1", "-1", str(2**63 - 1), str(-(2**63)), 5))
    simple = {"string": odd.TEXTS, "boolean": (True, False), "integer": (0, 1, -1, 2**31 - 1)}
    return random.choice(simple.get(kind["type"], odd.NUMBERS))


def _object(random: Random, types: dict[str, Any], kind: dict[str, Any], depth: int) -> dict[str, Any]:
    fields = kind.get("properties", {})
    if depth >= _DEEPEST:
        return {}
    if not fields:
        inner = kind.get("additionalProperties", {"type": "any"})
        return {random.choice(odd.TEXTS): _instance(random, types, inner, depth + 1)}
    chosen = random.sample(sorted(fields), min(len(fields), random.choice((1, 2, 3))))
    return {name: _instance(random, types, fields[name], depth + 1) for name in chosen}
