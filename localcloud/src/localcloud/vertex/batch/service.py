"""The batch prediction jobs of JobService."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2  # type: ignore[import-untyped]
from google.protobuf import empty_pb2

from localcloud.bigquery.api.client import InProcessClient
from localcloud.config import Settings
from localcloud.vertex.api.calls import Handler, now
from localcloud.vertex.batch.admission import admit
from localcloud.vertex.batch.run import TERMINAL_STATES, BatchRun, JobState
from localcloud.vertex.endpoints.replicas import Replicas
from localcloud.vertex.models.registry import ModelRegistry
from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.names import id_of, location_of, new_id
from localcloud.vertex.resources.operations import Kind, Operations
from localcloud.vertex.resources.query import select_for
from localcloud.vertex.resources.runs import Runs
from localcloud.vertex.resources.store import ResourceStore

_COLLECTION = "batchPredictionJobs"


class BatchPredictionService:
    """
    Serve batch prediction from a BigQuery table to another.

    A job that localcloud was stopped in the middle of begins again at the next start.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.batchPredictionJobs

    :param settings: knows the project.
    :param store: keeps the jobs.
    :param operations: runs what is long.
    :param registry: keeps the models.
    :param replicas: the model servers.
    :param bigquery: the tables.
    """

    def __init__(
        self,
        settings: Settings,
        store: ResourceStore,
        operations: Operations,
        registry: ModelRegistry,
        replicas: Replicas,
        bigquery: InProcessClient,
    ) -> None:
        self._settings = settings
        self._store = store
        self._operations = operations
        self._registry = registry
        self._replicas = replicas
        self._bigquery = bigquery
        self._runs: Runs[BatchRun] = Runs()
        self._queryable = Queryable(
            v1.BatchPredictionJob,
            ("display_name", "state", "create_time", "labels"),
            computed={"model_display_name": self._model_display_name},
            wildcards=("display_name",),
        )
        operations.serve(Kind(v1.DeleteBatchPredictionJobRequest, v1.DeleteOperationMetadata, self._deleted))

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of JobService that concern batch prediction."""
        return {
            "JobService.CreateBatchPredictionJob": self._create,
            "JobService.GetBatchPredictionJob": self._get,
            "JobService.ListBatchPredictionJobs": self._list,
            "JobService.CancelBatchPredictionJob": self._cancel,
            "JobService.DeleteBatchPredictionJob": self._delete,
        }

    def start(self) -> None:
        """Restart the jobs that the last stop interrupted."""
        for job in self._store.find(_COLLECTION, v1.BatchPredictionJob):
            if job.state not in TERMINAL_STATES:
                self._launch(job.name)

    def abandon(self) -> None:
        """Stop every job without waiting; they start again at the next start of localcloud."""
        self._runs.abandon()

    def stop(self) -> None:
        """Stop every job, and wait until none uses anything."""
        self._runs.stop()

    def _create(self, request: v1.CreateBatchPredictionJobRequest) -> v1.BatchPredictionJob:
        asked = request.batch_prediction_job
        model = admit(asked, request.parent, self._settings, self._registry)
        created = now()
        job = v1.BatchPredictionJob(
            name=f"{request.parent}/{_COLLECTION}/{new_id()}",
            display_name=asked.display_name,
            model=model.name,
            model_version_id=model.version_id,
            input_config=asked.input_config,
            instance_config=asked.instance_config,
            output_config=asked.output_config,
            dedicated_resources=asked.dedicated_resources,
            service_account=asked.service_account,
            manual_batch_tuning_parameters=asked.manual_batch_tuning_parameters,
            disable_container_logging=asked.disable_container_logging,
            labels=asked.labels,
            state=JobState.JOB_STATE_PENDING,
            create_time=created,
            update_time=created,
        )
        self._store.create(job.name, job)
        self._launch(job.name)
        return job

    def _get(self, request: v1.GetBatchPredictionJobRequest) -> v1.BatchPredictionJob:
        return self._store.get(request.name, v1.BatchPredictionJob)

    def _list(self, request: v1.ListBatchPredictionJobsRequest) -> v1.ListBatchPredictionJobsResponse:
        jobs = self._store.list(f"{request.parent}/{_COLLECTION}", v1.BatchPredictionJob)
        page = select_for(request, jobs[::-1], self._queryable)
        return v1.ListBatchPredictionJobsResponse(
            batch_prediction_jobs=page.items, next_page_token=page.next_page_token
        )

    def _cancel(self, request: v1.CancelBatchPredictionJobRequest) -> empty_pb2.Empty:
        with self._store.transaction():
            job = self._store.get(request.name, v1.BatchPredictionJob)
            if job.state in TERMINAL_STATES:
                raise exceptions.FailedPrecondition(
                    f"BatchPredictionJob {job.name} cannot be cancelled: it is in state {job.state.name}."
                )
            job.state = JobState.JOB_STATE_CANCELLING
            job.update_time = now()
            self._store.put(job.name, job)
        return empty_pb2.Empty()

    def _delete(self, request: v1.DeleteBatchPredictionJobRequest) -> operations_pb2.Operation:
        job = self._store.get(request.name, v1.BatchPredictionJob)
        if job.state not in TERMINAL_STATES:
            raise exceptions.FailedPrecondition(
                f"BatchPredictionJob {job.name} cannot be deleted: it is in state {job.state.name}."
            )
        # the client has no routes for operations of the job itself
        return self._operations.start(location_of(job.name), request)

    def _deleted(self, request: v1.DeleteBatchPredictionJobRequest) -> None:
        self._store.delete(request.name)

    def _launch(self, name: str) -> None:
        run = BatchRun(name, self._store, self._replicas, self._bigquery, self._settings)
        self._runs.launch(name, run, f"batch-{id_of(name)}")

    def _model_display_name(self, job: Any) -> str:
        if not self._store.exists(job.model):
            return ""
        return self._store.get(job.model, v1.Model).display_name
