"""Model monitoring: the jobs that watch deployed models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2  # type: ignore[import-untyped]
from google.protobuf import empty_pb2

from localcloud.config import Settings
from localcloud.vertex.api.calls import Handler, now, unimplemented
from localcloud.vertex.endpoints.request_log import RequestLog, monitoring_table
from localcloud.vertex.endpoints.service import save
from localcloud.vertex.monitoring.records import MonitoringRecords
from localcloud.vertex.monitoring.rules import check_job
from localcloud.vertex.monitoring.schedule import next_time
from localcloud.vertex.monitoring.state import settled
from localcloud.vertex.resources import masks
from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.names import canonical, new_id
from localcloud.vertex.resources.operations import Cancellation, Kind, Operations
from localcloud.vertex.resources.query import select_for
from localcloud.vertex.resources.rules import check_display_name, check_labels
from localcloud.vertex.resources.store import ResourceStore

_POLL_SECONDS = 0.1
_OUTPUT_ONLY = (
    "name", "state", "schedule_state", "latest_monitoring_pipeline_metadata", "bigquery_tables",
    "create_time", "update_time", "next_schedule_time", "error", "satisfies_pzs", "satisfies_pzi",
)  # fmt: skip
_SCHEDULE = "model_deployment_monitoring_schedule_config"
_CONFIGS = "model_deployment_monitoring_objective_configs"
_UPDATABLE = (
    "display_name", _SCHEDULE, "model_monitoring_alert_config",
    "logging_sampling_strategy", "labels", "log_ttl", "enable_monitoring_pipeline_logs", _CONFIGS,
)  # fmt: skip

_OF_OBJECTIVE = tuple(
    f"{_CONFIGS}.objective_config.{part}"
    for part in (
        "training_dataset",
        "training_prediction_skew_detection_config",
        "prediction_drift_detection_config",
    )
)

_JOBS = Queryable(
    v1.ModelDeploymentMonitoringJob,
    ("display_name", "state", "create_time", "labels"),
    wildcards=("display_name",),
)
# mypy sees the members of a proto-plus enum as plain integers
_State: Any = v1.JobState


class MonitoringService:
    """
    Serve the jobs that monitor an endpoint's deployed models.

    A job is PENDING after its creation and UPDATING after an update, for a short real time, as in the cloud.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs

    :param settings: knows the project.
    :param store: keeps the jobs, and the endpoints.
    :param operations: runs what is long.
    :param requests: logs the requests to monitored endpoints.
    :param records: results of the windows.
    """

    def __init__(
        self,
        settings: Settings,
        store: ResourceStore,
        operations: Operations,
        requests: RequestLog,
        records: MonitoringRecords,
    ) -> None:
        self._settings = settings
        self._requests = requests
        self._records = records
        self._store = store
        self._operations = operations
        operations.serve(
            Kind(
                v1.UpdateModelDeploymentMonitoringJobRequest,
                v1.UpdateModelDeploymentMonitoringJobOperationMetadata,
                lambda request: self._read(request.model_deployment_monitoring_job.name),
                prepare=self._settle,
            ),
            Kind(v1.DeleteModelDeploymentMonitoringJobRequest, v1.DeleteOperationMetadata, self._deleted),
        )

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of JobService that concern monitoring."""
        return {
            "JobService.CreateModelDeploymentMonitoringJob": self._create,
            "JobService.GetModelDeploymentMonitoringJob": lambda request: self._read(request.name),
            "JobService.ListModelDeploymentMonitoringJobs": self._list,
            "JobService.UpdateModelDeploymentMonitoringJob": self._update,
            "JobService.PauseModelDeploymentMonitoringJob": self._pause,
            "JobService.ResumeModelDeploymentMonitoringJob": self._resume,
            "JobService.DeleteModelDeploymentMonitoringJob": self._delete,
            "JobService.SearchModelDeploymentMonitoringStatsAnomalies": self._search,
        }

    def _create(
        self, request: v1.CreateModelDeploymentMonitoringJobRequest
    ) -> v1.ModelDeploymentMonitoringJob:
        job = v1.ModelDeploymentMonitoringJob(request.model_deployment_monitoring_job)
        for name in _OUTPUT_ONLY:
            type(job).pb(job).ClearField(name)
        check_display_name(job.display_name, "model_deployment_monitoring_job.display_name")
        check_labels(job.labels)
        job.endpoint = canonical(job.endpoint, self._settings)
        _end_with_slash(job.stats_anomalies_base_directory)
        with self._store.transaction():
            endpoint = self._endpoint(job)
            check_job(job, [deployed.id for deployed in endpoint.deployed_models])
            if endpoint.model_deployment_monitoring_job:
                raise exceptions.AlreadyExists(
                    f"Endpoint {endpoint.name} is already monitored by"
                    f" {endpoint.model_deployment_monitoring_job}."
                )
            job.name = f"{request.parent}/modelDeploymentMonitoringJobs/{new_id()}"
            job.state = _State.JOB_STATE_PENDING
            job.create_time = job.update_time = now()
            job.next_schedule_time = next_time(job, now())
            job.bigquery_tables.append(self._make_table(job))
            self._store.create(job.name, job)
            endpoint.model_deployment_monitoring_job = job.name
            save(self._store, endpoint)
        return job

    def _make_table(self, job: v1.ModelDeploymentMonitoringJob) -> v1.ModelDeploymentMonitoringBigQueryTable:
        table = monitoring_table(job.endpoint)
        self._requests.ensure(table)
        kinds = v1.ModelDeploymentMonitoringBigQueryTable
        return kinds(
            log_source=kinds.LogSource.SERVING,
            log_type=kinds.LogType.PREDICT,
            bigquery_table_path=f"bq://{self._settings.project}.{table.dataset}.{table.name}",
            request_response_logging_schema_version="v1",
        )

    def _endpoint(self, job: v1.ModelDeploymentMonitoringJob) -> v1.Endpoint:
        try:
            return self._store.get(job.endpoint, v1.Endpoint)
        except exceptions.NotFound as error:
            raise exceptions.InvalidArgument(
                "List of found errors: 1.Field: model_deployment_monitoring_job.endpoint;"
                f" Message: {job.endpoint} does not exist."
            ) from error

    def _read(self, name: str) -> v1.ModelDeploymentMonitoringJob:
        return self._settled(self._store.get(name, v1.ModelDeploymentMonitoringJob))

    def _settled(self, job: v1.ModelDeploymentMonitoringJob) -> v1.ModelDeploymentMonitoringJob:
        return settled(job, self._settings.monitoring_delay)

    def _list(
        self, request: v1.ListModelDeploymentMonitoringJobsRequest
    ) -> v1.ListModelDeploymentMonitoringJobsResponse:
        collection = f"{request.parent}/modelDeploymentMonitoringJobs"
        jobs = [self._settled(job) for job in self._store.list(collection, v1.ModelDeploymentMonitoringJob)]
        page = select_for(request, jobs, _JOBS)
        return v1.ListModelDeploymentMonitoringJobsResponse(
            model_deployment_monitoring_jobs=page.items, next_page_token=page.next_page_token
        )

    def _update(self, request: v1.UpdateModelDeploymentMonitoringJobRequest) -> operations_pb2.Operation:
        asked = request.model_deployment_monitoring_job
        with self._store.transaction():
            job = self._in_state(asked.name, "updated", _State.JOB_STATE_RUNNING)
            paths = list(request.update_mask.paths) or _changed(asked, job)
            nested = [path for path in paths if path in _OF_OBJECTIVE]
            if nested:
                raise unimplemented(f"update_mask {', '.join(nested)}; name {_CONFIGS} instead")
            if paths:
                masks.apply(job, asked, paths, _UPDATABLE)
            check_display_name(job.display_name, "model_deployment_monitoring_job.display_name")
            check_labels(job.labels)
            check_job(job, [deployed.id for deployed in self._endpoint(job).deployed_models])
            job.state, job.update_time = _State.JOB_STATE_UPDATING, now()
            if _SCHEDULE in paths:
                del job.next_schedule_time
                job.next_schedule_time = next_time(job, now())
            self._store.put(job.name, job)
            return self._operations.start(job.name, request)

    def _settle(
        self, request: v1.UpdateModelDeploymentMonitoringJobRequest, cancellation: Cancellation
    ) -> None:
        while self._read(request.model_deployment_monitoring_job.name).state == _State.JOB_STATE_UPDATING:
            cancellation.wait(_POLL_SECONDS)

    def _pause(self, request: v1.PauseModelDeploymentMonitoringJobRequest) -> empty_pb2.Empty:
        return self._move(request.name, "paused", _State.JOB_STATE_RUNNING, _State.JOB_STATE_PAUSED)

    def _resume(self, request: v1.ResumeModelDeploymentMonitoringJobRequest) -> empty_pb2.Empty:
        return self._move(request.name, "resumed", _State.JOB_STATE_PAUSED, _State.JOB_STATE_RUNNING)

    def _move(self, name: str, verb: str, before: Any, after: Any) -> empty_pb2.Empty:
        with self._store.transaction():
            job = self._in_state(name, verb, before)
            job.state, job.update_time = after, now()
            # windows that were due during a pause are skipped
            job.next_schedule_time = next_time(job, now())
            self._store.put(name, job)
        return empty_pb2.Empty()

    def _delete(self, request: v1.DeleteModelDeploymentMonitoringJobRequest) -> operations_pb2.Operation:
        self._in_state(request.name, "deleted", _State.JOB_STATE_PAUSED)
        return self._operations.start(request.name, request)

    def _deleted(self, request: v1.DeleteModelDeploymentMonitoringJobRequest) -> None:
        job = self._in_state(request.name, "deleted", _State.JOB_STATE_PAUSED)
        endpoint = self._store.get(job.endpoint, v1.Endpoint)
        endpoint.model_deployment_monitoring_job = ""
        save(self._store, endpoint)
        self._store.delete(job.name)
        self._records.delete(job.name)

    def _search(
        self, request: v1.SearchModelDeploymentMonitoringStatsAnomaliesRequest
    ) -> v1.SearchModelDeploymentMonitoringStatsAnomaliesResponse:
        self._read(request.model_deployment_monitoring_job)
        return self._records.search(request)

    def _in_state(self, name: str, verb: str, wanted: Any) -> v1.ModelDeploymentMonitoringJob:
        job = self._read(name)
        if job.state != wanted:
            raise exceptions.FailedPrecondition(
                f"ModelDeploymentMonitoringJob {name} is in state {_State(job.state).name}:"
                f" only a job in state {_State(wanted).name} can be {verb}."
            )
        return job


def _end_with_slash(folder: v1.GcsDestination) -> None:
    # https://cloud.google.com/vertex-ai/docs/reference/rest/v1/GcsDestination
    if folder.output_uri_prefix and not folder.output_uri_prefix.endswith("/"):
        folder.output_uri_prefix += "/"


def _changed(asked: v1.ModelDeploymentMonitoringJob, job: v1.ModelDeploymentMonitoringJob) -> list[str]:
    """Name the fields that an update without a mask means: those that are not empty and differ."""
    return [
        field.name
        for field, value in type(asked).pb(asked).ListFields()
        if field.name not in _OUTPUT_ONLY and value != getattr(type(job).pb(job), field.name)
    ]
