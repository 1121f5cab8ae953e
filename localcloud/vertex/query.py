"""What every list method does with its caller's filter, order and page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from google.api_core import exceptions

from localcloud.vertex.filters import Queryable, compile_filter, read

T = TypeVar("T")

_DEFAULT_PAGE_SIZE = 100


class Page(NamedTuple, Generic[T]):
    """One page of a list, and the token of the next one (empty at the end)."""

    items: list[T]
    next_page_token: str


def select(
    items: Sequence[T],
    queryable: Queryable,
    *,
    filter: str = "",
    order_by: str = "",
    page_size: int = 0,
    page_token: str = "",
) -> Page[T]:
    """
    Pick, order and cut what a list method returns.

    :param items: every resource of the collection, in the order of a list without ``order_by``.
    :param queryable: what the method can filter and order by.
    :param filter: AIP-160 filter.
    :param order_by: comma-separated field names, each with an optional ``asc`` or ``desc``.
    :param page_size: resources per page; 0 means 100.
    :param page_token: ``next_page_token`` of the page before.
    :raises google.api_core.exceptions.InvalidArgument: any of them cannot be understood.
    """
    if page_size < 0:
        raise exceptions.InvalidArgument(f"page_size must not be negative: {page_size}.")
    matches = compile_filter(filter, queryable)
    found = [item for item in items if matches(item)]
    # the last key is sorted first, because the sort is stable
    for path, descending in reversed(_keys(order_by, queryable)):
        found.sort(key=_sort_key(path), reverse=descending)
    query = hashlib.sha256(f"{filter}\0{order_by}".encode()).hexdigest()[:16]
    start = _offset(page_token, query)
    end = start + (page_size or _DEFAULT_PAGE_SIZE)
    token = base64.urlsafe_b64encode(f"{query}:{end}".encode()).decode() if end < len(found) else ""
    return Page(found[start:end], token)


def select_for(request: Any, items: Sequence[T], queryable: Queryable) -> Page[T]:
    """Do what a list request asks, whichever of the fields its message has; see :func:`select`."""
    fields = ("filter", "order_by", "page_size", "page_token")
    known = [name for name in fields if name in type(request).meta.fields]
    return select(items, queryable, **{name: getattr(request, name) for name in known})


def _keys(order_by: str, queryable: Queryable) -> list[tuple[str, bool]]:
    keys = []
    for part in filter(str.strip, order_by.split(",")):
        name, *direction = part.split()
        if name not in queryable.orderable or direction not in ([], ["asc"], ["desc"]):
            known = ", ".join(queryable.orderable) or "none"
            raise exceptions.InvalidArgument(f"Invalid order_by {order_by!r}: supported fields are {known}.")
        keys.append((name, direction == ["desc"]))
    return keys


def _sort_key(path: str) -> Callable[[Any], tuple[bool, Any]]:
    def key(item: Any) -> tuple[bool, Any]:
        value = read(item, path)
        return (value is not None, value)

    return key


def _offset(page_token: str, query: str) -> int:
    if not page_token:
        return 0
    try:
        made_for, _, offset = base64.urlsafe_b64decode(page_token).decode().partition(":")
        if made_for == query:
            return int(offset)
    except ValueError:
        pass
    raise exceptions.InvalidArgument(f"Invalid page_token {page_token!r}: it belongs to another query.")
