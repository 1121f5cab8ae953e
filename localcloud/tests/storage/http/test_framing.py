from __future__ import annotations

import asyncio

import pytest

from localcloud.gateway.routing import ByPath
from localcloud.storage.http.framing import LARGEST_HEAD, OneFraming

IDENTITY = (
    b"POST /a HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: identity\r\nHost: x\r\n\r\nhello"
    # a body that looks like a request is still a body
    b"POST /b HTTP/1.1\r\nContent-Length: 49\r\n\r\nPUT /c HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n"
    b"GET /d HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n"
)
CHUNKED = (
    b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    b"5\r\nhello\r\n0\r\n\r\nGET /b HTTP/1.1\r\n\r\n"
)


class Recorder(asyncio.Protocol):
    """Records the data."""

    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


class NoTransport(asyncio.Transport):
    """A connection without a peer."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        pass


def framed(sent: bytes, block: int) -> bytes:
    recorder = Recorder()
    framing = OneFraming(recorder)
    for start in range(0, len(sent), block):
        framing.data_received(sent[start : start + block])
    return recorder.received


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_identity_is_taken_out_of_heads_and_left_in_bodies(block):
    head = b"Transfer-Encoding: identity\r\n"
    expected = IDENTITY.replace(b"5\r\n" + head, b"5\r\n").replace(
        b"/d HTTP/1.1\r\n" + head, b"/d HTTP/1.1\r\n"
    )

    assert framed(IDENTITY, block) == expected


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_a_length_beside_chunks_is_taken_out(block):
    assert framed(CHUNKED, block) == CHUNKED.replace(b"Content-Length: 5\r\n", b"")


def test_a_head_that_does_not_end_is_not_kept():
    head = b"GET / HTTP/1.1\r\nX-Long: "
    recorder = Recorder()
    framing = OneFraming(recorder)
    framing.data_received(head)
    assert recorder.received == b""

    for _ in range(3):
        framing.data_received(b"a" * LARGEST_HEAD)

    assert recorder.received == head + b"a" * LARGEST_HEAD * 3


def test_a_request_line_that_does_not_end_is_handed_over():
    recorder = Recorder()
    choosing = ByPath({"/bigquery/": lambda: pytest.fail("it is no request")}, lambda: recorder)
    choosing.connection_made(NoTransport())

    choosing.data_received(b"a" * LARGEST_HEAD)
    assert recorder.received == b""
    choosing.data_received(b"a")

    assert recorder.received == b"a" * (LARGEST_HEAD + 1)
