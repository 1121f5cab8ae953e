"""Shared code of the resources: patches, etags, labels, pages."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from localcloud.bigquery.errors import failure, unsupported

T = TypeVar("T")
_FILTER = re.compile(r"labels\.([^\s:]+)(?::(\S*))?")


def writable(body: Mapping[str, Any], allowed: set[str], output_only: set[str], kind: str) -> dict[str, Any]:
    """
    Return what a client may set.

    :param allowed: keys that are kept.
    :param output_only: keys that BigQuery ignores on input.
    :param kind: the resource, for the error.
    :raises ApiError: 501 for a key that has a meaning which localcloud does not give it.
    """
    unknown = sorted(
        key for key, value in body.items() if _is_set(value) and key not in allowed | output_only
    )
    if unknown:
        raise unsupported(f"{', '.join(unknown)} of a {kind}")
    return {key: value for key, value in body.items() if key in allowed}


def _is_set(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_set(inner) for inner in value.values())
    return value not in (None, [], "", False, "0", 0)


def patched(resource: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with a patch laid over it: null removes, objects merge."""
    result = dict(resource)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and key == "labels":
            result[key] = patched(result.get(key, {}), value)
        else:
            result[key] = value
    return result


def etag(*parts: Any) -> str:
    """Return an etag that changes when one of the parts does."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
    return base64.b64encode(digest[:16]).decode()


def check_etag(expected: str | None, actual: str) -> None:
    """
    Check ``If-Match``.

    :raises ApiError: 412 when the resource has changed.
    """
    if expected and expected not in ("*", actual):
        raise failure("conditionNotMet", "Precondition check failed.")


def matches(labels: dict[str, str], expression: str) -> bool:
    """
    Return whether labels satisfy a list filter.

    :param expression: ``labels.<name>[:<value>]`` terms joined by spaces, all of which must hold.
    :raises ApiError: 400 for anything else.
    """
    for term in expression.split():
        match = _FILTER.fullmatch(term)
        if match is None:
            raise failure("invalid", f"Invalid filter expression: {term}. Expected labels.<name>[:<value>]")
        name, value = match.groups()
        if name not in labels or (value is not None and labels[name] != value):
            return False
    return True


def page(
    items: Iterable[T], query: Mapping[str, str], default: int, describe: Callable[[T], Any]
) -> dict[str, Any]:
    """
    Return the page of a list that ``maxResults`` and ``pageToken`` select.

    :param default: page size if the client gives none.
    :param describe: makes the JSON of an item.
    :return: ``items`` and, if there are more, ``nextPageToken``.
    """
    everything = list(items)
    size = positive(query, "maxResults", default)
    start = read_token(query["pageToken"])[0] if query.get("pageToken") else 0
    chosen = everything[start : start + size]
    answer: dict[str, Any] = {"items": [describe(item) for item in chosen]}
    if start + size < len(everything):
        answer["nextPageToken"] = make_token(start + size)
    return answer


def positive(query: Mapping[str, Any], key: str, default: int) -> int:
    """
    Return a count that a client may have sent.

    :raises ApiError: 400 for what is no count.
    """
    value = query.get(key)
    if value in (None, ""):
        return default
    if not str(value).isdigit():
        raise failure("invalid", f"Invalid value for {key}: {value}")
    return int(str(value))


def make_token(*numbers: int) -> str:
    """Return an opaque page token."""
    return base64.urlsafe_b64encode(",".join(map(str, numbers)).encode()).decode()


def read_token(token: str) -> list[int]:
    """
    Return the numbers in a page token.

    :raises ApiError: 400 for a token that is not ours.
    """
    try:
        return [int(number) for number in base64.urlsafe_b64decode(token).decode().split(",")]
    except ValueError as error:
        raise failure("invalid", f"Invalid page token: {token}") from error
