"""Vertex AI's monitoring jobs, one for each endpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any

from absl import logging  # type: ignore[import-not-found]
from google.api_core.exceptions import AlreadyExists
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import (
    Endpoint,
    ModelDeploymentMonitoringJob,
    ModelDeploymentMonitoringObjectiveConfig,
)
from google.protobuf.field_mask_pb2 import FieldMask
from vertex_mlops.contract.monitoring.diff import diff, keep_recipients, updated_job
from vertex_mlops.contract.monitoring.job import objectives_of
from vertex_mlops.contract.monitoring.states import FAILED, is_settled

from wine_pipeline.monitorer.errors import MonitoringError
from wine_pipeline.vertex.vertex_calls import AGAIN, ANSWER_SECONDS, client_options

_SAMPLE = "sample_predict_instance"


@dataclass(frozen=True)
class Deployment:
    """
    A model behind an endpoint.

    :param endpoint: resource name.
    :param deployed_model_id: its id on that endpoint.
    """

    endpoint: str
    deployed_model_id: str

    def __str__(self) -> str:
        return f"deployed model {self.deployed_model_id} of {self.endpoint}"


class MonitoringClient:
    """
    Reads and changes the monitoring jobs of one region.

    :param region: Vertex AI region.
    :param poll_seconds: between two polls of a job that is PENDING or UPDATING.
    :param wait_seconds: after which such a job is given up; an update may take more than half an hour.
    """

    def __init__(self, region: str, poll_seconds: float = 5.0, wait_seconds: float = 7200.0) -> None:
        options = client_options(region)
        self._region = region
        self._poll_seconds = poll_seconds
        self._wait_seconds = wait_seconds
        self._jobs = aiplatform_v1.JobServiceClient(client_options=options)
        self._endpoints = aiplatform_v1.EndpointServiceClient(client_options=options)
        self._models = aiplatform_v1.ModelServiceClient(client_options=options)

    def find_deployment(self, model: str) -> Deployment:
        """
        Return where a model is deployed.

        :param model: resource name of a Model.
        :raises MonitoringError: if it is not deployed.
        """
        deployed = self._models.get_model(name=model, retry=AGAIN, timeout=ANSWER_SECONDS).deployed_models
        if not deployed:
            raise MonitoringError(f"{model} is not deployed to any endpoint")
        return Deployment(deployed[0].endpoint, deployed[0].deployed_model_id)

    def create_or_update(
        self, project: str, wanted: ModelDeploymentMonitoringJob
    ) -> ModelDeploymentMonitoringJob:
        """
        Create or update the job of the endpoint, and return it when it has settled.

        :param project: project id.
        :param wanted: the desired job, without a name.
        :raises MonitoringError: if the job fails, does not settle in time, or cannot be updated to this.
        """
        name = self._endpoint(wanted.endpoint).model_deployment_monitoring_job
        if not name:
            try:
                return self._create(project, wanted)
            except AlreadyExists:
                # another launch was faster
                name = self._endpoint(wanted.endpoint).model_deployment_monitoring_job
                if not name:
                    raise
        return self._update(name, wanted)

    def _create(self, project: str, wanted: ModelDeploymentMonitoringJob) -> ModelDeploymentMonitoringJob:
        job = self._jobs.create_model_deployment_monitoring_job(
            parent=self._jobs.common_location_path(project, self._region),
            model_deployment_monitoring_job=wanted,
            retry=AGAIN,
            timeout=ANSWER_SECONDS,
        )
        logging.info("Created %s", job.name)
        return self._settled(job.name)

    def _update(self, name: str, wanted: ModelDeploymentMonitoringJob) -> ModelDeploymentMonitoringJob:
        current = self._wait(name)
        self._keep_watching(current, wanted)
        if kept := keep_recipients(current, wanted):
            logging.info("Alerts go on to %s, which the settings do not name", ", ".join(kept))
        difference = diff(current, wanted)
        if difference.immutable:
            raise MonitoringError(_refusal(current, wanted, difference.immutable))
        if not difference:
            logging.info("%s is up to date", name)
            return current
        logging.info("Updating %s: %s", name, ", ".join(difference.update_mask))
        operation = self._jobs.update_model_deployment_monitoring_job(
            model_deployment_monitoring_job=updated_job(current, wanted),
            update_mask=FieldMask(paths=difference.update_mask),
            timeout=ANSWER_SECONDS,
        )
        try:
            operation.result(timeout=self._wait_seconds)
        except FutureTimeoutError as error:
            raise MonitoringError(f"{name} is still not updated after {self._wait_seconds:g} s") from error
        return self._settled(name)

    def _keep_watching(
        self, current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob
    ) -> None:
        # another model that shares the traffic keeps its own training data
        serving = {id_ for id_, share in self._endpoint(wanted.endpoint).traffic_split.items() if share}
        objectives = {id_: config for id_, config in objectives_of(current).items() if id_ in serving}
        objectives |= objectives_of(wanted)
        wanted.model_deployment_monitoring_objective_configs = [
            ModelDeploymentMonitoringObjectiveConfig(deployed_model_id=id_, objective_config=config)
            for id_, config in sorted(objectives.items())
        ]

    def _settled(self, name: str) -> ModelDeploymentMonitoringJob:
        job = self._wait(name)
        if job.state.name == FAILED:
            raise MonitoringError(f"{name} failed: {job.error.message}")
        return job

    def _wait(self, name: str) -> ModelDeploymentMonitoringJob:
        deadline = time.monotonic() + self._wait_seconds
        while True:
            job = self._jobs.get_model_deployment_monitoring_job(
                name=name, retry=AGAIN, timeout=ANSWER_SECONDS
            )
            if is_settled(job):
                return job
            if time.monotonic() + self._poll_seconds > deadline:
                raise MonitoringError(f"{name} is still {job.state.name} after {self._wait_seconds:g} s")
            logging.info("%s is %s", name, job.state.name)
            time.sleep(self._poll_seconds)

    def _endpoint(self, name: str) -> Endpoint:
        return self._endpoints.get_endpoint(name=name, retry=AGAIN, timeout=ANSWER_SECONDS)


def _refusal(
    current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob, fields: Sequence[str]
) -> str:
    names = ", ".join(fields)
    if _SAMPLE in fields:
        samples: list[Any] = [job.sample_predict_instance for job in (current, wanted)]
        before, after = (", ".join(sorted(sample)) for sample in samples)
        names += f" (has the features {before}; the model takes {after})"
    return (
        f"{current.name}: fields that Vertex AI cannot change differ: {names};"
        " pause and delete the job, then launch again"
    )
