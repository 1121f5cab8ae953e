"""Every application of localcloud in this process, on loopback, without the gateway."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from aiohttp import web

from localcloud import bigquery, storage
from localcloud.clients import pki
from localcloud.config import HOST, Settings
from localcloud.console.app import Console
from localcloud.console.pages import Sources
from localcloud.gateway import oauth
from localcloud.gateway.faults import Faults
from localcloud.gateway.health import Health
from localcloud.gateway.routing import serve, unserved_app
from localcloud.vertex import VertexService

T = TypeVar("T")
# a request that takes longer hangs
ANSWER_SECONDS = 30
BUCKET = "wine"


@dataclass(frozen=True)
class Answer:
    """The response of a service."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, which is JSON."""
        return json.loads(self.body)


class Services:
    """
    Starts the services, sends requests, and counts them.

    :param settings: a state folder of their own; no pipeline environment, so no worker starts.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.asked: Counter[str] = Counter()
        self.apps: dict[str, web.Application] = {}
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self._stack = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Start every service."""
        self._thread.start()
        self._run(self._start())
        self._channels = {name: grpc.insecure_channel(target) for name, target in self._targets.items()}

    def stop(self) -> None:
        """Stop them."""
        for channel in self._channels.values():
            channel.close()
        self._run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def ask(
        self, service: str, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request as it is, and read the answer."""
        self.asked[service] += 1
        connection = self._connections[service]
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers.items()), response.read())
        except http.client.HTTPException:
            connection.close()
            raise

    def call(self, path: str, body: bytes, service: str = "vertex") -> grpc.RpcError | bytes:
        """Call a gRPC method with the bytes of a message, and return its answer or its error."""
        self.asked[f"{service} grpc"] += 1
        try:
            return self._channels[service].unary_unary(path)(body, timeout=ANSWER_SECONDS)
        except grpc.RpcError as error:
            return error

    def call_for_stream(self, path: str, body: bytes, service: str) -> grpc.RpcError | list[bytes]:
        """Call a gRPC method that answers with a stream, and return its messages or its error."""
        self.asked[f"{service} grpc"] += 1
        try:
            return list(self._channels[service].unary_stream(path)(body, timeout=ANSWER_SECONDS))
        except grpc.RpcError as error:
            return error

    async def _start(self) -> None:
        settings = self.settings
        store = storage.Store(settings.state / "objects")
        self._stack.callback(store.close)
        store.create_bucket(BUCKET, "EU")
        objects, faults = storage.ObjectStore(store), Faults(settings.state)
        apps = self.apps
        apps["bigquery"] = bigquery.create_app(settings, objects, faults)
        inside = apps["bigquery"][bigquery.INSIDE]
        self.vertex = VertexService(settings, objects, inside, {}, faults, lambda address: None)
        self._stack.push_async_callback(self.vertex.stop)
        await self.vertex.start()
        reads = apps["bigquery"][bigquery.READS].make_server(lambda address: None)
        self._targets = {"vertex": self.vertex.grpc_target, "bigquery": reads.start()}
        apps["vertex"] = self.vertex.http_app
        apps["storage"] = storage.create_app(store, settings, faults)
        pki.ensure(settings)
        apps["oauth"] = oauth.create_app(settings)
        apps["unserved"] = unserved_app()
        console = Console(settings, Health(settings))
        console.sources = Sources(settings, self.vertex.reader, apps["bigquery"][bigquery.READER], objects)
        apps["console"] = console.create_app()
        for name, app in apps.items():
            await self._listen(name, app)
        self._stack.push_async_callback(asyncio.to_thread, reads.stop)
        self._stack.push_async_callback(self.vertex.stop_logging)

    async def _listen(self, name: str, app: web.Application) -> None:
        runner = await serve(app)
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, 0).start()
        port = runner.addresses[0][1]
        self._connections[name] = http.client.HTTPConnection(HOST, port, timeout=ANSWER_SECONDS)

    def _run(self, started: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(started, self._loop).result(120)


def routes_of(app: web.Application) -> dict[tuple[str, str], str]:
    """Return the methods that an application serves, by verb and path."""
    found = {}
    for route in app.router.routes():
        served = getattr(route.handler, "served_methods", {})
        if route.method != "HEAD" and route.resource is not None:
            name = served.get(route.method, served.get("*", ""))
            found[route.method, route.resource.canonical] = name
    return found
