"""
Resumable uploads: opened, then sent in chunks, which outlive a restart.

Source: https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import uuid
import weakref
from collections.abc import AsyncIterator
from typing import NamedTuple

from aiohttp import web

from localcloud.errors import ApiError, invalid
from localcloud.gateway.json_body import read_object
from localcloud.storage.catalog import Object, Upload, now_us
from localcloud.storage.content import BLOCK
from localcloud.storage.http.calls import Answer
from localcloud.storage.http.uploads import described, digests, object_name
from localcloud.storage.preconditions import Conditions
from localcloud.storage.resources import object_resource, written
from localcloud.storage.store import UPLOAD_UNIT, Store

log = logging.getLogger(__name__)

CANCELLED = 499
# how long a request waits for an earlier one of its upload, which the client may have abandoned
PREVIOUS_SECONDS = 2.0

_RANGE = re.compile(r"bytes (?:\*|(\d{1,18})-(\d{1,18}))/(\*|\d{1,18})")


class Chunk(NamedTuple):
    """
    The range of bytes that a request of an upload sends.

    :param start: where its first byte goes; None if it only asks how far the upload came.
    :param stop: the byte after its last one; None if the request does not say.
    :param total: size of the object; None if it is not known yet.
    """

    start: int | None
    stop: int | None
    total: int | None


class _Session:
    """The lock of one upload: its requests run one at a time."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._served: web.Request | None = None

    @contextlib.asynccontextmanager
    async def turn(self, request: web.Request) -> AsyncIterator[None]:
        """
        Wait for the previous request; one that does not end is disconnected.

        :param request: what comes next.
        """
        try:
            async with asyncio.timeout(PREVIOUS_SECONDS):
                await self.lock.acquire()
        except TimeoutError:
            if self._served is not None and self._served.transport is not None:
                log.warning(
                    "dropped a request that kept its upload from a newer one: %s", self._served.path_qs
                )
                self._served.transport.abort()
            await self.lock.acquire()
        self._served = request
        try:
            yield
        finally:
            self._served = None
            self.lock.release()


class Resumable:
    """
    Opens uploads and takes their chunks.

    :param store: where the objects go.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._sessions: weakref.WeakValueDictionary[str, _Session] = weakref.WeakValueDictionary()

    async def open(self, request: web.Request) -> web.Response:
        """
        Open an upload and return its address.

        :param request: POST with ``uploadType=resumable``; its body is the object's resource, or empty.
        :raises ApiError: 400 without a name, 404 without the bucket, 412 when a precondition fails.
        """
        sent = read_object(await request.read())
        bucket, name = request.match_info["bucket"], object_name(request, sent)
        conditions = Conditions(request.query)
        self.store.check(bucket, name, conditions)
        resource = described(request, sent, request.headers.get("X-Upload-Content-Type", ""))
        written(resource)
        upload = Upload(uuid.uuid4().hex, bucket, name, now_us(), conditions.wanted, resource)
        self.store.contents.path(upload.id).touch()
        self.store.catalog.put_upload(upload)
        address = f"https://{request.host}{request.path}?uploadType=resumable&upload_id={upload.id}"
        return web.Response(headers={"Location": address, "X-GUploader-UploadID": upload.id})

    async def resume(self, request: web.Request) -> Answer:
        """
        Receive a chunk, return how far the upload has come, or cancel it.

        :param request: PUT or DELETE of the address that opening it gave.
        :raises ApiError: 404 when there is no such upload, 400 for a chunk that does not fit.
        """
        id_ = request.query.get("upload_id", "")
        session = self._sessions.setdefault(id_, _Session())
        async with session.turn(request):
            upload = self.store.catalog.upload(id_)
            if upload is None or upload.bucket != request.match_info["bucket"]:
                raise ApiError(404, "NOT_FOUND", f"No such upload: {id_}")
            if request.method == "DELETE":
                return self._cancel(upload)
            if upload.generation:
                return Answer.of(object_resource(self._made(upload)))
            return await self._chunk(upload, request)

    async def _chunk(self, upload: Upload, request: web.Request) -> Answer:
        chunk = _chunk(request.headers.get("Content-Range", ""))
        path = self.store.contents.path(upload.id)
        size = path.stat().st_size
        if chunk.start is not None:
            size = await self._append(upload, request, chunk, size)
        if chunk.total is not None and size > chunk.total:
            raise invalid(f"{size} bytes are more than the {chunk.total} of the object")
        if size != chunk.total and not (chunk.start is not None and chunk.stop is None):
            return _incomplete(size)
        made = await asyncio.to_thread(self.store.finish_upload, upload, digests(request))
        return Answer.of(object_resource(made))

    async def _append(self, upload: Upload, request: web.Request, chunk: Chunk, size: int) -> int:
        """Write the new bytes of a chunk, and return the size reached."""
        assert chunk.start is not None
        if chunk.start > size:
            raise invalid(f"The upload has {size} bytes; a chunk from {chunk.start} on leaves a gap")
        path = self.store.contents.path(upload.id)
        whole = False
        position = chunk.start
        try:
            with path.open("ab") as file:
                async for block in request.content.iter_chunked(BLOCK):
                    file.write(block[max(0, size - position) :])
                    position += len(block)
            whole = chunk.stop is None or position == chunk.stop
        finally:
            now = path.stat().st_size
            last = chunk.total is not None and now == chunk.total
            if not (whole and (chunk.stop is None or last)):
                # of an interrupted chunk, whole units are kept
                with path.open("ab") as file:
                    file.truncate(max(size, now - now % UPLOAD_UNIT))
        if not whole:
            raise invalid(
                f"The chunk has {position - chunk.start} bytes, and its Content-Range says otherwise"
            )
        if now % UPLOAD_UNIT and not last and chunk.stop is not None:
            raise invalid(f"A chunk that is not the last one must be a multiple of {UPLOAD_UNIT} bytes")
        return now

    def _cancel(self, upload: Upload) -> Answer:
        self.store.catalog.remove_uploads(id_=upload.id)
        if not upload.generation:
            self.store.contents.remove(upload.id)
        return Answer(CANCELLED)

    def _made(self, upload: Upload) -> Object:
        found = self.store.get(upload.bucket, upload.name)
        if found.generation != upload.generation:
            raise ApiError(404, "NOT_FOUND", f"The object of the upload {upload.id} has been replaced")
        return found


def _chunk(header: str) -> Chunk:
    if not header:
        return Chunk(0, None, None)
    match = _RANGE.fullmatch(header)
    if match is None or (match[1] and int(match[2]) < int(match[1])):
        raise invalid(f"Invalid value for Content-Range: {header}")
    total = None if match[3] == "*" else int(match[3])
    if match[1] is None:
        return Chunk(None, None, total)
    return Chunk(int(match[1]), int(match[2]) + 1, total)


def _incomplete(size: int) -> Answer:
    """Return the answer to an upload that is not complete, with the range received so far."""
    return Answer(308, {"Range": f"bytes=0-{size - 1}"} if size else {})
