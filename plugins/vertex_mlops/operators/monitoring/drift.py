"""Operator that emits asset events for the drift that monitoring has found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import AirflowSkipException

from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.monitoring.anomalies import find_anomalies
from vertex_mlops.monitoring.drift_events import DriftEvent, describe, drift_in, events_of, problem_with
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.runs.pipeline_jobs import label_filter, resource_id

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

    from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook

# older windows have had their events: a run must not page through a year of them
_LOOK_BACK = timedelta(days=7)
# more than a week of hourly windows
_KNOWN_EVENTS = 200


class EmitModelDriftOperator(VertexBaseOperator):
    """
    Search monitoring jobs for anomalies, and emit one asset event for each new window that has any.

    The earlier events of its alias determine which windows are new: the operator stores nothing, so that
    a retry, a cleared task or another worker emits no window twice. Only models that the jobs currently
    monitor count. It searches at most the last seven days. The event's extra is a
    :class:`~vertex_mlops.monitoring.drift_events.DriftEvent`; an event with another extra, or with a window
    in the future, is ignored and logged.

    .. seealso::
        https://airflow.apache.org/docs/apache-airflow/stable/authoring-and-scheduling/assets.html and
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/searchModelDeploymentMonitoringStatsAnomalies

    :param project_id: The ID of the Google Cloud project of the jobs (templated).
    :param region: The ID of the Google Cloud region of the jobs (templated).
    :param labels: Labels of the monitoring jobs; all jobs with them are searched (templated).
    :param asset: The asset of the events; a DAG must be scheduled on it.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``events``, a list of :class:`~vertex_mlops.monitoring.drift_events.DriftEvent`, the oldest
        first.
    :raises AirflowSkipException: there is no monitoring job yet, or no new window with anomalies.
    """

    template_fields = ("project_id", "region", "labels", "gcp_conn_id", "impersonation_chain")
    operator_extra_links = (ModelMonitoringJobLink(),)

    def __init__(
        self,
        *,
        labels: dict[str, str],
        asset: Asset,
        **kwargs: Any,
    ) -> None:
        # only an alias takes any number of events from one task, none or several; and what came through it
        # is found again when the asset's URI has changed
        alias = AssetAlias(name=asset.name)
        super().__init__(inlets=[alias], outlets=[alias], **kwargs)
        self.labels = labels
        self.asset = asset

    @cached_property
    def hook(self) -> ModelMonitoringHook:
        from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook

        return ModelMonitoringHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def execute(self, context: Context) -> dict[str, Any]:
        jobs = self._list_jobs()
        if not jobs:
            self._skip(context, f"no monitoring job has the labels {self.labels} yet: nothing is deployed")
        known = self._known_windows(context)
        events = []
        for job in jobs:
            ModelMonitoringJobLink.persist(context=context, job_id=resource_id(job.name))
            self.log.info("%s is %s", job.name, job.state.name)
            events += self._new_events(job, known.get(job.name))
        if not events:
            self._skip(context, f"no new anomalies in {', '.join(job.name for job in jobs)}")
        for event in events:
            self.log.info("%s: %s", event["endpoint"], describe(event))
            extra: Any = event
            context["outlet_events"][AssetAlias(name=self.asset.name)].add(self.asset, extra=extra)
        return {"events": events}

    def _list_jobs(self) -> list[ModelDeploymentMonitoringJob]:
        return list(
            self.hook.list_model_monitoring_jobs(filter=label_filter(self.labels), **self._request_options)
        )

    def _known_windows(self, context: Context) -> dict[str, datetime]:
        """Read the end of the last window of each job for which an event was emitted."""
        known: dict[str, datetime] = {}
        # the newest comes first
        for event in (
            context["inlet_events"][AssetAlias(name=self.asset.name)].ascending(False).limit(_KNOWN_EVENTS)
        ):
            if problem := problem_with(event.extra):
                self.log.warning("Ignoring an asset event without valid drift: %s", problem)
            elif told := drift_in(event.extra):
                end = datetime.fromisoformat(told["window_end"])
                known[told["monitoring_job"]] = max(end, known.get(told["monitoring_job"], end))
        return known

    def _new_events(self, job: ModelDeploymentMonitoringJob, known: datetime | None) -> list[DriftEvent]:
        earliest = datetime.now(UTC) - _LOOK_BACK
        since = max(known or earliest, earliest)
        anomalies = find_anomalies(self.hook, job, start_time=since, **self._request_options)
        return [
            event
            for event in events_of(job, anomalies)
            # an event that the next run would not recognize is emitted later
            if datetime.fromisoformat(event["window_end"]) > since and not problem_with(event)
        ]

    def _skip(self, context: Context, reason: str) -> NoReturn:
        context["ti"].xcom_push(key="skipped_because", value=reason)
        raise AirflowSkipException(reason)

    @property
    def _request_options(self) -> dict[str, Any]:
        return {
            "project_id": self.project_id,
            "region": self.region,
            "retry": transient_retry(READ_RETRY_SECONDS),
            "timeout": REQUEST_SECONDS,
        }
