"""Hook for Vertex AI Model Monitoring of an endpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.providers.google.common.consts import CLIENT_INFO
from airflow.providers.google.common.hooks.base_google import PROVIDE_PROJECT_ID, GoogleBaseHook
from google.api_core.gapic_v1.method import DEFAULT, _MethodDefault
from google.cloud.aiplatform_v1 import EndpointServiceClient, JobServiceClient
from google.cloud.aiplatform_v1.types import JobState

from vertex_mlops.exceptions import ModelMonitoringJobUnsettledError

if TYPE_CHECKING:
    from google.api_core.client_options import ClientOptions
    from google.api_core.operation import Operation
    from google.api_core.retry import Retry
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

_UNSETTLED_STATES = (JobState.JOB_STATE_QUEUED, JobState.JOB_STATE_PENDING, JobState.JOB_STATE_UPDATING)


class ModelMonitoringHook(GoogleBaseHook):
    """
    Hook for the ModelDeploymentMonitoringJob APIs of Vertex AI.

    It uses the GAPIC client: the SDK's ``create`` drops the time to live of the log tables and fails without
    an alert config.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs
    """

    def get_job_service_client(self, region: str) -> JobServiceClient:
        """Return JobServiceClient object."""
        return JobServiceClient(
            credentials=self.get_credentials(), client_info=CLIENT_INFO, client_options=self._options(region)
        )

    def get_endpoint_service_client(self, region: str) -> EndpointServiceClient:
        """Return EndpointServiceClient object."""
        return EndpointServiceClient(
            credentials=self.get_credentials(), client_info=CLIENT_INFO, client_options=self._options(region)
        )

    @GoogleBaseHook.fallback_to_default_project_id
    def create_model_monitoring_job(
        self,
        region: str,
        job: ModelDeploymentMonitoringJob,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> ModelDeploymentMonitoringJob:
        """
        Create the monitoring job of an endpoint; it is PENDING at first.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job: Required. The job to create.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :raises google.api_core.exceptions.AlreadyExists: the endpoint has a monitoring job.
        """
        client = self.get_job_service_client(region)
        return client.create_model_deployment_monitoring_job(
            request={
                "parent": client.common_location_path(project_id, region),
                "model_deployment_monitoring_job": job,
            },
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )

    @GoogleBaseHook.fallback_to_default_project_id
    def get_model_monitoring_job(
        self,
        region: str,
        job_id: str,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> ModelDeploymentMonitoringJob:
        """
        Get a monitoring job.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job_id: Required. The ID of the monitoring job.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        """
        client = self.get_job_service_client(region)
        return client.get_model_deployment_monitoring_job(
            request={"name": client.model_deployment_monitoring_job_path(project_id, region, job_id)},
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )

    @GoogleBaseHook.fallback_to_default_project_id
    def update_model_monitoring_job(
        self,
        region: str,
        job: ModelDeploymentMonitoringJob,
        update_mask: Sequence[str],
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> Operation:
        """
        Update a monitoring job; the job can stay UPDATING after the operation is done.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job: Required. The job, with the name of the one to update.
        :param update_mask: Required. Names of the fields to overwrite.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :raises google.api_core.exceptions.FailedPrecondition: the job is PENDING or UPDATING.
        """
        client = self.get_job_service_client(region)
        return client.update_model_deployment_monitoring_job(
            request={
                "model_deployment_monitoring_job": job,
                "update_mask": {"paths": list(update_mask)},
            },
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )

    @GoogleBaseHook.fallback_to_default_project_id
    def find_model_monitoring_job(
        self,
        region: str,
        endpoint_id: str,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> str | None:
        """
        Return the ID of the one monitoring job that an endpoint can have, None if it has none.

        The endpoint names its job; a display name proves nothing.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param endpoint_id: Required. The ID of the endpoint.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        """
        client = self.get_endpoint_service_client(region)
        endpoint = client.get_endpoint(
            request={"name": client.endpoint_path(project_id, region, endpoint_id)},
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )
        return endpoint.model_deployment_monitoring_job.rpartition("/")[-1] or None

    @GoogleBaseHook.fallback_to_default_project_id
    def wait_for_model_monitoring_job(
        self,
        region: str,
        job_id: str,
        poll_interval: float,
        timeout: float,
        project_id: str = PROVIDE_PROJECT_ID,
    ) -> ModelDeploymentMonitoringJob:
        """
        Wait until a monitoring job is neither PENDING nor UPDATING, and return it.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job_id: Required. The ID of the monitoring job.
        :param poll_interval: Required. Seconds between two looks at the job.
        :param timeout: Required. Seconds after which to give up.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :raises ModelMonitoringJobUnsettledError: the job has not settled in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            job = self.get_model_monitoring_job(project_id=project_id, region=region, job_id=job_id)
            if job.state not in _UNSETTLED_STATES:
                return job
            if time.monotonic() + poll_interval > deadline:
                raise ModelMonitoringJobUnsettledError(
                    f"{job.name} is still {job.state.name} after {timeout:g} s"
                )
            self.log.info("%s is %s", job.name, job.state.name)
            time.sleep(poll_interval)

    def _options(self, region: str) -> ClientOptions:
        regional = f"{region}-aiplatform.googleapis.com:443" if self.is_default_universe() else None
        return self.get_client_options(api_endpoint_override=regional)
