"""What a monitoring job has found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import ModelMonitoringStatsAnomalies


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


def anomalies_in(stats: ModelMonitoringStatsAnomalies) -> list[Anomaly]:
    """
    Pick the anomalies out of what the service answers, which also holds what is no anomaly.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/FeatureStatsAnomaly

    :param stats: statistics of one deployed model and one objective.
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
