"""Operators that pause, resume and delete a monitoring job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import NotFound

from vertex_mlops.contract.monitoring.states import PAUSED
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.operators.monitoring.base import ModelMonitoringBaseOperator
from vertex_mlops.runs.pipeline_jobs import resource_id

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob


class _OneJobOperator(ModelMonitoringBaseOperator):
    template_fields: Sequence[str] = (
        "project_id",
        "region",
        "job_id",
        "gcp_conn_id",
        "impersonation_chain",
    )
    operator_extra_links = (ModelMonitoringJobLink(),)

    def __init__(self, *, job_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_id = job_id

    def get_settled_job(self, context: Context) -> ModelDeploymentMonitoringJob:
        job_id = resource_id(self.job_id)
        ModelMonitoringJobLink.persist(context=context, job_id=job_id)
        job = self.hook.get_model_monitoring_job(job_id=job_id, **self.read_options)
        self.wait_until_settled(context, job)
        return job


class PauseModelMonitoringJobOperator(_OneJobOperator):
    """
    Pause a monitoring job: requests are neither logged nor analyzed, and the job can be deleted.

    Nothing happens if the job is already paused.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/pause

    :param project_id: The ID of the Google Cloud project of the job (templated).
    :param region: The ID of the Google Cloud region of the job (templated).
    :param job_id: The ID of the monitoring job, or its resource name (templated).
    :param poll_interval: Seconds between two polls of a job that is PENDING or UPDATING, 15 at least.
    :param wait_timeout: Seconds to wait for such a job.
    :param retry: Designation of what errors, if any, should be retried within a request; by default those
        of the service or the connection, for a minute, if the request only reads.
    :param timeout: The timeout for each request, in seconds.
    :param metadata: Strings which should be sent along with each request as metadata.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``name`` of the job and whether it was ``changed``.
    :raises google.api_core.exceptions.NotFound: there is no such job.
    :raises ModelMonitoringJobUnsettledError: the job stays PENDING or UPDATING for too long.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        job = self.get_settled_job(context)
        paused = job.state.name == PAUSED
        if not paused:
            self.log.info("Pausing %s", job.name)
            self.hook.pause_model_monitoring_job(job_id=resource_id(job.name), **self.write_options)
        return {"name": job.name, "changed": not paused}


class ResumeModelMonitoringJobOperator(_OneJobOperator):
    """
    Resume a paused monitoring job; it runs again from the next scheduled time.

    Nothing happens if the job is not paused.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/resume

    :param project_id: The ID of the Google Cloud project of the job (templated).
    :param region: The ID of the Google Cloud region of the job (templated).
    :param job_id: The ID of the monitoring job, or its resource name (templated).
    :param poll_interval: Seconds between two polls of a job that is PENDING or UPDATING, 15 at least.
    :param wait_timeout: Seconds to wait for such a job.
    :param retry: Designation of what errors, if any, should be retried within a request; by default those
        of the service or the connection, for a minute, if the request only reads.
    :param timeout: The timeout for each request, in seconds.
    :param metadata: Strings which should be sent along with each request as metadata.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``name`` of the job and whether it was ``changed``.
    :raises google.api_core.exceptions.NotFound: there is no such job.
    :raises ModelMonitoringJobUnsettledError: the job stays PENDING or UPDATING for too long.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        job = self.get_settled_job(context)
        paused = job.state.name == PAUSED
        if paused:
            self.log.info("Resuming %s", job.name)
            self.hook.resume_model_monitoring_job(job_id=resource_id(job.name), **self.write_options)
        return {"name": job.name, "changed": paused}


class DeleteModelMonitoringJobOperator(_OneJobOperator):
    """
    Delete a monitoring job; pause it first if it runs, because Vertex AI deletes no running job.

    The task succeeds if there is no such job, so that it can be repeated. If the deletion takes longer than
    a minute, the task is rescheduled.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/delete

    :param project_id: The ID of the Google Cloud project of the job (templated).
    :param region: The ID of the Google Cloud region of the job (templated).
    :param job_id: The ID of the monitoring job, or its resource name (templated).
    :param poll_interval: Seconds between two polls of a job that is PENDING or UPDATING, 15 at least.
    :param wait_timeout: Seconds to wait for such a job.
    :param retry: Designation of what errors, if any, should be retried within a request; by default those
        of the service or the connection, for a minute, if the request only reads.
    :param timeout: The timeout for each request, in seconds.
    :param metadata: Strings which should be sent along with each request as metadata.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``job_id`` and whether the job was ``changed``: the last poll found one to delete.
    :raises ModelMonitoringJobUnsettledError: the job does not settle in time, or is not deleted in time.
    """

    def execute(self, context: Context) -> dict[str, Any]:
        job_id = resource_id(self.job_id)
        try:
            job = self.get_settled_job(context)
            self.delete_settled_job(context, job)
        except NotFound:
            self.log.info("The monitoring job %s does not exist", job_id)
            return {"job_id": job_id, "changed": False}
        self.log.info("Deleted %s", job.name)
        return {"job_id": job_id, "changed": True}
