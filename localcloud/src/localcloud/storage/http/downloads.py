"""
Downloads of objects.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects/get and
https://cloud.google.com/storage/docs/transcoding
"""

from __future__ import annotations

import datetime
import email.utils
import itertools
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from aiohttp import web

from localcloud.errors import ApiError
from localcloud.storage.catalog import Object
from localcloud.storage.content import BLOCK
from localcloud.storage.objects import DEFAULT_TYPE
from localcloud.storage.resources import etag

log = logging.getLogger(__name__)

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_HEADERS = {
    "cacheControl": "Cache-Control",
    "contentDisposition": "Content-Disposition",
    "contentLanguage": "Content-Language",
}


class Part(NamedTuple):
    """
    A part of an object.

    :param start: its first byte.
    :param stop: the byte after its last one.
    """

    start: int
    stop: int


async def send(
    request: web.Request, found: Object, file: BinaryIO, more_headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """
    Answer with an object's content, or with the part of it that the client asks for.

    :param request: of the client.
    :param found: the object.
    :param file: its content, open.
    :param more_headers: headers that are added to, or replace, those of the object.
    :raises ApiError: 400 when its content is not gzip, and the client wants it decompressed.
    """
    size = found.content.size
    unpacked = _is_unpacked(request, found)
    asked = None if unpacked else asked_part(request.headers.get("Range", ""), size)
    headers = {**_headers(found), **(more_headers or {})}
    if asked and asked.start >= asked.stop:
        # the Python client learns from this header that an object is empty
        headers["Content-Range"] = f"bytes */{size}"
        return web.Response(status=416, headers=headers)
    part = asked or Part(0, size)
    if asked:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    response = web.StreamResponse(status=206 if asked else 200, headers=headers)
    if not unpacked:
        response.content_length = part.stop - part.start
        if "contentEncoding" in found.metadata:
            response.headers["Content-Encoding"] = found.metadata["contentEncoding"]
    blocks = _blocks(file, part)
    if unpacked:
        blocks = _unpacked(blocks)
    if request.method == "HEAD":
        blocks = iter(())
    first = _first(blocks, found)
    await response.prepare(request)
    await _write(request, response, itertools.chain((first,), blocks), found)
    return response


async def _write(
    request: web.Request, response: web.StreamResponse, blocks: Iterable[bytes], found: Object
) -> None:
    """Write an answer whose head has gone out."""
    try:
        for block in blocks:
            if block:
                await response.write(block)
        await response.write_eof()
    except Exception:
        # the head has announced the full length: only the end of the connection shows that some is missing
        log.exception("the content of gs://%s/%s was not sent to its end", found.bucket, found.name)
        if request.transport is not None:
            request.transport.abort()


def asked_part(header: str, size: int) -> Part | None:
    """
    Read which part a client asks for; None if it asks for all, or in a way that a server may ignore.

    Source: https://www.rfc-editor.org/rfc/rfc9110#name-range

    :param header: value of ``Range``.
    :param size: bytes of the object.
    :return: a part that is empty when the object has none of it.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return Part(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return Part(int(first), min(int(last) + 1, size) if last else size)


def _headers(found: Object) -> dict[str, str]:
    content = found.content
    hashes = f"crc32c={content.crc32c}" + f",md5={content.md5}" * bool(content.md5)
    changed = datetime.datetime.fromtimestamp(found.updated // 10**6, datetime.UTC)
    headers = {
        "Content-Type": found.metadata.get("contentType", DEFAULT_TYPE),
        "Accept-Ranges": "bytes",
        "ETag": f'"{etag(found)}"',
        "Last-Modified": email.utils.format_datetime(changed, usegmt=True),
        "X-Goog-Generation": str(found.generation),
        "X-Goog-Metageneration": str(found.metageneration),
        "X-Goog-Hash": hashes,
        "X-Goog-Storage-Class": "STANDARD",
        "X-Goog-Stored-Content-Encoding": found.metadata.get("contentEncoding", "identity"),
        "X-Goog-Stored-Content-Length": str(content.size),
    }
    return headers | {
        header: found.metadata[name] for name, header in _HEADERS.items() if name in found.metadata
    }


def _is_unpacked(request: web.Request, found: Object) -> bool:
    """Return whether a client gets what a gzip file holds: unless it takes gzip, or the object says no."""
    return (
        found.metadata.get("contentEncoding") == "gzip"
        and "gzip" not in request.headers.get("Accept-Encoding", "")
        and "no-transform" not in found.metadata.get("cacheControl", "")
    )


def _blocks(file: BinaryIO, part: Part) -> Iterator[bytes]:
    file.seek(part.start)
    left = part.stop - part.start
    while left:
        wanted = min(BLOCK, left)
        block = file.read(wanted)
        if len(block) < wanted:
            raise EOFError(f"The file of the content is {left - len(block)} bytes too short")
        left -= wanted
        yield block


def _unpacked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """
    Return what is in a gzip file, which is one or more members.

    Source: https://www.rfc-editor.org/rfc/rfc1952#section-2.2
    """
    unpacker = None
    for block in blocks:
        rest = block
        while rest:
            unpacker = unpacker or zlib.decompressobj(zlib.MAX_WBITS | 16)
            # one decompressed block in memory at a time
            yield unpacker.decompress(rest, BLOCK)
            rest = unpacker.unconsumed_tail
            if unpacker.eof:
                rest, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        yield unpacker.flush()
        if not unpacker.eof:
            raise EOFError("The gzip file breaks off")


def _first(blocks: Iterator[bytes], found: Object) -> bytes:
    """Read the first block, while an error can still be answered."""
    try:
        return next(blocks, b"")
    except zlib.error as error:
        message = f"gs://{found.bucket}/{found.name} says it is gzip, and is not: {error}"
        raise ApiError(400, "FAILED_PRECONDITION", message, "badRequest") from error
