"""Hook for Vertex AI Model Monitoring of an endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.google.common.hooks.base_google import PROVIDE_PROJECT_ID, GoogleBaseHook
from google.api_core.gapic_v1.method import DEFAULT, _MethodDefault
from google.cloud.aiplatform_v1.types import SearchModelDeploymentMonitoringStatsAnomaliesRequest

from vertex_mlops.hooks.vertex_base import VertexBaseHook

if TYPE_CHECKING:
    from datetime import datetime

    from google.api_core.operation import Operation
    from google.api_core.retry import Retry
    from google.cloud.aiplatform_v1.services.job_service.pagers import (
        ListModelDeploymentMonitoringJobsPager,
        SearchModelDeploymentMonitoringStatsAnomaliesPager,
    )
    from google.cloud.aiplatform_v1.types import (
        ModelDeploymentMonitoringJob,
        ModelDeploymentMonitoringObjectiveType,
    )


class ModelMonitoringHook(VertexBaseHook):
    """
    Hook for the ModelDeploymentMonitoringJob APIs of Vertex AI.

    It uses the GAPIC client: the SDK's ``create`` drops the time to live of the log tables and fails without
    an alert config.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs

    :param gcp_conn_id: The connection ID to use connecting to Google Cloud.
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the requests.
    :param quota_project_id: The ID of the Google Cloud project that quota and cost of the calls count for;
        that of the credentials by default.
    """

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
        :return: the job as it was created.
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
        :return: the job.
        :raises google.api_core.exceptions.NotFound: there is no such job.
        """
        client = self.get_job_service_client(region)
        return client.get_model_deployment_monitoring_job(
            request={"name": client.model_deployment_monitoring_job_path(project_id, region, job_id)},
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
        Find the one monitoring job that an endpoint can have.

        The endpoint names its job; a display name proves nothing.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param endpoint_id: Required. The ID of the endpoint.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :return: its ID; None if there is none.
        :raises google.api_core.exceptions.NotFound: there is no such endpoint.
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
    def list_model_monitoring_jobs(
        self,
        region: str,
        filter: str | None = None,
        page_size: int | None = None,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> ListModelDeploymentMonitoringJobsPager:
        """
        List the monitoring jobs of a region, page by page.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param filter: Which jobs, by ``display_name``, ``state``, ``create_time`` or ``labels``; for example
            ``state="JOB_STATE_RUNNING" AND labels.wine="white"``.
        :param page_size: Jobs in one answer of the service.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :return: a pager of the jobs.
        """
        client = self.get_job_service_client(region)
        return client.list_model_deployment_monitoring_jobs(
            request={
                "parent": client.common_location_path(project_id, region),
                "filter": filter,
                "page_size": page_size,
            },
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
        :return: the long-running operation.
        :raises google.api_core.exceptions.FailedPrecondition: the job is PENDING, UPDATING or PAUSED.
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
    def pause_model_monitoring_job(
        self,
        region: str,
        job_id: str,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        """
        Pause a monitoring job.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job_id: Required. The ID of the monitoring job.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :raises google.api_core.exceptions.FailedPrecondition: the job is not RUNNING.
        """
        client = self.get_job_service_client(region)
        client.pause_model_deployment_monitoring_job(
            request={"name": client.model_deployment_monitoring_job_path(project_id, region, job_id)},
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )

    @GoogleBaseHook.fallback_to_default_project_id
    def resume_model_monitoring_job(
        self,
        region: str,
        job_id: str,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> None:
        """
        Resume a paused monitoring job.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job_id: Required. The ID of the monitoring job.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :raises google.api_core.exceptions.FailedPrecondition: the job is not PAUSED.
        """
        client = self.get_job_service_client(region)
        client.resume_model_deployment_monitoring_job(
            request={"name": client.model_deployment_monitoring_job_path(project_id, region, job_id)},
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )

    @GoogleBaseHook.fallback_to_default_project_id
    def delete_model_monitoring_job(
        self,
        region: str,
        job_id: str,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> Operation:
        """
        Delete a monitoring job that is paused.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job_id: Required. The ID of the monitoring job.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :return: the long-running operation.
        :raises google.api_core.exceptions.FailedPrecondition: the job is RUNNING.
        :raises google.api_core.exceptions.NotFound: there is no such job.
        """
        client = self.get_job_service_client(region)
        return client.delete_model_deployment_monitoring_job(
            request={"name": client.model_deployment_monitoring_job_path(project_id, region, job_id)},
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )

    @GoogleBaseHook.fallback_to_default_project_id
    def search_stats_anomalies(
        self,
        region: str,
        job_id: str,
        deployed_model_id: str,
        objectives: Sequence[ModelDeploymentMonitoringObjectiveType | str],
        feature: str | None = None,
        start_time: datetime | None = None,
        end_time: datetime | None = None,
        page_size: int | None = None,
        project_id: str = PROVIDE_PROJECT_ID,
        retry: Retry | _MethodDefault = DEFAULT,
        timeout: float | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> SearchModelDeploymentMonitoringStatsAnomaliesPager:
        """
        Search the statistics and anomalies that a monitoring job has computed, page by page.

        :param region: Required. The ID of the Google Cloud region that the service belongs to.
        :param job_id: Required. The ID of the monitoring job.
        :param deployed_model_id: Required. The ID of the deployed model that they are about.
        :param objectives: Required. What was compared, or the names of it: skew, drift or both.
        :param feature: Only this feature.
        :param start_time: Only what was computed from then on.
        :param end_time: Only what was computed until then.
        :param page_size: Entries in one answer of the service.
        :param project_id: The ID of the Google Cloud project that the service belongs to.
        :param retry: Designation of what errors, if any, should be retried.
        :param timeout: The timeout for this request, in seconds.
        :param metadata: Strings which should be sent along with the request as metadata.
        :return: a pager of the statistics and anomalies.
        """
        client = self.get_job_service_client(region)
        request = SearchModelDeploymentMonitoringStatsAnomaliesRequest
        # the service takes an unset time for all there is
        times: dict[str, Any] = {"start_time": start_time, "end_time": end_time}
        return client.search_model_deployment_monitoring_stats_anomalies(
            request=request(
                model_deployment_monitoring_job=client.model_deployment_monitoring_job_path(
                    project_id, region, job_id
                ),
                deployed_model_id=deployed_model_id,
                objectives=[request.StatsAnomaliesObjective(type_=type_) for type_ in objectives],
                feature_display_name=feature,
                page_size=page_size,
                **times,
            ),
            retry=retry,
            timeout=timeout,
            metadata=metadata,
        )
