"""Sensors for Vertex AI Model Monitoring."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from google.api_core.gapic_v1.method import DEFAULT, _MethodDefault

from vertex_mlops.contract.monitoring.states import FAILED, PAUSED, is_settled
from vertex_mlops.contract.retries import REQUEST_SECONDS, is_transient
from vertex_mlops.exceptions import ModelMonitoringJobError, ModelMonitoringJobPausedError
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.monitoring.anomalies import RAW_FEATURES, find_anomalies
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.runs.results import ResultsMixin
from vertex_mlops.waiting.reschedule import MIN_RESCHEDULE_SECONDS, QUICK_SECONDS, first_execution, pauses

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.api_core.retry import Retry
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringObjectiveType

    from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook


class _ModelMonitoringSensor(ResultsMixin, BaseSensorOperator):
    operator_extra_links = (ModelMonitoringJobLink(),)

    def __init__(
        self,
        *,
        project_id: str,
        region: str,
        job_id: str,
        mode: str = "reschedule",
        retry: Retry | _MethodDefault = DEFAULT,
        request_timeout: float | None = REQUEST_SECONDS,
        metadata: Sequence[tuple[str, str]] = (),
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(mode=mode, **kwargs)
        if self.reschedule:
            self.poke_interval = max(self.poke_interval, MIN_RESCHEDULE_SECONDS)
        self.project_id = project_id
        self.region = region
        self.job_id = job_id
        self.retry = retry
        self.request_timeout = request_timeout
        self.metadata = metadata
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @property
    def extra_links_params(self) -> dict[str, Any]:
        return {"region": self.region, "project_id": self.project_id}

    @cached_property
    def hook(self) -> ModelMonitoringHook:
        from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook

        return ModelMonitoringHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    @property
    def request_options(self) -> dict[str, Any]:
        return {
            "region": self.region,
            "retry": self.retry,
            "timeout": self.request_timeout,
            "metadata": self.metadata,
        }

    def poke(self, context: Context) -> PokeReturnValue:
        ModelMonitoringJobLink.persist(context=context, job_id=resource_id(self.job_id))
        try:
            return self._look()
        except Exception as error:
            if not is_transient(error):
                raise
            self.log.warning("No answer, looking again later: %s", " ".join(str(error).split()))
            return PokeReturnValue(is_done=False)

    def _look(self) -> PokeReturnValue:
        raise NotImplementedError


class ModelMonitoringJobSensor(_ModelMonitoringSensor):
    """
    Wait until a monitoring job is running, and no longer PENDING or UPDATING.

    A paused job monitors nothing, and is an error. The wait takes seconds to hours: the sensor keeps
    its worker slot for the first ten seconds, and holds none between later polls. If the service does not
    answer, or is unavailable, the sensor polls again.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs

    :param project_id: The ID of the Google Cloud project of the job (templated).
    :param region: The ID of the Google Cloud region of the job (templated).
    :param job_id: The ID of the monitoring job, or its resource name (templated).
    :param operation: Resource name of the operation that updates the job; if it ends with an error, so does
        the task. Empty if there is none (templated).
    :param mode: ``reschedule`` frees the worker slot between two polls, 15 seconds apart at least; ``poke``
        does not.
    :param retry: Designation of what errors, if any, should be retried within a request.
    :param request_timeout: The timeout for each request, in seconds; ``timeout`` is that of the sensor.
    :param metadata: Strings which should be sent along with each request as metadata.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``name`` and ``state`` of the job.
    :raises ModelMonitoringJobError: the job, or its update, has failed; the message has the error.
    :raises ModelMonitoringJobPausedError: the job is paused.
    :raises AirflowSensorTimeout: the job has not settled within ``timeout``.
    """

    template_fields = (
        "project_id",
        "region",
        "job_id",
        "operation",
        "gcp_conn_id",
        "impersonation_chain",
    )

    def __init__(
        self,
        *,
        project_id: str,
        region: str,
        job_id: str,
        operation: str = "",
        mode: str = "reschedule",
        retry: Retry | _MethodDefault = DEFAULT,
        request_timeout: float | None = REQUEST_SECONDS,
        metadata: Sequence[tuple[str, str]] = (),
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            region=region,
            job_id=job_id,
            mode=mode,
            retry=retry,
            request_timeout=request_timeout,
            metadata=metadata,
            gcp_conn_id=gcp_conn_id,
            impersonation_chain=impersonation_chain,
            **kwargs,
        )
        self.operation = operation

    def poke(self, context: Context) -> PokeReturnValue:
        for pause in pauses(0.0 if first_execution(context) else QUICK_SECONDS):
            look = super().poke(context)
            # without a value there was no answer
            if look.is_done or not look.xcom_value:
                return look
            time.sleep(pause)
        return super().poke(context)

    def _look(self) -> PokeReturnValue:
        job = self.hook.get_model_monitoring_job(
            project_id=self.project_id, job_id=resource_id(self.job_id), **self.request_options
        )
        self.log.info("%s is %s", job.name, job.state.name)
        if job.state.name == FAILED:
            raise ModelMonitoringJobError(f"{job.name} failed: {job.error.message}")
        if job.state.name == PAUSED:
            raise ModelMonitoringJobPausedError(
                f"{job.name} is paused: nothing is monitored; resume it, then clear this task"
            )
        done = is_settled(job) and self._operation_has_ended()
        return PokeReturnValue(is_done=done, xcom_value={"name": job.name, "state": job.state.name})

    def _operation_has_ended(self) -> bool:
        if not self.operation:
            return True
        operation = self.hook.get_operation(name=self.operation, **self.request_options)
        if operation.HasField("error"):
            raise ModelMonitoringJobError(f"{self.operation} failed: {operation.error.message}")
        return bool(operation.done)


class ModelMonitoringAnomaliesSensor(_ModelMonitoringSensor):
    """
    Wait until a monitoring job has found anomalies in the requests to its deployed models.

    An anomaly is a feature whose distance to its baseline is above its threshold, in one window of time.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/searchModelDeploymentMonitoringStatsAnomalies

    :param project_id: The ID of the Google Cloud project of the job (templated).
    :param region: The ID of the Google Cloud region of the job (templated).
    :param job_id: The ID of the monitoring job, or its resource name (templated).
    :param objectives: The objectives, or their names; by default skew and drift of the raw features.
    :param start_time: Only anomalies that were found after this time; all by default (templated).
    :param end_time: Only anomalies that were found before this time; all by default (templated).
    :param mode: ``reschedule`` frees the worker slot between two polls, 15 seconds apart at least; ``poke``
        does not.
    :param retry: Designation of what errors, if any, should be retried within a request.
    :param request_timeout: The timeout for each request, in seconds; ``timeout`` is that of the sensor.
    :param metadata: Strings which should be sent along with each request as metadata.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``anomalies``, a list of :class:`~vertex_mlops.monitoring.anomalies.Anomaly`.
    :raises AirflowSensorTimeout: there was no anomaly within ``timeout``.
    """

    template_fields = (
        "project_id",
        "region",
        "job_id",
        "start_time",
        "end_time",
        "gcp_conn_id",
        "impersonation_chain",
    )

    def __init__(
        self,
        *,
        project_id: str,
        region: str,
        job_id: str,
        objectives: Sequence[ModelDeploymentMonitoringObjectiveType | str] = RAW_FEATURES,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        mode: str = "reschedule",
        retry: Retry | _MethodDefault = DEFAULT,
        request_timeout: float | None = REQUEST_SECONDS,
        metadata: Sequence[tuple[str, str]] = (),
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            project_id=project_id,
            region=region,
            job_id=job_id,
            mode=mode,
            retry=retry,
            request_timeout=request_timeout,
            metadata=metadata,
            gcp_conn_id=gcp_conn_id,
            impersonation_chain=impersonation_chain,
            **kwargs,
        )
        self.objectives = objectives
        self.start_time = start_time
        self.end_time = end_time

    def _look(self) -> PokeReturnValue:
        job = self.hook.get_model_monitoring_job(
            project_id=self.project_id, job_id=resource_id(self.job_id), **self.request_options
        )
        anomalies = find_anomalies(
            self.hook,
            job,
            objectives=self.objectives,
            start_time=_moment(self.start_time),
            end_time=_moment(self.end_time),
            project_id=self.project_id,
            **self.request_options,
        )
        self.log.info("%s has found %s anomalies", job.name, len(anomalies))
        return PokeReturnValue(is_done=bool(anomalies), xcom_value={"anomalies": anomalies})


def _moment(time: datetime | str | None) -> datetime | None:
    # a template gives text
    return datetime.fromisoformat(time) if isinstance(time, str) else time
