"""Filter, order and pages of every list method."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from google.api_core import exceptions
from google.protobuf import field_mask_pb2

from localcloud.vertex.resources import masks
from localcloud.vertex.resources.filters import Queryable, compile_filter, read

T = TypeVar("T")
ReadMasked = Callable[[Any, field_mask_pb2.FieldMask], Any]

_DEFAULT_PAGE_SIZE = 100
_FIELDS = ("filter", "order_by", "page_size", "page_token")


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
    bound_to: bytes = b"",
) -> Page[T]:
    """
    Filter, order and page the results of a list method.

    :param items: every resource of the collection, in the order of a list without ``order_by``.
    :param queryable: what the method can filter and order by.
    :param filter: AIP-160 filter.
    :param order_by: comma-separated field names, each with an optional ``asc`` or ``desc``.
    :param page_size: resources per page; 0 means 100.
    :param page_token: ``next_page_token`` of the page before.
    :param bound_to: what else must be the same for every page, besides filter and order.
    :raises google.api_core.exceptions.InvalidArgument: any of them cannot be understood.
    """
    if page_size < 0:
        raise exceptions.InvalidArgument(f"page_size must not be negative: {page_size}.")
    matches = compile_filter(filter, queryable)
    found = [item for item in items if matches(item)]
    # the last key is sorted first, because the sort is stable
    for path, descending in reversed(_keys(order_by, queryable)):
        found.sort(key=_sort_key(path), reverse=descending)
    query = hashlib.sha256(f"{filter}\0{order_by}\0".encode() + bound_to).hexdigest()[:16]
    start = _offset(page_token, query)
    end = start + (page_size or _DEFAULT_PAGE_SIZE)
    token = base64.urlsafe_b64encode(f"{query}:{end}".encode()).decode() if end < len(found) else ""
    return Page(found[start:end], token)


def select_for(
    request: Any, items: Sequence[T], queryable: Queryable, read_masked: ReadMasked = masks.read
) -> Page[T]:
    """
    Apply a list request, whichever of the fields its message has; see :func:`select`.

    A page token is good for the same request alone, save for the size of the page.

    Source: https://google.aip.dev/158

    :param request: message of the list method.
    :param items: every resource of the collection, in the order of a list without ``order_by``.
    :param queryable: what the method can filter and order by.
    :param read_masked: gives the fields of a resource that a read mask names.
    """
    raw = type(request).pb(request) if hasattr(type(request), "pb") else request
    fields = [name for name in _FIELDS if name in raw.DESCRIPTOR.fields_by_name]
    bound_to = type(raw)()
    bound_to.CopyFrom(raw)
    for name in ("page_size", "page_token"):
        bound_to.ClearField(name)
    page = select(
        items,
        queryable,
        **{name: getattr(raw, name) for name in fields},
        bound_to=raw.DESCRIPTOR.full_name.encode() + bound_to.SerializeToString(deterministic=True),
    )
    if "read_mask" not in raw.DESCRIPTOR.fields_by_name:
        return page
    return Page([read_masked(item, raw.read_mask) for item in page.items], page.next_page_token)


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
