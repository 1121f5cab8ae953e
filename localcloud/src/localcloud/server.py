"""One localcloud from its start to its end: what is started, in which order, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType

from aiohttp import web

from localcloud import storage
from localcloud.clients import pki
from localcloud.clients import shared as clients
from localcloud.clients.environment import client_environment
from localcloud.config import HOST, Settings
from localcloud.console.app import Console
from localcloud.console.pages import Sources
from localcloud.errors import StartError
from localcloud.gateway import oauth
from localcloud.gateway.connections import ProtocolFactory
from localcloud.gateway.faults import Faults, methods_of
from localcloud.gateway.health import Health
from localcloud.gateway.proxy import Gateway, Routes
from localcloud.gateway.routing import protocol_factory, routes, serve, unserved_app

# Docker and most supervisors kill a process after ten seconds
STOP_SECONDS = 4.5
LAST_WORD_SECONDS = 0.5

LOCK = "lock"

Say = Callable[[str], None]


async def run(settings: Settings) -> int:
    """
    Serve until SIGTERM or SIGINT.

    :param settings: where, and as which project.
    :return: exit code: 0 after a signal.
    :raises StartError: when it cannot start; everything that was started is stopped again.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    say = _progress()
    with _only_one(settings):
        try:
            async with contextlib.AsyncExitStack() as stack:
                await _serve_until(stop, settings, stack, say)
        finally:
            # a thread may still write to the state folder: the lock is kept until it has ended
            await loop.shutdown_default_executor()
        say("stopped")
    return 0


async def _serve_until(
    stop: asyncio.Event, settings: Settings, stack: contextlib.AsyncExitStack, say: Say
) -> None:
    starting = asyncio.create_task(_start(settings, stack, say))
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        starting.result()
        await stopped
    # before anything is printed, since nobody may read the output any more
    _leave_in_time(say)
    say("stopping")
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting


async def _start(settings: Settings, stack: contextlib.AsyncExitStack, say: Say) -> None:
    pki.ensure(settings)
    clients.share(settings)
    health = Health(settings)
    console = Console(settings, health)
    gateway = await stack.enter_async_context(_gateway(settings, console))
    say(f"gateway: port {settings.port}, state {settings.state}")
    store = await asyncio.to_thread(_open_store, settings)
    stack.callback(store.close)
    say("storage: its objects are there")
    gateway.routes, console.sources = await _services(settings, store, gateway, stack, say)
    health.status = "SERVING"
    stack.callback(_refuse_new, gateway, console)
    say(f"ready: project {settings.project} at http://{HOST}:{settings.port}")


@contextlib.asynccontextmanager
async def _gateway(settings: Settings, console: Console) -> AsyncIterator[Gateway]:
    runner = await serve(console.create_app())
    gateway = Gateway(settings, protocol_factory(runner))
    try:
        await gateway.listen()
        yield gateway
    finally:
        await gateway.close()
        await runner.cleanup()


async def _services(
    settings: Settings, store: storage.Store, gateway: Gateway, stack: contextlib.AsyncExitStack, say: Say
) -> tuple[Routes, Sources]:
    objects = storage.ObjectStore(store)
    say("bigquery and vertex: loading their libraries")
    bigquery, vertex = await asyncio.to_thread(_load)
    faults = Faults(settings.state)
    bigquery_app = bigquery.create_app(settings, objects, faults)
    service = vertex.VertexService(
        settings, objects, bigquery_app[bigquery.INSIDE], client_environment(settings), faults, gateway.drop
    )
    stack.push_async_callback(service.stop)
    await service.start()
    say(f"vertex: gRPC at {service.grpc_target}")
    if missing := service.missing_environment():
        say(f"vertex: pipeline jobs and models will be refused. {missing}")

    async def factory(app: web.Application) -> ProtocolFactory:
        runner = await serve(app)
        stack.push_async_callback(runner.cleanup)
        return protocol_factory(runner)

    storage_app = storage.create_app(store, settings, faults)
    faults.publish(
        service.methods | methods_of(bigquery_app) | set(bigquery.METHODS) | methods_of(storage_app)
    )
    reads = bigquery_app[bigquery.READS].make_server(gateway.drop)
    served = routes(
        storage=await factory(storage_app),
        bigquery=await factory(bigquery_app),
        vertex=await factory(service.http_app),
        oauth=await factory(oauth.create_app(settings)),
        unserved=await factory(unserved_app()),
        grpc=service.grpc_target,
        bigquery_grpc=reads.start(),
    )
    # before the tables that it reads are closed
    stack.push_async_callback(asyncio.to_thread, reads.stop)
    stack.push_async_callback(service.stop_logging)
    say("bigquery: its tables are open")
    return served, Sources(settings, service.reader, bigquery_app[bigquery.READER], objects)


def _open_store(settings: Settings) -> storage.Store:
    store = storage.Store(settings.state / "objects")
    storage.take_over(settings.state / "storage", store)
    return store


def _load() -> tuple[ModuleType, ModuleType]:
    """Import what takes seconds, in a thread, so that the health is answered meanwhile."""
    from localcloud import bigquery, vertex

    return bigquery, vertex


def _leave_in_time(say: Say) -> None:
    """End this process soon, whatever it still waits for: even a kill loses no answered call."""

    def leave() -> None:
        # printing to a pipe that nobody reads blocks the thread, which must not be this one
        last = threading.Thread(
            target=say, args=("stopped without waiting for what was still running",), daemon=True
        )
        last.start()
        last.join(LAST_WORD_SECONDS)
        os._exit(0)

    timer = threading.Timer(STOP_SECONDS, leave)
    timer.daemon = True
    timer.start()


def _refuse_new(gateway: Gateway, console: Console) -> None:
    console.health.status = "STOPPING"
    gateway.routes = console.sources = None


@contextlib.contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """
    Lock the state folder; the kernel releases the lock however this process ends.

    :raises StartError: when another one has it, or it cannot be written.
    """
    try:
        _make_private(settings)
        lock = (settings.state / LOCK).open("a+")
    except OSError as error:
        raise StartError(f"the state folder {settings.state} cannot be used: {error}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            message = f"{settings.state} is in use by the running localcloud with pid {lock.read().strip()}"
            raise StartError(message) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _make_private(settings: Settings) -> None:
    """Create the state folder, or restrict one that is empty or was used before to its owner."""
    state = settings.state
    state.mkdir(parents=True, exist_ok=True)
    if (state / LOCK).exists() or settings.pki.exists() or not any(state.iterdir()):
        state.chmod(0o700)


def _progress() -> Say:
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"localcloud {time.monotonic() - begun:5.1f} s  {line}", flush=True)

    return say
