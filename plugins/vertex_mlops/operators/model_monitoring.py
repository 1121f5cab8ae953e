"""Operator that keeps an endpoint's one monitoring job in step with what the endpoint serves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator
from google.api_core.exceptions import AlreadyExists
from google.cloud.aiplatform_v1.types import JobState

from vertex_mlops.contract import read_data_contract
from vertex_mlops.exceptions import ModelMonitoringJobError, ModelMonitoringJobUnsettledError
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.monitoring_config import (
    changed_fields,
    monitoring_job,
    objective_config,
    objectives_of,
)
from vertex_mlops.monitoring_settings import MonitoringSettings
from vertex_mlops.pipeline_jobs import resource_id

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob


class CreateOrUpdateModelMonitoringJobOperator(GoogleCloudBaseOperator):
    """
    Make an endpoint's ModelDeploymentMonitoringJob watch the models that serve now.

    An endpoint has at most one such job, and the job's objectives name deployed models, so each new model
    needs an update. The job is found through the endpoint, and only what differs is updated.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the model that was just deployed to it (templated).
    :param training_examples: ``gs://`` folder of the examples that this model learned from (templated).
    :param template_path: ``gs://`` URI of the compiled pipeline file; its contract names the features and
        the label (templated).
    :param display_name: Display name of the monitoring job (templated).
    :param settings: Thresholds, sampling, interval, alerts.
    :param poll_interval: Seconds between two looks at a job that is PENDING or UPDATING.
    :param wait_timeout: Seconds to wait for such a job.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud.
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``name``, ``state``, ``deployed_model_ids`` and whether the job was ``created``.
    :raises ModelMonitoringJobError: the job failed, or a threshold names a feature that the model does not
        have.
    :raises ModelMonitoringJobUnsettledError: the job does not settle in time.
    """

    template_fields = (
        "project_id",
        "region",
        "endpoint",
        "deployed_model_id",
        "training_examples",
        "template_path",
        "display_name",
        "gcp_conn_id",
        "impersonation_chain",
    )
    operator_extra_links = (ModelMonitoringJobLink(), EndpointLink())

    def __init__(
        self,
        *,
        project_id: str,
        region: str,
        endpoint: str,
        deployed_model_id: str,
        training_examples: str,
        template_path: str,
        display_name: str,
        settings: MonitoringSettings,
        poll_interval: float = 10,
        wait_timeout: float = 3600,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.region = region
        self.endpoint = endpoint
        self.deployed_model_id = deployed_model_id
        self.training_examples = training_examples
        self.template_path = template_path
        self.display_name = display_name
        self.settings = settings
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @property
    def extra_links_params(self) -> dict[str, Any]:
        return {"region": self.region, "project_id": self.project_id}

    @cached_property
    def hook(self) -> ModelMonitoringHook:
        return ModelMonitoringHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint))
        job_id = self._find()
        created = False
        if job_id is None:
            job_id, created = self._create()
        ModelMonitoringJobLink.persist(context=context, job_id=job_id)
        job = self._wait(job_id) if created else self._update(job_id)
        if job.state == JobState.JOB_STATE_FAILED:
            raise ModelMonitoringJobError(f"{job.name} failed: {job.error.message}")
        self.log.info("%s is %s", job.name, job.state.name)
        return {
            "name": job.name,
            "state": job.state.name,
            "deployed_model_ids": sorted(objectives_of(job)),
            "created": created,
        }

    def _find(self) -> str | None:
        return self.hook.find_model_monitoring_job(
            project_id=self.project_id, region=self.region, endpoint_id=resource_id(self.endpoint)
        )

    def _create(self) -> tuple[str, bool]:
        try:
            job = self.hook.create_model_monitoring_job(
                project_id=self.project_id, region=self.region, job=self._wanted(None)
            )
        except AlreadyExists:
            # somebody was faster
            job_id = self._find()
            if job_id is None:
                raise
            return job_id, False
        self.log.info("Created %s", job.name)
        return resource_id(job.name), True

    def _update(self, job_id: str) -> ModelDeploymentMonitoringJob:
        current = self._wait(job_id)
        wanted = self._wanted(current)
        mask = changed_fields(current, wanted)
        if not mask:
            self.log.info("%s is as it should be", current.name)
            return current
        self.log.info("Updating %s: %s", current.name, ", ".join(mask))
        wanted.name = current.name
        operation = self.hook.update_model_monitoring_job(
            project_id=self.project_id, region=self.region, job=wanted, update_mask=mask
        )
        try:
            operation.result(timeout=self.wait_timeout)
        except TimeoutError as error:
            raise ModelMonitoringJobUnsettledError(
                f"{current.name} is still not updated after {self.wait_timeout:g} s"
            ) from error
        return self._wait(job_id)

    def _wanted(self, current: ModelDeploymentMonitoringJob | None) -> ModelDeploymentMonitoringJob:
        contract = read_data_contract(self.template_path, self.gcp_conn_id, self.impersonation_chain)
        watched = objectives_of(current) if current else {}
        # another model that shares the traffic keeps its own training data
        objectives = {id_: watched[id_] for id_ in self._serving() if id_ in watched}
        objectives[self.deployed_model_id] = objective_config(self.settings, contract, self.training_examples)
        return monitoring_job(
            display_name=self.display_name,
            endpoint=self.endpoint,
            objectives=objectives,
            settings=self.settings,
            contract=contract,
        )

    def _serving(self) -> list[str]:
        client = self.hook.get_endpoint_service_client(self.region)
        traffic = client.get_endpoint(name=self.endpoint).traffic_split
        return [deployed_model_id for deployed_model_id, share in traffic.items() if share]

    def _wait(self, job_id: str) -> ModelDeploymentMonitoringJob:
        return self.hook.wait_for_model_monitoring_job(
            project_id=self.project_id,
            region=self.region,
            job_id=job_id,
            poll_interval=self.poll_interval,
            timeout=self.wait_timeout,
        )
