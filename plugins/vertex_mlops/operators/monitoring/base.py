"""Base of the operators of monitoring jobs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from google.api_core.exceptions import Aborted, FailedPrecondition
from google.api_core.gapic_v1.method import DEFAULT

from vertex_mlops.contract.monitoring.states import RUNNING, is_settled
from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry
from vertex_mlops.exceptions import ModelMonitoringJobUnsettledError
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.waiting.reschedule import reschedule_or_fail

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.api_core.retry import Retry
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

    from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook

# a deletion that takes longer is waited for without a slot
_DELETION_SECONDS = 60.0


class ModelMonitoringBaseOperator(VertexBaseOperator):
    """
    Base class of the operators that act on a monitoring job.

    A job that is PENDING or UPDATING accepts no change: the task is rescheduled and polls again later.

    :param project_id: The ID of the Google Cloud project of the job (templated).
    :param region: The ID of the Google Cloud region of the job (templated).
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
    """

    def __init__(
        self,
        *,
        poll_interval: float = 60,
        wait_timeout: float = 6 * 3600,
        retry: Retry | None = None,
        timeout: float | None = REQUEST_SECONDS,
        metadata: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout
        self.retry = retry
        self.timeout = timeout
        self.metadata = metadata

    @cached_property
    def hook(self) -> ModelMonitoringHook:
        from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook

        return ModelMonitoringHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    @property
    def read_options(self) -> dict[str, Any]:
        """Return the options of every call that only reads."""
        return self._request_options(self.retry or transient_retry(READ_RETRY_SECONDS))

    @property
    def write_options(self) -> dict[str, Any]:
        """Return the options of every other call, which is not repeated: the second one would be refused."""
        return self._request_options(self.retry or DEFAULT)

    def wait_until_settled(self, context: Context, job: ModelDeploymentMonitoringJob) -> None:
        """
        Reschedule the task if the job is PENDING or UPDATING.

        :param context: the task's context.
        :param job: the job as it is now.
        """
        if not is_settled(job):
            self.log.info("%s is %s", job.name, job.state.name)
            self.reschedule(context, f"{job.name} is still {job.state.name}")

    def delete_settled_job(self, context: Context, job: ModelDeploymentMonitoringJob) -> None:
        """
        Pause a job if it runs, because Vertex AI deletes no running job, and delete it.

        If that takes long, the task is rescheduled, and checks then whether the job is gone.

        :param context: the task's context.
        :param job: the job as it is now.
        """
        job_id = resource_id(job.name)
        if job.state.name == RUNNING:
            self.hook.pause_model_monitoring_job(job_id=job_id, **self.write_options)
        try:
            operation = self.hook.delete_model_monitoring_job(job_id=job_id, **self.write_options)
            operation.result(timeout=_DELETION_SECONDS)
        except (Aborted, FailedPrecondition, TimeoutError) as error:
            # a job that is being deleted can refuse to be deleted again
            self.log.info("%s is not deleted yet: %s", job.name, " ".join(str(error).split()))
            self.reschedule(context, f"{job.name} is still not deleted")

    def reschedule(self, context: Context, still: str) -> NoReturn:
        """
        Reschedule the task to run again after ``poll_interval``.

        :param context: the task's context.
        :param still: what the task is waiting for, for the message of a timeout.
        :raises ModelMonitoringJobUnsettledError: the time is up.
        """
        problem = ModelMonitoringJobUnsettledError(f"{still} after {self.wait_timeout:g} s")
        reschedule_or_fail(context, problem, self.poll_interval, self.wait_timeout)

    def _request_options(self, retry: Any) -> dict[str, Any]:
        return {
            "project_id": self.project_id,
            "region": self.region,
            "retry": retry,
            "timeout": self.timeout,
            "metadata": self.metadata,
        }
