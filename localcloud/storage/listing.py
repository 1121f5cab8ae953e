"""
Listings with ``matchGlob`` and pages, which the storage server ignores.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/list
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from localcloud.errors import ApiError, not_served
from localcloud.storage import names
from localcloud.storage.upstream import Answer, Query, Upstream

LARGEST_PAGE = 1000

# Each of these would change which objects are listed, and the storage server ignores it.
IGNORED = ("includeFoldersAsPrefixes", "includeTrailingDelimiter", "softDeleted", "versions")


async def list_objects(upstream: Upstream, path: str, query: Query) -> Answer:
    """
    List the objects of a bucket.

    :param upstream: the storage server.
    :param path: percent-encoded path of the bucket's objects.
    :param query: parameters of the query.
    :raises ApiError: 400 for a bad glob, token or size, 501 for what would be ignored.
    """
    for name in IGNORED:
        if query.get(name, "false").lower() != "false":
            raise not_served(f"the parameter {name} of storage.objects.list")
    size = _page_size(query.get("maxResults", ""))
    after = _decode_token(query.get("pageToken", ""))
    matches = translate(query.get("matchGlob") or "**").fullmatch
    prefix = query.get("prefix", "")
    answer = await upstream.call("GET", path, _upstream_query(query))
    if answer.status != 200:
        return answer
    listing = answer.json()
    entries = [(item["name"], item) for item in listing.get("items", [])]
    entries += [(prefix, None) for prefix in listing.get("prefixes", [])]
    found = [entry for entry in entries if entry[0].startswith(prefix) and matches(entry[0])]
    chosen = sorted((entry for entry in found if entry[0] > after), key=lambda entry: entry[0])
    return Answer.of(_page(chosen[:size], more=len(chosen) > size))


def _page(entries: list[tuple[str, Any]], *, more: bool) -> dict[str, Any]:
    page: dict[str, Any] = {"kind": "storage#objects"}
    items = [item for _, item in entries if item is not None]
    prefixes = [name for name, item in entries if item is None]
    if items:
        page["items"] = items
    if prefixes:
        page["prefixes"] = prefixes
    if more:
        page["nextPageToken"] = base64.urlsafe_b64encode(entries[-1][0].encode()).decode()
    return page


def _upstream_query(query: Query) -> Query:
    sent = {name: query[name] for name in ("delimiter",) if query.get(name)}
    if query.get("prefix"):
        sent["prefix"] = names.encode_prefix(query["prefix"])
    for name in ("startOffset", "endOffset"):
        if query.get(name):
            sent[name] = names.encode(query[name])
    return sent


def _page_size(text: str) -> int:
    if not text:
        return LARGEST_PAGE
    if not text.isdecimal() or int(text) == 0:
        raise ApiError(
            400, "INVALID_ARGUMENT", f"maxResults must be a positive number, not {text}", "invalid"
        )
    return min(int(text), LARGEST_PAGE)


def _decode_token(text: str) -> str:
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise ApiError(400, "INVALID_ARGUMENT", f"Invalid pageToken: {text}", "invalid") from error


_GLOB_TOKEN = re.compile(
    r"(?P<deep>\*\*/?)|(?P<star>\*)|(?P<one>\?)|(?P<set>\[[^\]]+\])|(?P<open>\{)|(?P<close>\})"
    r"|(?P<comma>,)|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)


def translate(glob: str) -> re.Pattern[str]:
    """
    Make the regular expression for a glob of Cloud Storage.

    ``*`` and ``?`` stop at a slash, ``**`` does not, ``**/`` may stand for nothing; there are ``[abc]``,
    ``[!abc]`` and ``{one,two}``.

    :param glob: value of ``matchGlob``.
    :raises ApiError: 400 when its braces do not match.
    """
    depth, expression = 0, ""
    for token in _GLOB_TOKEN.finditer(glob):
        kind = token.lastgroup or ""
        depth += {"open": 1, "close": -1}.get(kind, 0)
        if depth < 0:
            break
        expression += _expression(kind, token[kind], inside=depth > 0)
    if depth != 0:
        raise ApiError(400, "INVALID_ARGUMENT", f"Invalid matchGlob: {glob}", "invalid")
    return re.compile(expression, re.DOTALL)


def _expression(kind: str, text: str, *, inside: bool) -> str:
    fixed = {"star": "[^/]*", "one": "[^/]", "open": "(?:", "close": ")"}
    if kind in fixed:
        return fixed[kind]
    if kind == "deep":
        return "(?:.*/)?" if text.endswith("/") else ".*"
    if kind == "set":
        members = text[1:-1].replace("\\", r"\\")
        return f"[^/{members[1:]}]" if members[0] in "!^" else f"[{members}]"
    if kind == "comma" and inside:
        return "|"
    return re.escape(text)
