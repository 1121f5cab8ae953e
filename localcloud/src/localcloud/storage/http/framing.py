"""
Uploads of TensorFlow, which frame their bodies in two ways at once, so that HTTP parsers reject them.

They contain ``Transfer-Encoding: identity`` and a length, which HTTP/1.1 does not allow, or a length and
``Transfer-Encoding: chunked``, in which case the length is ignored (RFC 9112, section 6.3).
"""

from __future__ import annotations

import asyncio
import re

HEAD_END = b"\r\n\r\n"
# more than any HTTP parser accepts: it is passed on incomplete, and the parser rejects it
LARGEST_HEAD = 64 * 1024

_IDENTITY = re.compile(rb"\r\ntransfer-encoding:[ \t]*identity[ \t]*(?=\r\n|$)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n|$)", re.IGNORECASE)


class OneFraming(asyncio.Protocol):
    """
    Removes the header that must be ignored from every request of a connection; bodies stay as they are.

    :param http: protocol that answers the requests.
    """

    def __init__(self, http: asyncio.Protocol) -> None:
        self.http = http
        self.connection_made = http.connection_made  # type: ignore[method-assign]
        self.connection_lost = http.connection_lost  # type: ignore[method-assign]
        self.eof_received = http.eof_received  # type: ignore[method-assign]
        self.pause_writing = http.pause_writing  # type: ignore[method-assign]
        self.resume_writing = http.resume_writing  # type: ignore[method-assign]
        self._head = b""
        self._body_left = 0
        self._untouched = False

    def data_received(self, data: bytes) -> None:
        """Pass on bodies as they are, and heads once they are complete."""
        passed = bytearray()
        while data and not self._untouched:
            passed += data[: self._body_left]
            beyond = data[self._body_left :]
            self._body_left -= len(data) - len(beyond)
            head, end, data = (self._head + beyond).partition(HEAD_END)
            if not end:
                self._head = head
                self._untouched = len(head) > LARGEST_HEAD
                break
            self._head = b""
            passed += self._mended(head) + end
        if self._untouched:
            passed += self._head + data
            self._head = b""
        if passed:
            self.http.data_received(bytes(passed))

    def _mended(self, head: bytes) -> bytes:
        head = _IDENTITY.sub(b"", head)
        if _CHUNKED.search(head):
            # only the parser knows where a chunked body ends; this client sends one request per connection
            self._untouched = True
            return _LENGTH.sub(b"", head)
        length = _LENGTH.search(head)
        self._body_left = int(length[1]) if length else 0
        return head
