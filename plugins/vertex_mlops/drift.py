"""What one DAG tells another about drift: the extra of an asset event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict, cast

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

    from vertex_mlops.monitoring_anomalies import Anomaly


class DriftEvent(TypedDict):
    """
    One window of a monitoring job in which features were further from their baseline than their threshold.

    :param monitoring_job: resource name of the job.
    :param endpoint: resource name of the endpoint that it watches.
    :param window_start: begin of the window, ISO 8601.
    :param window_end: end of the window, ISO 8601; with the job it tells one event from another.
    :param anomalies: a :class:`~vertex_mlops.monitoring_anomalies.Anomaly` for each feature and objective.
    """

    monitoring_job: str
    endpoint: str
    window_start: str
    window_end: str
    anomalies: list[Anomaly]


def events_of(job: ModelDeploymentMonitoringJob, anomalies: Iterable[Anomaly]) -> list[DriftEvent]:
    """
    Put anomalies together by their windows, the oldest window first.

    :param job: what found them.
    :param anomalies: of its deployed models, for skew and drift.
    """
    windows: dict[str, list[Anomaly]] = {}
    for anomaly in anomalies:
        windows.setdefault(anomaly["end_time"], []).append(anomaly)
    return [
        DriftEvent(
            monitoring_job=job.name,
            endpoint=job.endpoint,
            window_start=min(anomaly["start_time"] for anomaly in windows[end]),
            window_end=end,
            anomalies=windows[end],
        )
        for end in sorted(windows)
    ]


def triggering_events(context: Context) -> list[DriftEvent]:
    """
    Give the events that a run was caused by, the oldest first; none if something else has caused it.

    :param context: the task's context.
    """
    events: Mapping[Any, Iterable[Any]] = context["triggering_asset_events"]
    found = [drift_in(event.extra) for of_asset in events.values() for event in of_asset]
    # Airflow lists an event under its asset, and again under the alias that it came through
    windows = {(event["window_end"], event["monitoring_job"]): event for event in found if event}
    return [windows[key] for key in sorted(windows)]


def drift_in(extra: Mapping[str, Any] | None) -> DriftEvent | None:
    """
    Read an asset event's extra; None if it is not about drift, since a person may make an event, too.

    :param extra: of the event.
    """
    if not extra or not extra.keys() >= DriftEvent.__annotations__.keys():
        return None
    return cast(DriftEvent, dict(extra))


def describe(event: DriftEvent) -> str:
    """Say in a line which features drifted, how far, and when."""
    features = ", ".join(
        f"{one['feature']} {one['distance']:.2f} above {one['threshold']:g} ({one['objective']})"
        for one in event["anomalies"]
    )
    return f"{features} in the window that ended at {event['window_end']}"
