"""Read-only access to the resources of all regions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.config import Settings
from localcloud.errors import ApiError
from localcloud.vertex.endpoints.replicas import Replicas
from localcloud.vertex.models.registry import ModelRegistry
from localcloud.vertex.monitoring.records import MonitoringRecords
from localcloud.vertex.monitoring.state import settled
from localcloud.vertex.resources.names import id_of
from localcloud.vertex.resources.store import ResourceStore

M = TypeVar("M")


class VertexReader:
    """
    Read resources as the API would give them, without the page sizes and the one region of a list request.

    Every method may be called from any thread.

    :param settings: names the project and the folder of the logs.
    :param store: keeps the resources.
    :param registry: knows the versions of models.
    :param replicas: knows which model servers run.
    :param records: what monitoring has computed.
    """

    def __init__(
        self,
        settings: Settings,
        store: ResourceStore,
        registry: ModelRegistry,
        replicas: Replicas,
        records: MonitoringRecords,
    ) -> None:
        self._records = records
        self._settings = settings
        self._store = store
        self._registry = registry
        self._replicas = replicas

    def pipeline_jobs(self) -> list[v1.PipelineJob]:
        """Return every pipeline job, the newest first."""
        return self._store.find("pipelineJobs", v1.PipelineJob)[::-1]

    def pipeline_job(self, region: str, job_id: str) -> v1.PipelineJob:
        """
        Return a pipeline job as it is now.

        :raises ApiError: 404 when there is none.
        """
        return self._get(region, "pipelineJobs", job_id, v1.PipelineJob)

    def task_log(self, job: v1.PipelineJob, task: str) -> Path | None:
        """
        Return the file that a task has written to, or None when it has written none.

        :param job: the task's job.
        :param task: name of the task.
        """
        folder = (self._settings.logs / "pipelines" / id_of(job.name)).resolve()
        log = (folder / f"{task}.log").resolve()
        # a task's name is its client's: it must not lead out of the folder
        return log if log.parent == folder and log.is_file() else None

    def endpoints(self) -> list[v1.Endpoint]:
        """Return every endpoint, the newest first."""
        return self._store.find("endpoints", v1.Endpoint)[::-1]

    def endpoint(self, region: str, endpoint_id: str) -> v1.Endpoint:
        """
        Return an endpoint.

        :raises ApiError: 404 when there is none.
        """
        return self._get(region, "endpoints", endpoint_id, v1.Endpoint)

    def signatures(
        self, endpoint: v1.Endpoint, deployed: v1.DeployedModel
    ) -> Mapping[str, Mapping[str, Any]] | None:
        """Return the inputs of a deployed model by signature, or None while its server does not run."""
        return self._replicas.signatures(endpoint.name, deployed.id)

    def models(self) -> list[v1.Model]:
        """Return every model in its default version, the newest first."""
        return [self._registry.resolve(model.name) for model in self._store.find("models", v1.Model)[::-1]]

    def model_versions(self, region: str, model_id: str) -> list[v1.Model]:
        """
        Return every version of a model, the oldest first.

        :raises ApiError: 404 when there is no such model.
        """
        return self._registry.versions(self._get(region, "models", model_id, v1.Model).name)

    def batch_prediction_jobs(self) -> list[v1.BatchPredictionJob]:
        """Return every batch prediction job, the newest first."""
        return self._store.find("batchPredictionJobs", v1.BatchPredictionJob)[::-1]

    def batch_prediction_job(self, region: str, job_id: str) -> v1.BatchPredictionJob:
        """
        Return a batch prediction job as it is now.

        :raises ApiError: 404 when there is none.
        """
        return self._get(region, "batchPredictionJobs", job_id, v1.BatchPredictionJob)

    def monitoring_jobs(self) -> list[v1.ModelDeploymentMonitoringJob]:
        """Return every monitoring job, the newest first."""
        jobs = self._store.find("modelDeploymentMonitoringJobs", v1.ModelDeploymentMonitoringJob)
        return [settled(job, self._settings.monitoring_delay) for job in jobs[::-1]]

    def monitoring_job(self, region: str, job_id: str) -> v1.ModelDeploymentMonitoringJob:
        """
        Return a monitoring job as it is now.

        :raises ApiError: 404 when there is none.
        """
        collection = "modelDeploymentMonitoringJobs"
        job = self._get(region, collection, job_id, v1.ModelDeploymentMonitoringJob)
        return settled(job, self._settings.monitoring_delay)

    def monitoring_records(
        self, job: v1.ModelDeploymentMonitoringJob
    ) -> list[v1.ModelMonitoringStatsAnomalies]:
        """Return what a monitoring job has computed, the oldest window first."""
        return self._records.all(job.name)

    def _get(self, region: str, collection: str, id_: str, type_: type[M]) -> M:
        name = f"projects/{self._settings.project_number}/locations/{region}/{collection}/{id_}"
        try:
            return self._store.get(name, type_)
        except exceptions.NotFound as error:
            message = f"There is no {type_.__name__} {id_} in {region}."
            raise ApiError(404, "NOT_FOUND", message) from error
