"""Drift as one DAG reports it to another: the extra of an asset event."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

    from vertex_mlops.monitoring.anomalies import Anomaly

log = logging.getLogger(__name__)
# of Google and of this machine
_CLOCKS_APART = timedelta(minutes=10)


class DriftEvent(TypedDict):
    """
    One window of a monitoring job in which features were further from their baseline than their threshold.

    :param monitoring_job: resource name of the job.
    :param endpoint: resource name of the endpoint that it watches.
    :param window_start: begin of the window, ISO 8601.
    :param window_end: end of the window, ISO 8601; with the job it tells one event from another.
    :param anomalies: a :class:`~vertex_mlops.monitoring.anomalies.Anomaly` for each feature and objective.
    """

    monitoring_job: str
    endpoint: str
    window_start: str
    window_end: str
    anomalies: list[Anomaly]


def events_of(job: ModelDeploymentMonitoringJob, anomalies: Iterable[Anomaly]) -> list[DriftEvent]:
    """
    Group anomalies by window.

    :param job: the monitoring job that found them.
    :param anomalies: anomalies of its deployed models, for skew and drift.
    :return: one event for each window, the oldest first.
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
    Read the drift events that triggered a run.

    :param context: the task's context.
    :return: the events, the oldest first; empty if something else triggered it.
    """
    events: Mapping[Any, Iterable[Any]] = context["triggering_asset_events"]
    extras = [event.extra for of_asset in events.values() for event in of_asset]
    for problem in dict.fromkeys(filter(None, map(problem_with, extras))):
        log.warning("Ignoring an asset event without valid drift: %s", problem)
    found = map(drift_in, extras)
    # Airflow lists an event under its asset, and again under the alias that it came through
    windows = {(event["window_end"], event["monitoring_job"]): event for event in found if event}
    return [windows[key] for key in sorted(windows)]


def drift_in(extra: Any, now: datetime | None = None) -> DriftEvent | None:
    """
    Read the extra of an asset event, which a person may have created.

    :param extra: extra of the event.
    :param now: current time.
    :return: the drift event; None if the extra is not one.
    """
    return None if problem_with(extra, now) else cast(DriftEvent, dict(extra))


def problem_with(extra: Any, now: datetime | None = None) -> str:
    """
    Check the extra of an asset event.

    Airflow takes any JSON object for it, from whoever may create asset events:
    https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html#operation/create_asset_event

    :param extra: extra of the event.
    :param now: current time.
    :return: why it is not a valid drift event, in one line; empty if it is valid.
    """
    try:
        window = _Window.model_validate(extra)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'extra'}: {first['msg']}"
    # every later window would pass for one that was told already
    if datetime.fromisoformat(window.window_end) > (now or datetime.now(UTC)) + _CLOCKS_APART:
        return f"window_end: {window.window_end} is in the future"
    return ""


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return text


_Moment = Annotated[str, AfterValidator(_moment)]
_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Anomaly(BaseModel):
    """Required fields of an Anomaly from an event."""

    model_config = ConfigDict(strict=True)

    deployed_model_id: str
    objective: str
    feature: str
    distance: _Number
    threshold: _Number
    start_time: _Moment
    end_time: _Moment


class _Window(BaseModel):
    """Required fields of a DriftEvent from an event; Airflow adds keys of its own."""

    model_config = ConfigDict(strict=True)

    monitoring_job: str
    endpoint: str
    window_start: _Moment
    window_end: _Moment
    anomalies: Annotated[list[_Anomaly], Field(min_length=1)]


def describe(event: DriftEvent) -> str:
    """
    Describe which features drifted, how far, and when.

    :return: one line.
    """
    features = ", ".join(
        f"{one['feature']} {one['distance']:.2f} above {one['threshold']:g} ({one['objective']})"
        for one in event["anomalies"]
    )
    return f"{features} in the window that ended at {event['window_end']}"
