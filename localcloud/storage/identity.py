"""TensorFlow's uploads say ``Transfer-Encoding: identity``, which HTTP/1.1 knows no more."""

from __future__ import annotations

import asyncio
import re

HEAD_END = b"\r\n\r\n"

_IDENTITY = re.compile(rb"\r\ntransfer-encoding:[ \t]*identity[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


class WithoutIdentity(asyncio.Protocol):
    """
    Takes the header out of every request of a connection before the HTTP parser refuses it.

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
        """Pass on bodies as they are, and heads once they are whole and without the header."""
        if self._untouched:
            self.http.data_received(data)
            return
        passed = b""
        while data:
            body, data = data[: self._body_left], data[self._body_left :]
            self._body_left -= len(body)
            passed += body
            if not data:
                break
            head, end, rest = (self._head + data).partition(HEAD_END)
            if not end:
                self._head, data = head, b""
                break
            self._head, data = b"", rest
            passed += _IDENTITY.sub(b"", head) + end
            length = _LENGTH.search(head)
            self._body_left = int(length[1]) if length else 0
            if _CHUNKED.search(head):
                # where a chunked body ends is the parser's to know, and who sends one never says identity
                self._untouched = True
                passed, data = passed + data, b""
        if passed:
            self.http.data_received(passed)
