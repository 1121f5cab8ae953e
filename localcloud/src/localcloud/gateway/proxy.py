"""
The gateway of localcloud: a CONNECT proxy that terminates TLS and routes by host and protocol.

HTTP/1.1 goes to the services of this process without another socket in between; HTTP/2, which only gRPC
clients insist on, is piped to the gRPC server. Every other host is refused: nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import errno
import fnmatch
import logging
import ssl
import weakref
from dataclasses import dataclass

from localcloud.clients.pki import DOMAIN
from localcloud.config import Settings
from localcloud.errors import ApiError, StartError
from localcloud.gateway.connections import BufferingProtocol, ProtocolFactory, QuickAckProtocol, pipe_to

log = logging.getLogger(__name__)

HEAD_LIMIT = 16 * 1024
HANDSHAKE_SECONDS = 15.0


@dataclass(frozen=True)
class Routes:
    """
    What answers for which host.

    :param http: host patterns and what makes the protocol for an HTTP/1.1 connection; the first match wins.
    :param grpc: host patterns and the address that HTTP/2 connections are piped to, ``host:port`` or
        ``unix:path``; the first match wins.
    """

    http: list[tuple[str, ProtocolFactory]]
    grpc: list[tuple[str, str]]

    def http_for(self, host: str) -> ProtocolFactory:
        """
        Find what answers for a host.

        :param host: a host of googleapis.com; the last pattern must match all of them.
        """
        return next(factory for pattern, factory in self.http if fnmatch.fnmatchcase(host, pattern))

    def grpc_for(self, host: str) -> str:
        """
        Find the gRPC server for a host.

        :param host: a host of googleapis.com; the last pattern must match all of them.
        """
        return next(target for pattern, target in self.grpc if fnmatch.fnmatchcase(host, pattern))


class Gateway:
    """
    Listens for as long as localcloud runs; answers 503 until the routes are set.

    :param settings: names the port and the certificate.
    :param console: makes the protocol for plain HTTP requests to the gateway itself.
    """

    def __init__(self, settings: Settings, console: ProtocolFactory) -> None:
        self.settings = settings
        self.console = console
        self.routes: Routes | None = None
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(settings.pki / "server.pem")
        # curl offers both and must get the first; gRPC offers h2 alone
        self.tls.set_alpn_protocols(["http/1.1", "h2"])
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        # connections of clients, by the port from which the gRPC server sees them connect
        self._piped: weakref.WeakValueDictionary[int, asyncio.Transport] = weakref.WeakValueDictionary()

    async def listen(self) -> None:
        """
        Listen on the port.

        :raises StartError: when the port is in use, or the address is not one of this machine.
        """
        port = self.settings.port
        self._loop = asyncio.get_running_loop()
        try:
            self._server = await self._loop.create_server(
                lambda: ProxyConnection(self), self.settings.host, port, backlog=512
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                message = f"cannot listen on {self.settings.host}: {error.strerror}; see LOCALCLOUD_HOST"
                raise StartError(message) from error
            message = (
                f"port {port} of {self.settings.host} is taken: free it or set LOCALCLOUD_PORT to another"
            )
            raise StartError(message) from error

    async def close(self) -> None:
        """Release the port and drop the connections that are still being set up."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self, peer: str) -> None:
        """
        Close a client's connection without an answer; may be called from any thread.

        :param peer: where the gRPC server sees it come from, as ``ipv4:ADDRESS:PORT``.
        """
        client = self._piped.get(int(peer.rpartition(":")[2]))
        if client is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(client.abort)

    def refusal(self, target: str) -> ApiError | None:
        """
        Return why a CONNECT is refused; None if it is accepted.

        :param target: what the client asked for, as ``host:port``.
        """
        host, _, port = target.rpartition(":")
        if port != "443" or not (host == DOMAIN or host.endswith(f".{DOMAIN}")):
            log.warning("refused CONNECT %s: localcloud serves *.%s:443 only", target, DOMAIN)
            message = f"localcloud serves *.{DOMAIN}:443 only and does not forward to {target}"
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
        connection = BufferingProtocol()
        try:
            tls = await loop.start_tls(
                transport, connection, self.tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
            )
        except OSError as error:
            log.warning("%s: no TLS with the client: %s", host, error)
            transport.abort()
            return
        routes = self.routes
        if tls is None or routes is None:
            transport.abort()
            return
        connection.connection_made(tls)
        ssl_object: ssl.SSLObject = tls.get_extra_info("ssl_object")
        if ssl_object.selected_alpn_protocol() != "h2":
            connection.hand_over(QuickAckProtocol(routes.http_for(host)()))
            return
        target = routes.grpc_for(host)
        try:
            pipe = await pipe_to(target, tls)
        except OSError as error:
            log.error("%s: the gRPC server at %s does not answer: %s", host, target, error)
            tls.abort()
            return
        self._piped[pipe.peer.get_extra_info("sockname")[1]] = tls
        if not connection.hand_over(pipe):
            pipe.peer.close()


class ProxyConnection(BufferingProtocol):
    """
    A new connection: reads the first request and routes it.

    :param gateway: what it arrived at.
    """

    def __init__(self, gateway: Gateway) -> None:
        super().__init__()
        self.gateway = gateway

    def data_received(self, data: bytes) -> None:
        """Wait for the end of the head, then decide."""
        assert self.transport is not None
        super().data_received(data)
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
            self.hand_over(self.gateway.console())
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
