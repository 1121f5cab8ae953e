"""The report about a model: three tiles to read at a glance, and the details below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from markupsafe import Markup

from vertex_mlops.contract.names import CHAMPION_ALIAS, PREVIOUS_ALIAS
from vertex_mlops.page.charts import traffic_bar
from vertex_mlops.page.history import Event, metric_charts, metric_names, metric_title, tell_history
from vertex_mlops.page.readings import Monitoring, Readings, Service, Table, Training, Version
from vertex_mlops.page.sources import AirflowRun, AssetSignal, RetrainedModel
from vertex_mlops.page.watch import Alert, Feature, newest, tell_alerts, tell_features, tell_ignored
from vertex_mlops.runs.pipeline_jobs import run_label

_MOST_VERSIONS = 6
_UNKNOWN = "Unknown"
_SEE_BELOW = "see the error below"
_UNSEEN = "requests to :predict contain serialized examples, whose features monitoring cannot read"
_AGES = (("day", 86_400), ("hour", 3_600), ("minute", 60))


class Tile(NamedTuple):
    """
    One answer to read at a glance.

    :param question: the question that it answers.
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
    :param role: its role, in a word; empty for an old version.
    :param learned_from: time of its training data; None without a label.
    :param event: the run that created it; None if it is not among the newest.
    :param figures: metrics of its evaluation, as text, in the order of the titles.
    """

    version: Version
    role: str
    learned_from: datetime | None
    event: Event | None
    figures: list[str]


class BrokenReport(NamedTuple):
    """
    Shown for a model whose report cannot be built.

    :param model: its location.
    :param problem: why not, in one line.
    """

    model: RetrainedModel
    problem: str


class ModelReport(NamedTuple):
    """
    Everything that the page shows about a model.

    :param model: its location.
    :param name: of the model and of its endpoint.
    :param readings: its sources; their problems are shown.
    :param tiles: three answers.
    :param traffic: chart of the traffic; None if nothing serves.
    :param versions: of the model, newest first.
    :param metric_titles: titles of the metrics.
    :param charts: title and chart of each metric.
    :param features: distances of the newest window.
    :param window_end: end of the newest window; None without one.
    :param alerts: newest first.
    :param ignored: asset events that are not alerts, and why.
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
    Build the report about a model.

    :param model: its location.
    :param readings: what BigQuery and Vertex AI say.
    :param runs: of its DAGs, newest first.
    :param signals: asset events that schedule its DAG.
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
        tiles=[_service_tile(readings), _data_tile(readings, runs), _drift_tile(readings)],
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
    """Return the time of a data version."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def age(then: datetime, now: datetime) -> str:
    """Return in words how long ago a time was."""
    seconds = (now - then).total_seconds()
    for unit, length in _AGES:
        if (count := int(seconds // length)) > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def role_of(version: Version, versions: Sequence[Version]) -> str:
    """
    Return the role of a version.

    :param version: the version.
    :param versions: all versions of the model.
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
    # uploaded after the champion, so it was to replace it
    return "rolled back" if champion and int(version.id) > int(champion.id) else ""


def find_champion(versions: Sequence[Version]) -> Version | None:
    """Return the version with the alias ``champion`` in the registry."""
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
    data = f"trained on data of {_date(first.data_version)}" if first.data_version else ""
    if champion is None or champion not in serving:
        return Tile(
            question, "warn", f"Version {first.id}", f"{first.traffic} % of traffic; not the champion"
        )
    others = ", ".join(f"version {one.id} gets {one.traffic} %" for one in serving if one != champion)
    if others:
        return Tile(question, "warn", f"Version {champion.id} and a challenger", f"rollout: {others}")
    return Tile(question, "ok", f"Version {champion.id}", f"champion, all traffic; {data}")


def _data_tile(readings: Readings, runs: Sequence[AirflowRun]) -> Tile:
    question = "Is it fresh?"
    table: Table | None = readings.table.value
    if table is None or readings.trainings.value is None:
        return Tile(question, "unknown", _UNKNOWN, _SEE_BELOW)
    last = _last_trained(readings.trainings.value, runs)
    changed = f"table changed {age(moment_of(table.modified), readings.moment)}"
    if last is None:
        return Tile(question, "unknown", "Never trained", f"{changed}, {table.rows:,} rows")
    if last == table.modified:
        return Tile(
            question, "ok", "Up to date", f"{changed}; the last training used all {table.rows:,} rows"
        )
    return Tile(question, "warn", "New data available", f"{changed}; last trained on data of {_date(last)}")


def _drift_tile(readings: Readings) -> Tile:
    question = "Is it drifting?"
    monitoring: Monitoring | None = readings.monitoring.value
    if monitoring is None:
        if readings.monitoring.problem or readings.service.problem:
            return Tile(question, "unknown", _UNKNOWN, _SEE_BELOW)
        return Tile(question, "unknown", "Not monitored", "there is no monitoring job yet")
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
    return Tile(question, "ok", "No drift", f"highest distance: {words} of {worst.threshold:g}")


def _last_trained(trainings: Sequence[Training], runs: Sequence[AirflowRun]) -> int | None:
    """Return the data version of the newest training that counts, as the freshness check counts."""
    # it needs a task instance, and this has the same attributes
    left_alone = {run_label(run) for run in runs if run.left_alone}  # type: ignore[arg-type]
    succeeded = (
        training.data_version
        for training in trainings
        if training.state == "SUCCEEDED" and training.data_version and training.run not in left_alone
    )
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
