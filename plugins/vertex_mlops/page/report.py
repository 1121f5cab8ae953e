"""What a person reads about a model: three tiles to see at a glance, and the rest below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from markupsafe import Markup

from vertex_mlops.deployed_models import CHAMPION_ALIAS, PREVIOUS_ALIAS
from vertex_mlops.page.charts import traffic_bar
from vertex_mlops.page.history import Event, metric_charts, metric_names, metric_title, tell_history
from vertex_mlops.page.readings import Monitoring, Readings, Service, Table, Training, Version
from vertex_mlops.page.sources import AirflowRun, AssetSignal, RetrainedModel
from vertex_mlops.page.watch import Alert, Feature, newest, tell_alerts, tell_features, tell_ignored

_MOST_VERSIONS = 6
_UNKNOWN = "Unknown"
_SEE_BELOW = "the line below says why"
_UNSEEN = "requests to :predict hold serialized examples, in which monitoring sees no feature"
_AGES = (("day", 86_400), ("hour", 3_600), ("minute", 60))


class Tile(NamedTuple):
    """
    One answer to see at a glance.

    :param question: what it answers.
    :param level: ``ok``, ``warn``, ``bad`` or ``unknown``.
    :param answer: in a few words.
    :param detail: in a line.
    """

    question: str
    level: str
    answer: str
    detail: str


class VersionRow(NamedTuple):
    """
    A version of the model.

    :param version: in the registry.
    :param role: what it is, in a word; empty for one of the past.
    :param learned_from: moment of the data; None if no label says it.
    :param event: the run that made it; None if it is not among the newest.
    :param figures: of its evaluation, as text, in the order of the titles.
    """

    version: Version
    role: str
    learned_from: datetime | None
    event: Event | None
    figures: list[str]


class BrokenReport(NamedTuple):
    """
    What is shown of a model whose report cannot be made.

    :param model: where it lives.
    :param problem: why not, in one line.
    """

    model: RetrainedModel
    problem: str


class ModelReport(NamedTuple):
    """
    Everything that the page shows of a model.

    :param model: where it lives.
    :param name: of the model and of its endpoint.
    :param readings: what it was made from; its problems are shown.
    :param tiles: three answers.
    :param traffic: picture of the traffic; None if nothing serves.
    :param versions: of the model, newest first.
    :param metric_titles: what the figures are called.
    :param charts: title and picture of each figure.
    :param features: distances of the newest window.
    :param window_end: of the newest window; None without one.
    :param alerts: newest first.
    :param ignored: asset events that are no alert, and why.
    :param events: newest first.
    """

    model: RetrainedModel
    name: str
    readings: Readings
    tiles: list[Tile]
    traffic: Markup | None
    versions: list[VersionRow]
    metric_titles: list[str]
    charts: list[tuple[str, Markup]]
    features: list[Feature]
    window_end: datetime | None
    alerts: list[Alert]
    ignored: list[str]
    events: list[Event]


def make_report(
    model: RetrainedModel, readings: Readings, runs: Sequence[AirflowRun], signals: Sequence[AssetSignal]
) -> ModelReport:
    """
    Put together what is shown of a model.

    :param model: where it lives.
    :param readings: what BigQuery and Vertex AI say.
    :param runs: of its DAGs, newest first.
    :param signals: asset events that its DAG is scheduled by.
    """
    service, monitoring = readings.service.value, readings.monitoring.value
    trainings = readings.trainings.value or []
    versions = service.versions if service else []
    events = tell_history(model, runs, trainings, versions)
    names = metric_names(trainings)
    window = newest(monitoring) if monitoring else []
    return ModelReport(
        model=model,
        name=service.name if service else model.dag_id,
        readings=readings,
        tiles=[_service_tile(readings), _data_tile(readings), _drift_tile(readings)],
        traffic=_traffic(versions),
        versions=[_version_row(version, versions, events, names) for version in _shown(versions)],
        metric_titles=[metric_title(name) for name in names],
        charts=metric_charts(events),
        features=tell_features(window),
        window_end=max((one.end for one in window), default=None),
        alerts=tell_alerts(monitoring, signals),
        ignored=tell_ignored(signals),
        events=events,
    )


def moment_of(milliseconds: int) -> datetime:
    """Give the moment of a data version."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def age(then: datetime, now: datetime) -> str:
    """Say how long ago something was."""
    seconds = (now - then).total_seconds()
    for unit, length in _AGES:
        if (count := int(seconds // length)) > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def role_of(version: Version, versions: Sequence[Version]) -> str:
    """
    Say what a version is among all versions.

    :param version: the one.
    :param versions: all.
    """
    champion = find_champion(versions)
    if version == champion:
        return "champion"
    if version.traffic:
        return "challenger"
    if PREVIOUS_ALIAS in version.aliases:
        return "previous"
    if version.deployed_model_id:
        return "deployed"
    # it was uploaded later, so it was meant to take over
    return "taken back" if champion and int(version.id) > int(champion.id) else ""


def find_champion(versions: Sequence[Version]) -> Version | None:
    """Give the version that the registry calls the champion."""
    return next((version for version in versions if CHAMPION_ALIAS in version.aliases), None)


def _service_tile(readings: Readings) -> Tile:
    question = "Which model serves?"
    service: Service | None = readings.service.value
    if service is None:
        return Tile(question, "unknown", _UNKNOWN, _SEE_BELOW)
    serving = [version for version in service.versions if version.traffic]
    champion = find_champion(service.versions)
    if not serving:
        detail = "the endpoint has no traffic" if service.url else "there is no endpoint yet"
        return Tile(question, "bad" if champion else "unknown", "No model serves", detail)
    first = max(serving, key=lambda version: version.traffic)
    data = f"learned from data of {_date(first.data_version)}" if first.data_version else ""
    if champion is None or champion not in serving:
        return Tile(
            question, "warn", f"Version {first.id}", f"{first.traffic} % of traffic; not the champion"
        )
    others = ", ".join(f"version {one.id} takes {one.traffic} %" for one in serving if one != champion)
    if others:
        return Tile(question, "warn", f"Version {champion.id} and a challenger", f"rollout: {others}")
    return Tile(question, "ok", f"Version {champion.id}", f"champion, all traffic; {data}")


def _data_tile(readings: Readings) -> Tile:
    question = "Is it fresh?"
    table: Table | None = readings.table.value
    if table is None or readings.trainings.value is None:
        return Tile(question, "unknown", _UNKNOWN, _SEE_BELOW)
    last = _last_trained(readings.trainings.value)
    changed = f"table changed {age(moment_of(table.modified), readings.moment)}"
    if last is None:
        return Tile(question, "unknown", "Never trained", f"{changed}, {table.rows:,} rows")
    if last == table.modified:
        return Tile(question, "ok", "Up to date", f"{changed}; the last training saw all {table.rows:,} rows")
    return Tile(question, "warn", "New data waits", f"{changed}; last trained on that of {_date(last)}")


def _drift_tile(readings: Readings) -> Tile:
    question = "Is it drifting?"
    monitoring: Monitoring | None = readings.monitoring.value
    if monitoring is None:
        if readings.monitoring.problem or readings.service.problem:
            return Tile(question, "unknown", _UNKNOWN, _SEE_BELOW)
        return Tile(question, "unknown", "Not watched", "there is no monitoring job yet")
    window = newest(monitoring)
    drifting = sorted({one.feature for one in window if one.distance > one.threshold})
    if not (monitoring.features_seen or drifting):
        return Tile(question, "warn", "Cannot tell", _UNSEEN)
    if not window:
        return Tile(question, "unknown", "Not known yet", "no requests to this model have been analysed yet")
    worst = max(window, key=lambda one: one.distance / (one.threshold or 1))
    words = f"{worst.feature}: {worst.objective} {worst.distance:.2f}"
    if drifting:
        return Tile(
            question, "bad", f"Drifting: {', '.join(drifting)}", f"{words}, above {worst.threshold:g}"
        )
    if monitoring.state != "RUNNING":
        return Tile(question, "warn", f"Monitoring is {monitoring.state.lower()}", f"last: {words}")
    return Tile(question, "ok", "No drift", f"farthest is {words} of {worst.threshold:g}")


def _last_trained(trainings: Sequence[Training]) -> int | None:
    succeeded = (training.data_version for training in trainings if training.state == "SUCCEEDED")
    return next(succeeded, None)


def _traffic(versions: Sequence[Version]) -> Markup | None:
    shares = [
        (f"v{version.id}", role_of(version, versions), version.traffic)
        for version in reversed(versions)
        if version.traffic
    ]
    return traffic_bar(shares) if shares else None


def _shown(versions: Sequence[Version]) -> list[Version]:
    return [
        version
        for number, version in enumerate(versions)
        if number < _MOST_VERSIONS or version.deployed_model_id or CHAMPION_ALIAS in version.aliases
    ]


def _version_row(
    version: Version, versions: Sequence[Version], events: Sequence[Event], names: Sequence[str]
) -> VersionRow:
    event = next((one for one in events if one.version == version), None)
    metrics = event.training.metrics if event and event.training else {}
    return VersionRow(
        version=version,
        role=role_of(version, versions),
        learned_from=moment_of(version.data_version) if version.data_version else None,
        event=event,
        figures=[f"{metrics[name]:.3f}" if name in metrics else "" for name in names],
    )


def _date(milliseconds: int) -> str:
    return f"{moment_of(milliseconds):%b %d, %H:%M} UTC"
