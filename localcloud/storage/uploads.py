"""
Uploads: simple, multipart and resumable.

Source: https://cloud.google.com/storage/docs/uploads-downloads
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import re
from typing import Any

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from localcloud.errors import ApiError, not_served
from localcloud.storage import names, preconditions
from localcloud.storage.upstream import Answer, Body, Upstream

_SINGLE_QUOTED = re.compile(r"boundary='([^']*)'")


async def insert(upstream: Upstream, request: web.Request) -> Answer:
    """
    Take a whole object, or open a resumable upload.

    :param upstream: the storage server.
    :param request: POST of ``/upload/storage/v1/b/{bucket}/o``.
    :raises ApiError: 400 without an object name, 412 when a precondition fails, 501 for another upload type.
    """
    query = dict(request.query)
    kind = query.get("uploadType", "")
    bucket = request.match_info["bucket"]
    headers = _standard_quotes(request.headers)
    body: Body = None
    if kind == "media":
        name = query.get("name", "")
        streamed = request.can_read_body and not preconditions.conditional(query)
        body = request.content if streamed else await request.read()
    elif kind == "multipart":
        body = await request.read()
        name = query.get("name") or _name(_metadata(headers["Content-Type"], body))
    elif kind == "resumable":
        body = await request.read()
        name = query.get("name") or _name(json.loads(body or b"{}"))
    else:
        raise not_served(f"uploadType={kind} of storage.objects.insert")
    if not name:
        raise ApiError(400, "INVALID_ARGUMENT", "Required object name is missing", "required")
    await preconditions.check(upstream, bucket, name, query)
    query["name"] = names.encode(name)
    return await upstream.call("POST", _path(bucket), query, headers, body)


async def resume(upstream: Upstream, request: web.Request) -> Answer:
    """
    Take a chunk of a resumable upload, tell how far it came, or cancel it.

    :param upstream: the storage server.
    :param request: PUT or DELETE of the address that opening the upload gave.
    """
    body: Body = request.content if request.can_read_body else b""
    path = _path(request.match_info["bucket"])
    return await upstream.call(request.method, path, dict(request.query), request.headers, body)


def _path(bucket: str) -> str:
    return f"/upload{names.bucket_path(bucket)}/o"


def _name(metadata: dict[str, Any]) -> str:
    return str(metadata.get("name", ""))


def _standard_quotes(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Quote a multipart boundary as MIME does: gcloud and gsutil write ``boundary='...'``."""
    mended = headers.copy()
    if "Content-Type" in mended:
        mended["Content-Type"] = _SINGLE_QUOTED.sub(r'boundary="\1"', mended["Content-Type"])
    return mended


def _metadata(content_type: str, body: bytes) -> dict[str, Any]:
    """Read the first part of a multipart/related body, without decoding the content that follows."""
    head = email.parser.HeaderParser(policy=email.policy.HTTP).parsestr(
        f"Content-Type: {content_type}\r\n\r\n"
    )
    boundary = head.get_boundary()
    if boundary is None:
        raise ApiError(400, "INVALID_ARGUMENT", "Missing multipart boundary", "badContent")
    first = body.partition(b"--" + boundary.encode())[2].partition(b"--" + boundary.encode())[0]
    text = first.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    metadata = json.loads(text or b"{}")
    return metadata if isinstance(metadata, dict) else {}
