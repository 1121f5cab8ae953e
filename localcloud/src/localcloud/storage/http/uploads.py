"""
Uploads in one request: content alone, or with a resource before it.

Source: https://cloud.google.com/storage/docs/uploads-downloads
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from localcloud.errors import invalid, not_served
from localcloud.gateway.json_body import read_object
from localcloud.storage.catalog import Object
from localcloud.storage.content import BLOCK
from localcloud.storage.http.multipart import Related
from localcloud.storage.names import check_object
from localcloud.storage.preconditions import Conditions
from localcloud.storage.store import Store


async def insert(store: Store, request: web.Request) -> Object:
    """
    Receive a whole object.

    :param store: gets the object.
    :param request: POST of ``/upload/storage/v1/b/{bucket}/o``.
    :raises ApiError: 400 without a name or with other checksums, 412 when a precondition fails, 501 for
        another upload type.
    """
    kind = request.query.get("uploadType", "")
    if kind == "media":
        return await _take(store, request, {}, request.headers.get("Content-Type", ""), _body(request))
    if kind == "multipart":
        related = Related(request.headers.get("Content-Type", ""), request.content)
        sent = read_object(await related.resource())
        return await _take(store, request, sent, await related.content_type(), related.content())
    raise not_served(f"uploadType={kind} of storage.objects.insert")


def object_name(request: web.Request, sent: dict[str, Any]) -> str:
    """
    Return the name of the object that a request makes.

    :param request: the request.
    :param sent: resource in its body.
    :raises ApiError: 400 when no object can have it.
    """
    return check_object(request.query.get("name") or sent.get("name"))


def described(request: web.Request, sent: dict[str, Any], content_type: str) -> dict[str, Any]:
    """
    Add to a resource what the request says about the content elsewhere.

    :param request: the request.
    :param sent: resource in its body.
    :param content_type: type of the content; the resource's own comes first.
    """
    return {
        **({"contentType": content_type} if content_type else {}),
        **(
            {"contentEncoding": request.query["contentEncoding"]}
            if "contentEncoding" in request.query
            else {}
        ),
        **{name: value for name, value in sent.items() if value is not None},
        **digests(request),
    }


def digests(request: web.Request) -> dict[str, str]:
    """
    Read the checksums in a request's head.

    Source: https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash

    :param request: the request.
    :return: by name of the resource's field.
    :raises ApiError: 400 when one is no base64.
    """
    found = {"md5Hash": request.headers.get("Content-MD5", "")}
    for header in request.headers.getall("X-Goog-Hash", []):
        for each in header.split(","):
            name, _, value = each.strip().partition("=")
            found[{"md5": "md5Hash"}.get(name, name)] = value
    for name, value in found.items():
        try:
            base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise invalid(f"Invalid value for {name}: {value}") from error
    return {name: found[name] for name in ("md5Hash", "crc32c") if found.get(name)}


async def _take(
    store: Store, request: web.Request, sent: dict[str, Any], content_type: str, blocks: AsyncIterator[bytes]
) -> Object:
    bucket, name = request.match_info["bucket"], object_name(request, sent)
    conditions = Conditions(request.query)
    resource = described(request, sent, content_type)
    store.check(bucket, name, conditions)
    with store.contents.new() as draft:
        async for block in blocks:
            draft.write(block)
        made = store.put(bucket, name, draft.complete(), resource, conditions)
        draft.keep()
    return made


async def _body(request: web.Request) -> AsyncIterator[bytes]:
    async for block in request.content.iter_chunked(BLOCK):
        yield block
