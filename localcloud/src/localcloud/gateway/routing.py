"""Which service answers for which host."""

from __future__ import annotations

import asyncio

from aiohttp import web

from localcloud.errors import error_middleware
from localcloud.gateway.connections import BufferingProtocol, ProtocolFactory, QuickAckProtocol
from localcloud.gateway.proxy import Routes
from localcloud.storage.http.framing import LARGEST_HEAD, OneFraming

# How long a stop waits for running requests at most.
SHUTDOWN_SECONDS = 2.0


async def serve(app: web.Application) -> web.AppRunner:
    """
    Prepare an application to receive connections, without a socket of its own.

    :param app: the application.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        # content is stored as it was sent
        auto_decompress=False,
    )
    await runner.setup()
    return runner


def protocol_factory(runner: web.AppRunner) -> ProtocolFactory:
    """
    Return what makes the protocol of one connection to an application.

    :param runner: the application, set up.
    """
    assert runner.server is not None
    return runner.server


def routes(
    *,
    storage: ProtocolFactory,
    bigquery: ProtocolFactory,
    vertex: ProtocolFactory,
    oauth: ProtocolFactory,
    unserved: ProtocolFactory,
    grpc: str,
    bigquery_grpc: str,
) -> Routes:
    """
    Route every host of googleapis.com to a service, or to the one that refuses it by name.

    :param storage: Cloud Storage.
    :param bigquery: BigQuery.
    :param vertex: Vertex AI, Cloud Monitoring and the Resource Manager.
    :param oauth: the token endpoint.
    :param unserved: what refuses.
    :param grpc: address of the gRPC server of Vertex AI, which refuses what it does not know.
    :param bigquery_grpc: address of that of BigQuery's Storage API.
    """

    def mended_storage() -> asyncio.Protocol:
        return OneFraming(storage())

    return Routes(
        http=[
            ("storage.googleapis.com", mended_storage),
            ("*.storage.googleapis.com", unserved),
            ("bigquery.googleapis.com", bigquery),
            ("www.googleapis.com", lambda: ByPath({"/bigquery/": bigquery}, mended_storage)),
            ("aiplatform.googleapis.com", vertex),
            ("*-aiplatform.googleapis.com", vertex),
            ("cloudresourcemanager.googleapis.com", vertex),
            ("monitoring.googleapis.com", vertex),
            ("oauth2.googleapis.com", oauth),
            ("*", unserved),
        ],
        grpc=[("bigquerystorage.googleapis.com", bigquery_grpc), ("*", grpc)],
    )


def unserved_app() -> web.Application:
    """Create an application without routes, which rejects each request by name."""
    return web.Application(middlewares=[error_middleware])


class ByPath(BufferingProtocol):
    """
    Chooses the service of a shared host by the first request of the connection.

    Clients of different services do not share connections, so the first request decides for all.

    :param services: beginnings of paths and what answers for them.
    :param otherwise: what answers for all other paths.
    """

    def __init__(self, services: dict[str, ProtocolFactory], otherwise: ProtocolFactory) -> None:
        super().__init__()
        self.services = services
        self.otherwise = otherwise

    def data_received(self, data: bytes) -> None:
        """Wait for the request line, then hand the connection over."""
        super().data_received(data)
        line, end, _ = self.received.partition(b"\r\n")
        if not end and len(line) <= LARGEST_HEAD:
            return
        path = line.decode("latin-1").partition(" ")[2]
        found = (factory for prefix, factory in self.services.items() if path.startswith(prefix))
        self.hand_over(QuickAckProtocol(next(found, self.otherwise)()))
