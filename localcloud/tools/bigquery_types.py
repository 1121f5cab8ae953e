"""
Write what localcloud knows of the types of BigQuery's requests.

Run ``python -m tools.bigquery_types`` in the folder of pyproject.toml.

Google's client library for Python contains the discovery document of each API; localcloud needs only the
types of the methods that it serves, and not the library.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from localcloud.bigquery.api.request_types import PATH

_API = "bigquery.v2"
# output only: BigQuery sets them, and ignores values from clients
_IGNORED = {"Job": ("statistics", "status"), "Table": ("model",)}
_METHODS = ("datasets", "jobs", "rowAccessPolicies", "tabledata", "tables")


def types() -> dict[str, Any]:
    """Return the types of the bodies and parameters of each method, and the types in those."""
    folder = resources.files("googleapiclient") / "discovery_cache" / "documents"
    document = json.loads((folder / f"{_API}.json").read_text())
    found: dict[str, Any] = {}
    methods: dict[str, Any] = {}
    for resource in _METHODS:
        for method in document["resources"][resource]["methods"].values():
            query = {
                name: _word(kind, document, found, "")
                for name, kind in method.get("parameters", {}).items()
                if kind["location"] == "query"
            }
            methods[method["id"]] = {"query": query}
            if "request" in method:
                methods[method["id"]]["body"] = _word(method["request"], document, found, "")
    return {"methods": methods, "types": dict(sorted(found.items()))}


def _word(kind: dict[str, Any], document: dict[str, Any], found: dict[str, Any], name: str) -> str:
    """Return a type in one word, and record its parts."""
    if "$ref" in kind:
        return _word(document["schemas"][kind["$ref"]], document, found, kind["$ref"])
    if kind["type"] == "array":
        return f"[{_word(kind['items'], document, found, name)}]"
    if kind["type"] != "object":
        is_number = kind["type"] in ("integer", "number") or kind.get("format") in ("int64", "uint64")
        return str(kind["format"] if is_number and "format" in kind else kind["type"])
    if "properties" not in kind:
        inner = kind.get("additionalProperties", {"type": "any"})
        return "{" + _word(inner, document, found, name) + "}"
    if name not in found:
        found[name] = {}
        found[name] |= dict(_fields(kind, document, found, name))
    return name


def _fields(
    kind: dict[str, Any], document: dict[str, Any], found: dict[str, Any], name: str
) -> Iterator[tuple[str, str]]:
    for field, inner in kind["properties"].items():
        if field not in _IGNORED.get(name, ()):
            yield field, _word(inner, document, found, f"{name}.{field}")


def write(path: Path) -> None:
    """
    Write them.

    :param path: the file.
    """
    path.write_text(json.dumps(types(), indent=1) + "\n")


if __name__ == "__main__":
    write(PATH)
