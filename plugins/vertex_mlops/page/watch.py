"""Distances between the requests of an endpoint and their baselines, and the alerts about them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from vertex_mlops.monitoring.drift_events import drift_in, problem_with
from vertex_mlops.page.charts import distance_bar
from vertex_mlops.page.readings import Distance, Monitoring
from vertex_mlops.page.sources import AssetSignal, run_path

_MOST_ALERTS = 10


class Measure(NamedTuple):
    """
    One distance of a feature in the newest window.

    :param distance: what was measured.
    :param bar: its chart.
    """

    distance: Distance
    bar: Markup


class Feature(NamedTuple):
    """
    A feature in the newest window of each objective.

    :param name: its name.
    :param skew: distance from the training data; None if it was not measured.
    :param drift: distance from the previous window; None if it was not measured.
    """

    name: str
    skew: Measure | None
    drift: Measure | None


class Alert(NamedTuple):
    """
    One window in which features exceeded their thresholds.

    :param end: end of the window.
    :param text: which features, and how far.
    :param url: of the Airflow run that reported it; of the monitoring job if none has.
    :param told_by: text of the link.
    :param started: name and URL of each run that it started.
    """

    end: datetime
    text: str
    url: str | None
    told_by: str
    started: list[tuple[str, str]]


def newest(monitoring: Monitoring) -> list[Distance]:
    """Return the distances of the newest window of each model and objective."""
    ends: dict[tuple[str, str], datetime] = {}
    for one in monitoring.distances:
        key = (one.deployed_model_id, one.objective)
        ends[key] = max(one.end, ends.get(key, one.end))
    return [one for one in monitoring.distances if ends[one.deployed_model_id, one.objective] == one.end]


def tell_features(distances: Iterable[Distance]) -> list[Feature]:
    """
    Return skew and drift of each feature, the highest distance relative to its threshold first.

    :param distances: distances of the newest window.
    :return: the features, the largest distance first.
    """
    found: dict[str, dict[str, Distance]] = {}
    for one in distances:
        known = found.setdefault(one.feature, {}).get(one.objective)
        # two deployed models during a rollout: the worse one counts
        if known is None or one.distance > known.distance:
            found[one.feature][one.objective] = one
    features = [
        Feature(name, _measure(by_objective.get("skew")), _measure(by_objective.get("drift")))
        for name, by_objective in found.items()
    ]
    return sorted(features, key=_excess, reverse=True)


def tell_alerts(monitoring: Monitoring | None, signals: Iterable[AssetSignal]) -> list[Alert]:
    """
    Combine the windows with anomalies and the events that reported them, newest first.

    :param monitoring: of the models that are monitored now; None without a job.
    :param signals: asset events, also about models that no longer serve.
    """
    alerts: dict[datetime, Alert] = {}
    for signal in signals:
        if event := drift_in(signal.extra):
            end = datetime.fromisoformat(event["window_end"])
            text = ", ".join(
                _words(
                    one["feature"],
                    one["objective"].rpartition("_")[2].lower(),
                    one["distance"],
                    one["threshold"],
                )
                for one in event["anomalies"]
            )
            url = run_path(*signal.source) if signal.source else None
            started = [(run_id, run_path(dag_id, run_id)) for dag_id, run_id in signal.started]
            alerts[end] = Alert(end, text, url, signal.source[0] if signal.source else "", started)
    for end, found in _anomalies(monitoring).items():
        if monitoring and end not in alerts:
            words = [_words(one.feature, one.objective, one.distance, one.threshold) for one in found]
            alerts[end] = Alert(end, ", ".join(words), monitoring.url, "monitoring job", [])
    return sorted(alerts.values(), reverse=True)[:_MOST_ALERTS]


def tell_ignored(signals: Iterable[AssetSignal]) -> list[str]:
    """
    Return the asset events that name no valid window, and why.

    :param signals: asset events.
    :return: one line for each.
    """
    problems = [(signal.moment, problem_with(signal.extra)) for signal in signals]
    return [f"{moment:%b %d, %H:%M}: {problem}" for moment, problem in problems if problem]


def _anomalies(monitoring: Monitoring | None) -> dict[datetime, list[Distance]]:
    found: dict[datetime, list[Distance]] = {}
    for one in monitoring.distances if monitoring else ():
        if one.distance > one.threshold:
            found.setdefault(one.end, []).append(one)
    return found


def _measure(distance: Distance | None) -> Measure | None:
    return Measure(distance, distance_bar(distance.distance, distance.threshold)) if distance else None


def _excess(feature: Feature) -> float:
    measures = [measure.distance for measure in (feature.skew, feature.drift) if measure]
    return max(one.distance / (one.threshold or 1) for one in measures)


def _words(feature: str, objective: str, distance: float, threshold: float) -> str:
    return f"{feature} {objective} {distance:.2f} above {threshold:g}"
