"""
Features that the service has and localcloud lacks: rejected by name instead of being ignored.

Sources: https://cloud.google.com/storage/docs/json_api/v1/objects,
https://cloud.google.com/storage/docs/json_api/v1/parameters and
https://cloud.google.com/storage/docs/xml-api/reference-headers
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import unquote_to_bytes

from aiohttp import web

from localcloud.errors import invalid, not_served

# access control, which localcloud does not have
_ACLS = frozenset({"destinationPredefinedAcl", "predefinedAcl", "predefinedDefaultObjectAcl"})
_PRIVATE = frozenset({"bucketOwnerFullControl", "bucketOwnerRead", "private", "projectPrivate"})
_PARAMETERS = frozenset(
    {
        # encryption keys
        "destinationKmsKeyName",
        "kmsKeyName",
        # what is there, and for how long
        "enableObjectRetention",
        "softDeleted",
    }
)
# keys of the client's own, preconditions in other places than the query, and the XML API's copies
_HEADERS = re.compile(r"x-goog-(?:acl|copy-source.*|encryption-.*|if-.*)|if-range", re.IGNORECASE)
# served when one object or bucket is read: the JSON API has them for reads alone, as its Python client found
# (https://github.com/googleapis/python-storage/pull/489)
_ETAGS = re.compile(r"if-(?:match|none-match)", re.IGNORECASE)


def refuse(query: Iterable[tuple[str, str]], headers: Iterable[str], *, reads: bool = False) -> None:
    """
    Reject what would be ignored.

    :param query: parameters of a call, whether it came alone or in a batch.
    :param headers: names of its headers.
    :param reads: whether it reads one object or bucket, and checks its ETag.
    :raises ApiError: 501 that names one.
    """
    for name, value in query:
        if name in _PARAMETERS and value.lower() not in ("", "false"):
            raise not_served(f"the parameter {name}")
        if name in _ACLS and value and value not in _PRIVATE:
            raise not_served(f"the parameter {name}={value}")
    for name in headers:
        if _HEADERS.fullmatch(name) or (_ETAGS.fullmatch(name) and not reads):
            raise not_served(f"the header {name}")


@web.middleware
async def refuse_ignored(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Reject a request that uses what would be ignored, or whose address is not UTF-8."""
    try:
        unquote_to_bytes(request.raw_path.encode("utf-8", "surrogateescape")).decode()
    except UnicodeDecodeError as error:
        raise invalid("The address of the request is not UTF-8") from error
    refuse(request.query.items(), request.headers, reads=_reads_one(request))
    return await handler(request)


def _reads_one(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    return (
        request.method in ("GET", "HEAD")
        and resource is not None
        and resource.canonical.endswith(("{bucket}", "{object}"))
    )
