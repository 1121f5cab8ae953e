"""What counts as an anomaly in an answer of the service, built as its documents say."""

from __future__ import annotations

from google.cloud.aiplatform_v1.types import ModelMonitoringStatsAnomalies
from vertex_mlops.monitoring.anomalies import anomalies_in

WINDOW = {
    "start_time": {"seconds": 1767312000},
    "end_time": {"seconds": 1767315600},
    "anomaly_detection_threshold": 0.25,
}


def test_only_windows_above_their_threshold_of_then_are_anomalies() -> None:
    stats = ModelMonitoringStatsAnomalies(
        {
            "objective": "RAW_FEATURE_SKEW",
            "deployed_model_id": "1",
            "anomaly_count": 1,
            "feature_stats": [
                {
                    "feature_display_name": "alcohol",
                    # set since
                    "threshold": {"value": 0.9},
                    "prediction_stats": [
                        WINDOW | {"distribution_deviation": 0.25},
                        WINDOW | {"distribution_deviation": 0.5},
                    ],
                },
                {
                    "feature_display_name": "ph",
                    "prediction_stats": [WINDOW | {"distribution_deviation": 0.0}],
                },
            ],
        }
    )

    assert anomalies_in(stats) == [
        {
            "deployed_model_id": "1",
            "objective": "RAW_FEATURE_SKEW",
            "feature": "alcohol",
            "distance": 0.5,
            "threshold": 0.25,
            "start_time": "2026-01-02T00:00:00+00:00",
            "end_time": "2026-01-02T01:00:00+00:00",
        }
    ]


def test_an_answer_without_statistics_holds_no_anomaly() -> None:
    assert anomalies_in(ModelMonitoringStatsAnomalies(objective="RAW_FEATURE_DRIFT")) == []
