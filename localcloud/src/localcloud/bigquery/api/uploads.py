"""Files that come with a load job: in one multipart request, or in a resumable session."""

from __future__ import annotations

import re
import uuid
import zlib
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from localcloud.bigquery.errors import failure, not_found

_RANGE = re.compile(r"bytes (?:\*|(\d+)-(\d+))/(\*|\d+)")


async def read_multipart(request: web.Request) -> tuple[bytes, bytes]:
    """
    Read a ``multipart/related`` request: the job, then the file.

    :raises ApiError: 400 for anything else.
    """
    if not request.content_type.startswith("multipart/"):
        raise failure("invalid", f"Expected multipart/related, not {request.content_type}")
    try:
        reader = await request.multipart()
        return await _part(reader), await _part(reader)
    except (HttpProcessingError, LookupError, RuntimeError, ValueError, zlib.error) as error:
        # what aiohttp raises for a body that is no multipart or in an encoding that there is not
        problem = " ".join(str(error).split())
        raise failure("invalid", f"The body cannot be read as multipart/related: {problem}") from error


async def _part(reader: MultipartReader) -> bytes:
    part = await reader.next()
    if not isinstance(part, BodyPartReader):
        raise failure("invalid", "A multipart upload has two parts: the job and the file")
    return bytes(await part.read(decode=True))


@dataclass
class _Session:
    job: dict[str, Any]
    received: bytearray


class ResumableUploads:
    """
    Keeps the sessions of resumable uploads until their last byte.

    Source: https://cloud.google.com/bigquery/docs/reference/api-uploads#resumable
    """

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}

    def begin(self, job: dict[str, Any], request: web.Request) -> web.Response:
        """Open a session and tell its address."""
        upload_id = uuid.uuid4().hex
        self._sessions[upload_id] = _Session(job, bytearray())
        address = request.url.with_query({"uploadType": "resumable", "upload_id": upload_id})
        return web.Response(headers={"Location": str(address), "X-GUploader-UploadID": upload_id})

    async def receive(self, request: web.Request) -> tuple[dict[str, Any], bytes] | web.Response:
        """
        Receive a chunk.

        :return: the job and the whole file after the last chunk, else the answer that asks for more.
        :raises ApiError: 404 for an unknown session, 400 for a chunk that leaves a gap.
        """
        upload_id = request.query.get("upload_id", "")
        session = self._sessions.get(upload_id)
        if session is None:
            raise not_found("Upload", upload_id)
        data = await request.read()
        whole = f"bytes 0-{len(data) - 1}/{len(data)}" if data else "bytes */0"
        given = request.headers.get("Content-Range", whole)
        match = _RANGE.fullmatch(given)
        if match is None:
            raise failure("invalid", f"Invalid Content-Range: {given}")
        first, _, total = match.groups()
        if first is not None:
            if int(first) > len(session.received):
                raise failure(
                    "invalid", f"Upload {upload_id} continues at {len(session.received)}, not {first}"
                )
            del session.received[int(first) :]
            session.received += data
        if total == "*" or len(session.received) < int(total):
            seen = {"Range": f"bytes=0-{len(session.received) - 1}"} if session.received else {}
            return web.Response(status=308, headers=seen)
        del self._sessions[upload_id]
        return session.job, bytes(session.received)
