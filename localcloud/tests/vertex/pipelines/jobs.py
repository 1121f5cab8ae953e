"""A PipelineService over a real store, real objects and the real pipeline environment."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from google.cloud.aiplatform_v1.types import (
    CreatePipelineJobRequest,
    GetPipelineJobRequest,
    PipelineJob,
    PipelineTaskDetail,
)
from google.longrunning import operations_pb2

from localcloud.config import HOST, Settings
from localcloud.faults import Faults
from localcloud.storage import ObjectStore, Store, create_app
from localcloud.vertex.operations import Operations
from localcloud.vertex.pipelines import PipelineService
from localcloud.vertex.pipelines.record import TERMINAL
from localcloud.vertex.store import ResourceStore
from localcloud.vertex.worker.pool import WorkerPool

MODULES = Path(__file__).with_name("modules")
LOCATION = "projects/123456789012/locations/europe-west1"


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
    thread.join(30)
    loop.close()


@pytest.fixture(scope="session")
def pipeline_pool(storage_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    """Return a pool whose tasks find the modules of these tests and the stored objects."""
    python = Settings.from_environment().pipeline_python
    if not os.access(python, os.X_OK):
        pytest.skip(f"the pipeline environment is not installed: no {python}")
    settings = Settings(state=tmp_path_factory.mktemp("pool"), pipeline_python=python)
    pool = WorkerPool(settings, {"PYTHONPATH": str(MODULES), "STORAGE_URL": storage_url})
    yield pool
    pool.stop()


class Jobs:
    """
    Create jobs and look at them, as a client does.

    :param make: makes a PipelineService over the same state.
    :param store: that state.
    :param objects: the buckets.
    :param operations: what it deletes jobs by.
    """

    def __init__(
        self,
        make: Callable[[], PipelineService],
        store: ResourceStore,
        objects: ObjectStore,
        operations: Operations,
    ) -> None:
        self._make = make
        self.store = store
        self._objects = objects
        self._operations = operations
        self.service = make()

    def restart(self) -> None:
        """Stop the service and start another one over the same state."""
        self.service.stop()
        self.service = self._make()
        self.service.start()

    def create(self, job: PipelineJob, job_id: str = "") -> str:
        """Start a job and give its name."""
        job_id = job_id or f"job-{uuid.uuid4().hex[:8]}"
        request = CreatePipelineJobRequest(parent=LOCATION, pipeline_job=job, pipeline_job_id=job_id)
        return self.service.create(request).name

    def get(self, name: str) -> PipelineJob:
        """Read a job."""
        return self.service.get(GetPipelineJobRequest(name=name))

    def ended(self, name: str) -> PipelineJob:
        """Wait for the end of a job."""
        return self.until(name, lambda job: job.state in TERMINAL)

    def run(self, job: PipelineJob) -> PipelineJob:
        """Run a job to its end."""
        return self.ended(self.create(job))

    def until(self, name: str, condition: Callable[[PipelineJob], bool]) -> PipelineJob:
        """Wait until a job is in a condition."""
        end = time.monotonic() + 60
        while not condition(job := self.get(name)):
            assert time.monotonic() < end, job
            time.sleep(0.02)
        return job

    def operation_ended(self, name: str) -> operations_pb2.Operation:
        """Wait for the end of an operation."""
        wait = self._operations.handlers()["/google.longrunning.Operations/WaitOperation"]
        return wait(operations_pb2.WaitOperationRequest(name=name))

    def executor_input(self, job: PipelineJob, task: str) -> dict[str, Any]:
        """Read what the container command of a task was given."""
        found = task_of(job, task)
        folder = f"gs://pipelines/root/123456789012/{job.name.rsplit('/', 1)[1]}/{task}_{found.task_id}"
        return json.loads(self._objects.read(f"{folder}/executor_input.json"))


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


def task_of(job: PipelineJob, name: str) -> PipelineTaskDetail:
    """Return one task of a job."""
    return next(task for task in job.job_detail.task_details if task.task_name == name)


def states(job: PipelineJob) -> dict[str, str]:
    """Return the state of each task of a job."""
    return {task.task_name: task.state.name for task in job.job_detail.task_details}
