"""What a monitoring job has found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from vertex_mlops.contract.monitoring.job import objectives_of
from vertex_mlops.runs.pipeline_jobs import resource_id

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import (
        ModelDeploymentMonitoringJob,
        ModelDeploymentMonitoringObjectiveType,
        ModelMonitoringStatsAnomalies,
    )

    from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook

# protobuf takes the names of an enum for its members; the enum itself would load all types of Vertex AI
RAW_FEATURES = ("RAW_FEATURE_SKEW", "RAW_FEATURE_DRIFT")


class Anomaly(TypedDict):
    """
    A feature whose distance to its baseline was above its threshold in one window of time.

    :param deployed_model_id: id of the model that was asked.
    :param objective: what was compared: ``RAW_FEATURE_SKEW``, ``RAW_FEATURE_DRIFT``.
    :param feature: name of the feature.
    :param distance: to the baseline, 0 to 1.
    :param threshold: above which it is an anomaly.
    :param start_time: begin of the window, ISO 8601.
    :param end_time: end of the window, ISO 8601.
    """

    deployed_model_id: str
    objective: str
    feature: str
    distance: float
    threshold: float
    start_time: str
    end_time: str


def find_anomalies(
    hook: ModelMonitoringHook,
    job: ModelDeploymentMonitoringJob,
    objectives: Sequence[ModelDeploymentMonitoringObjectiveType | str] = RAW_FEATURES,
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    **options: Any,
) -> list[Anomaly]:
    """
    Search what a job has found of the models that it watches now.

    :param hook: hook of the region.
    :param job: the monitoring job.
    :param objectives: what was compared, or the names of it; skew of the raw features and their drift by
        default.
    :param start_time: only what was found from then on; all by default.
    :param end_time: only what was found until then; all by default.
    :param options: options of each request to the hook: project and region, retry, timeout, metadata.
    :return: the anomalies of the models that the job watches now.
    """
    return [
        anomaly
        for deployed_model_id in objectives_of(job)
        for stats in hook.search_stats_anomalies(
            job_id=resource_id(job.name),
            deployed_model_id=deployed_model_id,
            objectives=objectives,
            start_time=start_time,
            end_time=end_time,
            **options,
        )
        for anomaly in anomalies_in(stats)
    ]


def anomalies_in(stats: ModelMonitoringStatsAnomalies) -> list[Anomaly]:
    """
    Return the anomalies in a response of the service, which contains other statistics, too.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/FeatureStatsAnomaly

    :param stats: statistics of one deployed model and one objective.
    :return: the anomalies.
    """
    objective: Any = stats.objective
    return [
        Anomaly(
            deployed_model_id=stats.deployed_model_id,
            objective=objective.name,
            feature=feature.feature_display_name,
            distance=window.distribution_deviation,
            # the one that was in force then, not the one that is set now
            threshold=window.anomaly_detection_threshold,
            start_time=_text(window.start_time),
            end_time=_text(window.end_time),
        )
        for feature in stats.feature_stats
        for window in feature.prediction_stats
        if window.distribution_deviation > window.anomaly_detection_threshold
    ]


def _text(moment: Any) -> str:
    return str(moment.isoformat())
