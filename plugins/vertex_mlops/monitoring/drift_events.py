"""What one DAG tells another about drift: the extra of an asset event."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob

    from vertex_mlops.monitoring_anomalies import Anomaly

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
    extras = [event.extra for of_asset in events.values() for event in of_asset]
    for problem in dict.fromkeys(filter(None, map(problem_with, extras))):
        log.warning("An asset event that tells of no drift is ignored: %s", problem)
    found = map(drift_in, extras)
    # Airflow lists an event under its asset, and again under the alias that it came through
    windows = {(event["window_end"], event["monitoring_job"]): event for event in found if event}
    return [windows[key] for key in sorted(windows)]


def drift_in(extra: Any, now: datetime | None = None) -> DriftEvent | None:
    """
    Read an asset event's extra; None if it is not about drift, since a person may make an event, too.

    :param extra: of the event.
    :param now: the present.
    """
    return None if problem_with(extra, now) else cast(DriftEvent, dict(extra))


def problem_with(extra: Any, now: datetime | None = None) -> str:
    """
    Say in a line why an asset event's extra tells of no window; empty if it tells of one.

    Airflow takes any JSON object for it, from whoever may create asset events:
    https://airflow.apache.org/docs/apache-airflow/stable/stable-rest-api-ref.html#operation/create_asset_event

    :param extra: of the event.
    :param now: the present.
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
    """What must be in an Anomaly that comes from elsewhere."""

    model_config = ConfigDict(strict=True)

    deployed_model_id: str
    objective: str
    feature: str
    distance: _Number
    threshold: _Number
    start_time: _Moment
    end_time: _Moment


class _Window(BaseModel):
    """What must be in a DriftEvent that comes from elsewhere; Airflow adds keys of its own."""

    model_config = ConfigDict(strict=True)

    monitoring_job: str
    endpoint: str
    window_start: _Moment
    window_end: _Moment
    anomalies: Annotated[list[_Anomaly], Field(min_length=1)]


def describe(event: DriftEvent) -> str:
    """Say in a line which features drifted, how far, and when."""
    features = ", ".join(
        f"{one['feature']} {one['distance']:.2f} above {one['threshold']:g} ({one['objective']})"
        for one in event["anomalies"]
    )
    return f"{features} in the window that ended at {event['window_end']}"
