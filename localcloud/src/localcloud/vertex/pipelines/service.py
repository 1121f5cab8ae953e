"""The pipeline jobs of PipelineService."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import (
    CancelPipelineJobRequest,
    CreatePipelineJobRequest,
    DeleteOperationMetadata,
    DeletePipelineJobRequest,
    GetPipelineJobRequest,
    ListPipelineJobsRequest,
    ListPipelineJobsResponse,
    PipelineFailurePolicy,
    PipelineJob,
)
from google.protobuf import empty_pb2
from google.rpc import code_pb2, status_pb2  # type: ignore[import-untyped]

from localcloud.config import Settings
from localcloud.storage.objects import ObjectStore
from localcloud.vertex.api.calls import now
from localcloud.vertex.pipelines import admission, views
from localcloud.vertex.pipelines.admission import Plan
from localcloud.vertex.pipelines.lineage import Lineage
from localcloud.vertex.pipelines.record import TERMINAL_STATES, JobRecord, JobState
from localcloud.vertex.pipelines.run import JobRun
from localcloud.vertex.pipelines.tasks import Job, TaskRunner
from localcloud.vertex.resources.names import id_of, location_of
from localcloud.vertex.resources.operations import Kind, Operations
from localcloud.vertex.resources.query import select_for
from localcloud.vertex.resources.runs import Runs
from localcloud.vertex.resources.store import ResourceStore
from localcloud.vertex.worker.errors import ChildStoppedError, PipelinePythonMissingError, WorkerError
from localcloud.vertex.worker.pool import WorkerPool

log = logging.getLogger(__name__)

_COLLECTION = "pipelineJobs"
# a task keeps about one processor busy, and takes memory
_PARALLEL_TASKS = max(2, min(4, os.cpu_count() or 1))


class PipelineService:
    """
    Run compiled pipelines in the pipeline environment.

    A job that was interrupted by a stop of localcloud resumes at the next start: tasks that had finished keep
    their results, those that were running start again.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs

    :param store: keeps jobs, artifacts and cache.
    :param pool: runs container commands.
    :param objects: the buckets.
    :param settings: where logs go, and the project.
    :param operations: runs what is long.
    """

    def __init__(
        self,
        store: ResourceStore,
        pool: WorkerPool,
        objects: ObjectStore,
        settings: Settings,
        operations: Operations,
    ) -> None:
        self._store = store
        self._pool = pool
        self._objects = objects
        self._settings = settings
        self._operations = operations
        operations.serve(Kind(DeletePipelineJobRequest, DeleteOperationMetadata, self._deleted))
        self._slots = threading.BoundedSemaphore(_PARALLEL_TASKS)
        self._runs: Runs[JobRun] = Runs()

    def handlers(self) -> Mapping[str, Callable[[Any], Any]]:
        """Return the handlers by the method that each answers."""
        return {
            "PipelineService.CreatePipelineJob": self.create,
            "PipelineService.GetPipelineJob": self.get,
            "PipelineService.ListPipelineJobs": self.list,
            "PipelineService.CancelPipelineJob": self.cancel,
            "PipelineService.DeletePipelineJob": self.delete,
        }

    def start(self) -> None:
        """Resume the jobs that the last stop interrupted, and warm up for the next one."""
        jobs = self._store.find(_COLLECTION, PipelineJob)
        for job in jobs:
            if job.state not in TERMINAL_STATES:
                self._resume(job)
        if jobs:
            self._warm_up(jobs[-1])

    def abandon(self) -> None:
        """Stop every task without waiting; the jobs resume at the next start."""
        self._runs.abandon()

    def stop(self) -> None:
        """Stop every task, and wait until the records are written."""
        self._runs.stop()

    def create(self, request: CreatePipelineJobRequest) -> PipelineJob:
        """
        Accept a job and start it.

        :raises google.api_core.exceptions.GoogleAPICallError: it cannot run; the message names what is wrong.
        """
        plan = admission.plan(request.pipeline_job)
        job_id = admission.job_id(request, plan.spec)
        try:
            self._pool.check()
        except PipelinePythonMissingError as error:
            raise exceptions.FailedPrecondition(str(error)) from error
        admission.check_bucket(plan.root, self._objects)
        job = PipelineJob(request.pipeline_job)
        job.name = f"{request.parent}/{_COLLECTION}/{job_id}"
        job.display_name = job.display_name or job_id
        job.state = JobState.PIPELINE_STATE_PENDING
        job.create_time = job.update_time = now()
        lineage = self._lineage(job)
        job.job_detail.pipeline_context = lineage.pipeline_context()
        job.job_detail.pipeline_run_context = lineage.run_context(job_id)
        self._store.create(job.name, job)
        self._warm_up(job)
        self._launch(job, plan)
        return job

    def get(self, request: GetPipelineJobRequest) -> PipelineJob:
        """Return a job as it is now."""
        return self._store.get(request.name, PipelineJob)

    def list(self, request: ListPipelineJobsRequest) -> ListPipelineJobsResponse:
        """List jobs, the newest first unless another order is asked for."""
        jobs = self._store.list(f"{request.parent}/{_COLLECTION}", PipelineJob)
        page = select_for(request, jobs[::-1], views.QUERYABLE, views.listed)
        return ListPipelineJobsResponse(pipeline_jobs=page.items, next_page_token=page.next_page_token)

    def cancel(self, request: CancelPipelineJobRequest) -> empty_pb2.Empty:
        """
        Stop a job that runs.

        :raises google.api_core.exceptions.FailedPrecondition: it has ended.
        """
        with self._store.transaction():
            job = self._store.get(request.name, PipelineJob)
            if job.state in TERMINAL_STATES:
                raise exceptions.FailedPrecondition(
                    f"PipelineJob {job.name} cannot be cancelled: it is in state {job.state.name}."
                )
            job.state = JobState.PIPELINE_STATE_CANCELLING
            job.update_time = now()
            self._store.put(job.name, job)
        if run := self._runs.find(job.name):
            run.cancel()
        return empty_pb2.Empty()

    def delete(self, request: DeletePipelineJobRequest) -> Any:
        """
        Remove a job that has ended; its artifacts stay.

        :raises google.api_core.exceptions.FailedPrecondition: it runs.
        """
        job = self._store.get(request.name, PipelineJob)
        if job.state not in TERMINAL_STATES:
            raise exceptions.FailedPrecondition(
                f"PipelineJob {job.name} cannot be deleted: it is in state {job.state.name}."
            )
        return self._operations.start(job.name, request)

    def _deleted(self, request: DeletePipelineJobRequest) -> None:
        self._store.delete(request.name)

    def _resume(self, job: PipelineJob) -> None:
        try:
            self._launch(job, admission.plan(job))
        except exceptions.GoogleAPICallError as error:
            # kept by another version of localcloud, which ran what this one refuses
            status = status_pb2.Status(code=code_pb2.UNIMPLEMENTED, message=error.message)
            self._record(job).finish(JobState.PIPELINE_STATE_FAILED, status)

    def _launch(self, job: PipelineJob, plan: Plan) -> None:
        job_id = id_of(job.name)
        number = self._settings.project_number
        shared = Job(
            name=job.name,
            root=f"{plan.root}/{number}/{job_id}",
            parameters=plan.parameters,
            environment={
                "CLOUD_ML_PROJECT_ID": number,
                "CLOUD_ML_REGION": id_of(location_of(job.name)),
            },
            logs=self._settings.logs / "pipelines" / job_id,
            mount=self._settings.gcs_mount,
        )
        policy = job.runtime_config.failure_policy
        run = JobRun(
            plan.spec,
            self._record(job),
            TaskRunner(shared, self._lineage(job), self._pool, self._objects),
            self._slots,
            fail_fast=policy == PipelineFailurePolicy.PIPELINE_FAILURE_POLICY_FAIL_FAST,
        )
        self._runs.launch(job.name, run, job_id)

    def _lineage(self, job: PipelineJob) -> Lineage:
        return Lineage(self._store, location_of(job.name), views.pipeline_name(job))

    def _record(self, job: PipelineJob) -> JobRecord:
        return JobRecord(self._store, job.name, self._lineage(job))

    def _warm_up(self, job: PipelineJob) -> None:
        threading.Thread(target=self._preload, args=(job,), name="warm-up", daemon=True).start()

    def _preload(self, job: PipelineJob) -> None:
        try:
            for module, why in self._pool.warm_up(admission.plan(job).spec.modules()).items():
                log.warning("the pipeline environment cannot import %s: %s", module, why)
        except ChildStoppedError:
            log.info("stopped while warming up")
        except (WorkerError, exceptions.GoogleAPICallError) as error:
            log.warning("the pipeline environment is not warm: %s", error)
