"""
Listings: names with a prefix, folded at a delimiter, narrowed by a glob, in pages.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.errors import invalid, not_served
from localcloud.storage.catalog import Object
from localcloud.storage.globs import Glob
from localcloud.storage.resources import object_resource
from localcloud.storage.store import Store

LARGEST_PAGE = 1000

# each of these would change which objects are listed; "versions" does not, since no bucket keeps old ones
_NOT_SERVED = ("filter", "includeFoldersAsPrefixes", "includeTrailingDelimiter")


def list_objects(store: Store, bucket: str, query: Mapping[str, str]) -> dict[str, Any]:
    """
    List the objects of a bucket.

    :param store: the buckets and objects.
    :param bucket: its name.
    :param query: parameters of the query.
    :raises ApiError: 400 for a bad glob, token or size, 404 without the bucket, 501 for what is not served.
    """
    for name in _NOT_SERVED:
        if query.get(name, "false").lower() != "false":
            raise not_served(f"the parameter {name} of storage.objects.list")
    store.bucket(bucket)
    size = page_size(query)
    after = decode_token(query.get("pageToken", ""))
    glob = Glob(query["matchGlob"]) if query.get("matchGlob") else None
    items: list[dict[str, Any]] = []
    prefixes: list[str] = []
    last = ""
    for name, found in _entries(store, bucket, query, after):
        if glob and not glob.matches(name):
            continue
        if len(items) + len(prefixes) == size:
            return _page(items, prefixes, encode_token(last))
        last = name
        if found:
            items.append(object_resource(found))
        else:
            prefixes.append(name)
    return _page(items, prefixes, "")


def iterate(store: Store, bucket: str, begin: str, prefix: str = "") -> Iterator[Object]:
    """
    Return the objects of a bucket by name, a few at a time, so that other calls run in between.

    :param begin: the first name.
    :param prefix: what the names begin with.
    """
    begin, started = max(begin, prefix), False
    while page := store.catalog.objects(bucket, begin, LARGEST_PAGE, after=started):
        for found in page:
            if not found.name.startswith(prefix):
                return
            yield found
        begin, started = page[-1].name, True


def page_size(query: Mapping[str, str]) -> int:
    """
    Read ``maxResults``.

    :raises ApiError: 400 when it is no positive number.
    """
    text = query.get("maxResults", "")
    if not text:
        return LARGEST_PAGE
    if not (text.isascii() and text.isdecimal() and int(text[:9]) > 0):
        raise invalid(f"maxResults must be a positive number, not {text}")
    return min(int(text[:9]), LARGEST_PAGE)


def encode_token(name: str) -> str:
    """Create the token of the page after a name."""
    return base64.urlsafe_b64encode(name.encode()).decode()


def decode_token(text: str) -> str:
    """
    Read the name after which a page begins.

    :raises ApiError: 400 when it is not a token.
    """
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid(f"Invalid pageToken: {text}") from error


def _entries(
    store: Store, bucket: str, query: Mapping[str, str], after: str
) -> Iterator[tuple[str, Object | None]]:
    """Return objects; those whose names have the delimiter are replaced by their common prefix, once."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    end = query.get("endOffset", "")
    for found in iterate(store, bucket, max(query.get("startOffset", ""), after), prefix):
        if end and found.name >= end:
            return
        cut = found.name.find(delimiter, len(prefix)) if delimiter else -1
        name = found.name if cut < 0 else found.name[: cut + len(delimiter)]
        if name > after:
            after = name
            yield name, found if cut < 0 else None


def _page(items: list[dict[str, Any]], prefixes: list[str], token: str) -> dict[str, Any]:
    page: dict[str, Any] = {"kind": "storage#objects"}
    if items:
        page["items"] = items
    if prefixes:
        page["prefixes"] = prefixes
    if token:
        page["nextPageToken"] = token
    return page
