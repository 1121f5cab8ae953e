"""
The one door of localcloud: a CONNECT proxy that ends TLS for googleapis.com and routes by host and protocol.

HTTP/1.1 goes to the services of this process without another socket in between; HTTP/2, which only gRPC
clients insist on, is piped to the gRPC server. Every other host is refused: nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import errno
import fnmatch
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.config import HOST, Settings
from localcloud.errors import ApiError, StartError
from localcloud.pki import DOMAIN

log = logging.getLogger(__name__)

HEAD_LIMIT = 16 * 1024
HANDSHAKE_SECONDS = 15.0

ProtocolFactory = Callable[[], asyncio.Protocol]


@dataclass(frozen=True)
class Routes:
    """
    What answers for which host.

    :param http: host patterns and what makes the protocol for an HTTP/1.1 connection; the first match wins.
    :param grpc: address that HTTP/2 connections are piped to: ``host:port`` or ``unix:path``.
    """

    http: list[tuple[str, ProtocolFactory]]
    grpc: str

    def http_for(self, host: str) -> ProtocolFactory:
        """
        Find what answers for a host.

        :param host: a host of googleapis.com; the last pattern must match all of them.
        """
        return next(factory for pattern, factory in self.http if fnmatch.fnmatchcase(host, pattern))


class Gateway:
    """
    Listens on loopback for as long as localcloud runs; answers 503 until the routes are set.

    :param settings: names the port and the certificate.
    :param health: makes the protocol for plain HTTP requests to the gateway itself.
    """

    def __init__(self, settings: Settings, health: ProtocolFactory) -> None:
        self.settings = settings
        self.health = health
        self.routes: Routes | None = None
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(settings.pki / "server.pem")
        # curl offers both and must get the first; gRPC offers h2 alone
        self.tls.set_alpn_protocols(["http/1.1", "h2"])
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """
        Take the port.

        :raises StartError: when the port is taken.
        """
        port = self.settings.port
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Arrival(self), HOST, port, backlog=512
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            message = f"port {port} of {HOST} is taken: free it or set LOCALCLOUD_PORT to another"
            raise StartError(message) from error

    async def close(self) -> None:
        """Give the port back and drop the connections that are still being set up."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def refusal(self, target: str) -> ApiError | None:
        """
        Tell why a CONNECT is not answered; None when it is.

        :param target: what the client asked for, as ``host:port``.
        """
        host, _, port = target.rpartition(":")
        if port != "443" or not (host == DOMAIN or host.endswith(f".{DOMAIN}")):
            log.warning("refused CONNECT %s: localcloud stands for *.%s:443 only", target, DOMAIN)
            message = f"localcloud stands for *.{DOMAIN}:443 only and lets nothing out to {target}"
            return ApiError(403, "PERMISSION_DENIED", message, "forbidden")
        if self.routes is None:
            message = "localcloud is starting or stopping"
            return ApiError(503, "UNAVAILABLE", message, "backendError")
        return None

    def tunnel(self, transport: asyncio.Transport, host: str) -> None:
        """
        Answer a CONNECT and serve what comes through it.

        :param transport: the client's connection.
        :param host: the host it wants to talk to.
        """
        transport.pause_reading()
        transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        task = asyncio.get_running_loop().create_task(self._serve(transport, host))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, transport: asyncio.Transport, host: str) -> None:
        loop = asyncio.get_running_loop()
        early = Early()
        try:
            tls = await loop.start_tls(
                transport, early, self.tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except OSError as error:
            log.warning("%s: no TLS with the client: %s", host, error)
            transport.abort()
            return
        routes = self.routes
        if tls is None or routes is None:
            transport.abort()
            return
        ssl_object: ssl.SSLObject = tls.get_extra_info("ssl_object")
        if ssl_object.selected_alpn_protocol() != "h2":
            early.hand_over(tls, Prompt(routes.http_for(host)()))
            return
        try:
            pipe = await _pipe(tls, routes.grpc)
        except OSError as error:
            log.error("%s: the gRPC server at %s does not answer: %s", host, routes.grpc, error)
            tls.abort()
            return
        if not early.hand_over(tls, pipe):
            pipe.peer.close()


class Arrival(asyncio.Protocol):
    """
    A new connection: reads the first request and decides what becomes of it.

    :param gateway: what it arrived at.
    """

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.transport: asyncio.Transport | None = None
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Wait for the end of the head, then decide."""
        assert self.transport is not None
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            if len(head) > HEAD_LIMIT:
                message = "The request's head is too long"
                self._refuse(ApiError(431, "INVALID_ARGUMENT", message, "badRequest"))
            return
        method, _, remainder = head.split(b"\r\n")[0].decode("latin-1").partition(" ")
        target = remainder.partition(" ")[0]
        if method == "CONNECT" and not rest:
            self._connect(target)
        elif target.startswith("/"):
            early = Early()
            early.data_received(self.received)
            early.hand_over(self.transport, self.gateway.health())
        else:
            message = f"localcloud is a CONNECT proxy for *.{DOMAIN}; it does not serve {method} {target}"
            log.warning("refused %s %s", method, target)
            self._refuse(ApiError(403, "PERMISSION_DENIED", message, "forbidden"))

    def _connect(self, target: str) -> None:
        assert self.transport is not None
        refusal = self.gateway.refusal(target.lower())
        if refusal is not None:
            self._refuse(refusal)
        else:
            self.gateway.tunnel(self.transport, target.lower().rpartition(":")[0])

    def _refuse(self, error: ApiError) -> None:
        assert self.transport is not None
        body = error.json_bytes()
        head = (
            f"HTTP/1.1 {error.code} {error.status}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class Early(asyncio.Protocol):
    """Keeps what arrives before it is known who answers."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.lost = False

    def data_received(self, data: bytes) -> None:
        """Keep the data."""
        self.received.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Remember that there is nobody left to answer."""
        self.lost = True

    def hand_over(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> bool:
        """
        Let a protocol have the connection as if it had been there from the beginning.

        Gives False when the client has gone already.

        :param transport: the connection.
        :param protocol: who answers from now on.
        """
        if self.lost:
            return False
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self.received:
            protocol.data_received(b"".join(self.received))
        return True


class Prompt(asyncio.Protocol):
    """
    Acknowledges each segment at once.

    Behind a proxy urllib3 leaves Nagle's algorithm on: it holds a request's body back until the head is
    acknowledged, which the kernel would put off for 40 ms.

    :param protocol: who answers.
    """

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self.connection_lost = protocol.connection_lost  # type: ignore[method-assign]
        self.eof_received = protocol.eof_received  # type: ignore[method-assign]
        self.pause_writing = protocol.pause_writing  # type: ignore[method-assign]
        self.resume_writing = protocol.resume_writing  # type: ignore[method-assign]
        self._protocol = protocol
        self._socket: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Pass it on."""
        self._socket = transport.get_extra_info("socket")
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Acknowledge, for the kernel forgets the wish after each time, and pass the data on."""
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
        """Pass it on."""
        self.peer.write(data)

    def pause_writing(self) -> None:
        """Let the other side wait while this one is slow."""
        self.peer.pause_reading()

    def resume_writing(self) -> None:
        """Let the other side go on."""
        self.peer.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side too."""
        self.peer.close()


async def _pipe(client: asyncio.Transport, target: str) -> Pipe:
    """Connect to a server and give the protocol that the client's connection must get."""
    loop = asyncio.get_running_loop()
    if target.startswith("unix:"):
        server, _ = await loop.create_unix_connection(lambda: Pipe(client), target.removeprefix("unix:"))
    else:
        host, _, port = target.rpartition(":")
        server, _ = await loop.create_connection(lambda: Pipe(client), host, int(port))
    return Pipe(server)
