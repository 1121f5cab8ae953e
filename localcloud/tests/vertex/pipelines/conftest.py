"""A PipelineService over a real store, real objects and the real pipeline environment."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.vertex.pipelines.jobs import Jobs

from localcloud.config import HOST, Settings
from localcloud.gateway.faults import Faults
from localcloud.storage import ObjectStore, Store, create_app
from localcloud.vertex.pipelines import PipelineService
from localcloud.vertex.resources.operations import Operations
from localcloud.vertex.resources.store import ResourceStore
from localcloud.vertex.worker.pool import WorkerPool

MODULES = Path(__file__).with_name("modules")


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> ObjectStore:
    """Return a store with one bucket, ``pipelines``."""
    store = ObjectStore(Store(tmp_path_factory.mktemp("storage")))
    store.ensure_bucket("pipelines")
    return store


@pytest.fixture(scope="session")
def storage_url(objects: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve that store to the tasks, from a thread of this process."""
    settings = Settings(state=tmp_path_factory.mktemp("served"))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(create_app(objects.store, settings, Faults(settings.state)))
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        return runner

    runner = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    yield f"http://{HOST}:{runner.addresses[0][1]}"
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


@pytest.fixture(scope="session")
def pipeline_pool(
    pipeline_python: Path, storage_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WorkerPool]:
    """Return a pool whose tasks find the modules of these tests and the stored objects."""
    settings = Settings(state=tmp_path_factory.mktemp("pool"), pipeline_python=pipeline_python)
    pool = WorkerPool(settings, {"PYTHONPATH": str(MODULES), "STORAGE_URL": storage_url})
    yield pool
    pool.stop()


@pytest.fixture
def jobs(pipeline_pool: WorkerPool, objects: ObjectStore, tmp_path: Path) -> Iterator[Jobs]:
    """Return a PipelineService with a state of its own."""
    store = ResourceStore(tmp_path / "resources.sqlite")
    settings = Settings(state=tmp_path)
    operations = Operations(store)
    made = Jobs(
        lambda: PipelineService(store, pipeline_pool, objects, settings, operations),
        store,
        objects,
        operations,
    )
    yield made
    made.service.stop()
    store.close()
