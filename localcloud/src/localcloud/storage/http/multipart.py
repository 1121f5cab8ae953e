"""
Bodies of ``multipart/related``: a resource, then content, which is read as it comes.

Source: https://cloud.google.com/storage/docs/uploading-objects#uploading-an-object
"""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import AsyncIterator
from email.message import Message

from aiohttp import StreamReader

from localcloud.errors import ApiError
from localcloud.storage.content import BLOCK

LARGEST_HEAD = 1024 * 1024
_SINGLE_QUOTED = re.compile(r"boundary='([^']*)'")


class Related:
    """
    The two parts of a body, in their order.

    :param content_type: header of the request.
    :param stream: its body.
    :raises ApiError: 400 without a boundary.
    """

    def __init__(self, content_type: str, stream: StreamReader) -> None:
        # gcloud and gsutil write boundary='...', where MIME has double quotes
        if not content_type.isascii():
            raise _malformed("The Content-Type of the body is not ASCII")
        mended = _SINGLE_QUOTED.sub(r'boundary="\1"', content_type)
        parser = email.parser.HeaderParser(policy=email.policy.HTTP)
        boundary = parser.parsestr(f"Content-Type: {mended}\r\n\r\n").get_boundary()
        if not boundary:
            raise _malformed("Missing multipart boundary")
        self._boundary = b"--" + boundary.encode()
        self._delimiter = b"\n" + self._boundary
        self._stream = stream
        # as if a line had ended before the body
        self._buffer = b"\n"

    async def resource(self) -> bytes:
        """
        Read the first part.

        :raises ApiError: 400 when it does not end.
        """
        await self._until(self._delimiter)
        # clients end all lines in one way or all in the other
        if (await self._until(b"\n")).endswith(b"\r"):
            self._delimiter = b"\r\n" + self._boundary
        await self._part_head()
        return await self._until(self._delimiter)

    async def content_type(self) -> str:
        """
        Read the head of the second part and give its type; empty when it has none.

        :raises ApiError: 400 when there is no second part.
        """
        if (await self._until(b"\n")).startswith(b"--"):
            raise _malformed("The multipart body has one part only")
        return str((await self._part_head()).get("Content-Type", ""))

    async def content(self) -> AsyncIterator[bytes]:
        """
        Return the second part, block by block.

        :raises ApiError: 400 when it does not end.
        """
        keep = len(self._delimiter)
        while (end := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > keep:
                # the rest may be the beginning of the delimiter
                yield self._buffer[:-keep]
                self._buffer = self._buffer[-keep:]
            await self._more()
        yield self._buffer[:end]

    async def _part_head(self) -> Message:
        lines: list[bytes] = []
        size = 0
        while line := (await self._until(b"\n")).removesuffix(b"\r"):
            lines.append(line)
            size += len(line)
            if size > LARGEST_HEAD:
                raise _malformed(f"The head of a part is longer than {LARGEST_HEAD} bytes")
        return email.parser.BytesHeaderParser().parsebytes(b"\r\n".join(lines) + b"\r\n\r\n")

    async def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if len(self._buffer) > LARGEST_HEAD:
                raise _malformed(f"The resource of an object is longer than {LARGEST_HEAD} bytes")
            await self._more()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    async def _more(self) -> None:
        block = await self._stream.read(BLOCK)
        if not block:
            raise _malformed("The multipart body ends too early")
        self._buffer += block


def _malformed(message: str) -> ApiError:
    return ApiError(400, "INVALID_ARGUMENT", message, "badContent")
