"""Pages of monitoring jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from localcloud.console.pages import Asked, Page, Sources

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1 as v1

# as many as fit on a screen
_SHOWN_WINDOWS = 12


class Threshold(NamedTuple):
    """
    The distances above which a feature is anomalous.

    :param feature: its name.
    :param skew: distance between training and serving, or None if it is not watched.
    :param drift: distance between now and before, or None if it is not watched.
    """

    feature: str
    skew: float | None
    drift: float | None


class Distance(NamedTuple):
    """
    How far a feature was from its baseline in a window.

    :param value: the distance, 0 to 1.
    :param threshold: of that window; a larger distance is an anomaly.
    """

    value: float
    threshold: float

    @property
    def is_anomaly(self) -> bool:
        """Return whether it is above its threshold."""
        return self.value > self.threshold


class Windows(NamedTuple):
    """
    What was measured of a deployed model for one objective, window by window.

    :param objective: ``Skew`` or ``Drift``.
    :param ends: when each window ended, the newest first.
    :param features: by feature, the distance in each window, or None where it was not measured.
    :param thresholds: by feature, the threshold of the newest window.
    """

    objective: str
    ends: list[datetime]
    features: dict[str, list[Distance | None]]
    thresholds: dict[str, float]


class Watched(NamedTuple):
    """
    A deployed model that a job watches.

    :param id: id of the deployed model.
    :param model: what is deployed under it, or None if it is no longer.
    :param objective: what the job looks for.
    :param thresholds: by feature.
    :param windows: what was measured, by objective.
    """

    id: str
    model: v1.DeployedModel | None
    objective: v1.ModelMonitoringObjectiveConfig
    thresholds: list[Threshold]
    windows: list[Windows]


def jobs(sources: Sources, asked: Asked) -> Page:
    """List the monitoring jobs."""
    return Page("monitoring_jobs.html", {"monitoring_jobs": sources.vertex.monitoring_jobs()})


def job(sources: Sources, asked: Asked) -> Page:
    """
    Show what a monitoring job watches.

    :raises ApiError: 404 when there is no such job.
    """
    found = sources.vertex.monitoring_job(asked["region"], asked["id"])
    _, _, _, region, _, endpoint_id = found.endpoint.split("/")
    endpoint = sources.vertex.endpoint(region, endpoint_id)
    deployed = {model.id: model for model in endpoint.deployed_models}
    records = sources.vertex.monitoring_records(found)
    watched = [
        Watched(
            config.deployed_model_id,
            deployed.get(config.deployed_model_id),
            config.objective_config,
            _thresholds(config.objective_config),
            _windows([record for record in records if record.deployed_model_id == config.deployed_model_id]),
        )
        for config in found.model_deployment_monitoring_objective_configs
    ]
    return Page("monitoring_job.html", {"job": found, "endpoint": endpoint, "watched": watched})


def _thresholds(objective: v1.ModelMonitoringObjectiveConfig) -> list[Threshold]:
    skew_config = objective.training_prediction_skew_detection_config
    drift_config = objective.prediction_drift_detection_config
    skew, drift = skew_config.skew_thresholds, drift_config.drift_thresholds
    others = Threshold(
        "every other",
        skew_config.default_skew_threshold.value if "default_skew_threshold" in skew_config else None,
        drift_config.default_drift_threshold.value if "default_drift_threshold" in drift_config else None,
    )
    named = [
        Threshold(
            feature,
            skew[feature].value if feature in skew else None,
            drift[feature].value if feature in drift else None,
        )
        for feature in sorted({*skew, *drift})
    ]
    return [*named, others] if (others.skew, others.drift) != (None, None) else named


def _windows(records: list[v1.ModelMonitoringStatsAnomalies]) -> list[Windows]:
    """Sort what was measured into tables: a row per feature, a column per window."""
    measured: dict[str, dict[datetime, dict[str, Distance]]] = {}
    for record in records:
        objective: Any = record.objective
        name = objective.name.removeprefix("RAW_FEATURE_").capitalize()
        for feature in record.feature_stats:
            window = feature.prediction_stats[0]
            end: Any = window.end_time
            distance = Distance(window.distribution_deviation, window.anomaly_detection_threshold)
            columns = measured.setdefault(name, {}).setdefault(end, {})
            columns[feature.feature_display_name] = distance
    return [_table(name, columns) for name, columns in sorted(measured.items(), reverse=True)]


def _table(objective: str, columns: dict[datetime, dict[str, Distance]]) -> Windows:
    ends = sorted(columns, reverse=True)[:_SHOWN_WINDOWS]
    names = sorted({name for end in ends for name in columns[end]})
    features = {name: [columns[end].get(name) for end in ends] for name in names}
    thresholds = {
        name: next(distance.threshold for distance in distances if distance)
        for name, distances in features.items()
    }
    return Windows(objective, ends, features, thresholds)
