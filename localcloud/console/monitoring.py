"""Pages of monitoring jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from localcloud.console.pages import Asked, Page, Sources

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1 as v1


class Threshold(NamedTuple):
    """
    From which distance on a feature is anomalous.

    :param feature: its name.
    :param skew: distance between training and serving, or None if it is not watched.
    :param drift: distance between now and before, or None if it is not watched.
    """

    feature: str
    skew: float | None
    drift: float | None


class Watched(NamedTuple):
    """
    A deployed model that a job watches.

    :param id: id of the deployed model.
    :param model: what is deployed under it, or None if it is no longer.
    :param objective: what the job is to look for.
    :param thresholds: by feature.
    """

    id: str
    model: v1.DeployedModel | None
    objective: v1.ModelMonitoringObjectiveConfig
    thresholds: list[Threshold]


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
    watched = [
        Watched(
            config.deployed_model_id,
            deployed.get(config.deployed_model_id),
            config.objective_config,
            _thresholds(config.objective_config),
        )
        for config in found.model_deployment_monitoring_objective_configs
    ]
    return Page("monitoring_job.html", {"job": found, "endpoint": endpoint, "watched": watched})


def _thresholds(objective: v1.ModelMonitoringObjectiveConfig) -> list[Threshold]:
    skew = objective.training_prediction_skew_detection_config.skew_thresholds
    drift = objective.prediction_drift_detection_config.drift_thresholds
    return [
        Threshold(
            feature,
            skew[feature].value if feature in skew else None,
            drift[feature].value if feature in drift else None,
        )
        for feature in sorted({*skew, *drift})
    ]
