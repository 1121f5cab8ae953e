"""The protocols of a connection until it is handed to the service that handles it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

ProtocolFactory = Callable[[], asyncio.Protocol]


class BufferingProtocol(asyncio.Protocol):
    """Buffers what arrives until the service is known."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received = b""
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Keep the data."""
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Record that the connection is lost."""
        self.lost = True

    def hand_over(self, protocol: asyncio.Protocol) -> bool:
        """
        Hand the connection to a protocol, with all that has arrived so far.

        Return False if the client has already closed it.

        :param protocol: handles the connection from now on.
        """
        if self.lost:
            return False
        assert self.transport is not None
        self.transport.set_protocol(protocol)
        protocol.connection_made(self.transport)
        if self.received:
            protocol.data_received(self.received)
        return True


class QuickAckProtocol(asyncio.Protocol):
    """
    Acknowledges each segment at once.

    Behind a proxy urllib3 leaves Nagle's algorithm on: it holds a request's body back until the head is
    acknowledged, which the kernel would put off for 40 ms.

    :param protocol: handles the connection.
    """

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]
        self._protocol = protocol
        self._socket: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Forward the event."""
        self._socket = transport.get_extra_info("socket")
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Request a quick ACK, which the kernel forgets after each one, and pass the data on."""
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._protocol.data_received(data)


class Pipe(asyncio.Protocol):
    """
    One end of a pipe between two connections.

    :param peer: the other connection.
    """

    def __init__(self, peer: asyncio.Transport) -> None:
        self.peer = peer

    def data_received(self, data: bytes) -> None:
        """Forward the event."""
        self.peer.write(data)

    def pause_writing(self) -> None:
        """Pause the other side while this one is slow."""
        self.peer.pause_reading()

    def resume_writing(self) -> None:
        """Resume the other side."""
        self.peer.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side too."""
        self.peer.close()


async def pipe_to(target: str, client: asyncio.Transport) -> Pipe:
    """
    Connect to a server and give the protocol that the client's connection must get.

    :param target: address of the server: ``host:port`` or ``unix:path``.
    :param client: the client's connection.
    :raises OSError: when the server does not answer.
    """
    loop = asyncio.get_running_loop()
    if target.startswith("unix:"):
        server, _ = await loop.create_unix_connection(lambda: Pipe(client), target.removeprefix("unix:"))
    else:
        host, _, port = target.rpartition(":")
        server, _ = await loop.create_connection(lambda: Pipe(client), host, int(port))
    return Pipe(server)
