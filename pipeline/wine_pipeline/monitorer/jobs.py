"""Vertex AI's monitoring jobs, one for each endpoint."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeoutError

from absl import logging  # type: ignore[import-not-found]
from google.api_core.exceptions import AlreadyExists
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import Endpoint, JobState, ModelDeploymentMonitoringJob
from google.protobuf.field_mask_pb2 import FieldMask

from wine_pipeline.monitorer.errors import MonitoringError
from wine_pipeline.monitorer.wanted import Deployment, changed_fields, keep_watching
from wine_pipeline.vertex_calls import AGAIN, ANSWER_SECONDS, client_options

_UNSETTLED = {JobState.JOB_STATE_PENDING, JobState.JOB_STATE_UPDATING}


class MonitoringClient:
    """
    Reads and changes the monitoring jobs of one region.

    :param region: Vertex AI region.
    :param poll_seconds: between two looks at a job that is PENDING or UPDATING.
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
        Give the endpoint the job that it should have, and return it when it has settled.

        :param project: project id.
        :param wanted: the job, without a name.
        :raises MonitoringError: if the job fails, does not settle in time, or cannot be updated to this.
        """
        name = self._endpoint(wanted.endpoint).model_deployment_monitoring_job
        if not name:
            try:
                return self._create(project, wanted)
            except AlreadyExists:
                # somebody was faster
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
        traffic = self._endpoint(wanted.endpoint).traffic_split
        keep_watching(wanted, current, {id_ for id_, share in traffic.items() if share})
        mask = changed_fields(current, wanted)
        if not mask:
            logging.info("%s is as it should be", name)
            return current
        logging.info("Updating %s: %s", name, ", ".join(mask))
        wanted.name = name
        operation = self._jobs.update_model_deployment_monitoring_job(
            model_deployment_monitoring_job=wanted, update_mask=FieldMask(paths=mask), timeout=ANSWER_SECONDS
        )
        try:
            operation.result(timeout=self._wait_seconds)
        except FutureTimeoutError as error:
            raise MonitoringError(f"{name} is still not updated after {self._wait_seconds:g} s") from error
        return self._settled(name)

    def _settled(self, name: str) -> ModelDeploymentMonitoringJob:
        job = self._wait(name)
        if job.state == JobState.JOB_STATE_FAILED:
            raise MonitoringError(f"{name} failed: {job.error.message}")
        return job

    def _wait(self, name: str) -> ModelDeploymentMonitoringJob:
        deadline = time.monotonic() + self._wait_seconds
        while True:
            job = self._jobs.get_model_deployment_monitoring_job(
                name=name, retry=AGAIN, timeout=ANSWER_SECONDS
            )
            state = JobState(job.state)
            if state not in _UNSETTLED:
                return job
            if time.monotonic() + self._poll_seconds > deadline:
                raise MonitoringError(f"{name} is still {state.name} after {self._wait_seconds:g} s")
            logging.info("%s is %s", name, state.name)
            time.sleep(self._poll_seconds)

    def _endpoint(self, name: str) -> Endpoint:
        return self._endpoints.get_endpoint(name=name, retry=AGAIN, timeout=ANSWER_SECONDS)
