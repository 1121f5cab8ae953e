"""A PipelineService, and the results of its jobs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from google.cloud.aiplatform_v1.types import (
    CreatePipelineJobRequest,
    GetPipelineJobRequest,
    PipelineJob,
    PipelineTaskDetail,
)
from google.longrunning import operations_pb2

from localcloud.storage import ObjectStore
from localcloud.testing import eventually
from localcloud.vertex.pipelines import PipelineService
from localcloud.vertex.pipelines.record import TERMINAL_STATES
from localcloud.vertex.resources.operations import Operations
from localcloud.vertex.resources.store import ResourceStore

LOCATION = "projects/123456789012/locations/europe-west1"


class Jobs:
    """
    Create and read jobs, as a client does.

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
        return self.until(name, lambda job: job.state in TERMINAL_STATES)

    def run(self, job: PipelineJob) -> PipelineJob:
        """Run a job to its end."""
        return self.ended(self.create(job))

    def until(self, name: str, condition: Callable[[PipelineJob], bool]) -> PipelineJob:
        """Wait until a job is in a condition."""
        return eventually(lambda: self.get(name), condition, every=0.02)

    def operation_ended(self, name: str) -> operations_pb2.Operation:
        """Wait for the end of an operation."""
        wait = self._operations.handlers()["/google.longrunning.Operations/WaitOperation"]
        return wait(operations_pb2.WaitOperationRequest(name=name))

    def executor_input(self, job: PipelineJob, task: str) -> dict[str, Any]:
        """Read the ExecutorInput that the container command of a task got."""
        found = task_of(job, task)
        folder = f"gs://pipelines/root/123456789012/{job.name.rsplit('/', 1)[1]}/{task}_{found.task_id}"
        return json.loads(self._objects.read(f"{folder}/executor_input.json"))


def task_of(job: PipelineJob, name: str) -> PipelineTaskDetail:
    """Return one task of a job."""
    return next(task for task in job.job_detail.task_details if task.task_name == name)


def states(job: PipelineJob) -> dict[str, str]:
    """Return the state of each task of a job."""
    return {task.task_name: task.state.name for task in job.job_detail.task_details}
