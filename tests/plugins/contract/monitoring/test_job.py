"""The wanted monitoring job."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob
from vertex_mlops.contract.monitoring.job import monitoring_job, objectives_of
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.exceptions import ModelMonitoringJobError
from vertex_mlops.monitoring.objective import objective_config

from tests.plugins.contract.contracts import MONITORING, contract


def settings(**changes: Any) -> MonitoringSettings:
    return MonitoringSettings(**MONITORING | changes)


def wanted(
    deployed_model_id: str = "1", examples: str = "gs://bucket/examples/1", **changes: Any
) -> ModelDeploymentMonitoringJob:
    objective = objective_config(settings(**changes), contract(), examples)
    return monitoring_job(
        display_name="wine-white",
        endpoint="projects/1/locations/r/endpoints/2",
        objectives={deployed_model_id: objective},
        settings=settings(**changes),
        sample_instance=contract().sample_instance,
    )


def test_each_feature_gets_its_own_threshold_and_the_label_none() -> None:
    objective = objective_config(
        settings(feature_skew_thresholds={"ph": 0.1}), contract(), "gs://bucket/examples/1"
    )

    skew = objective.training_prediction_skew_detection_config.skew_thresholds
    drift = objective.prediction_drift_detection_config.drift_thresholds
    assert {name: threshold.value for name, threshold in skew.items()} == {"ph": 0.1, "alcohol": 0.3}
    assert {name: threshold.value for name, threshold in drift.items()} == {"ph": 0.2, "alcohol": 0.2}


def test_skew_is_measured_against_the_examples_that_the_model_learned_from() -> None:
    dataset = objective_config(settings(), contract(), "gs://bucket/examples/1").training_dataset

    assert list(dataset.gcs_source.uris) == ["gs://bucket/examples/1/Split-train/*"]
    assert (dataset.data_format, dataset.target_field) == ("tf-record", "quality")


def test_a_threshold_for_a_feature_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ModelMonitoringJobError, match="no such feature: pH; the model has alcohol, ph"):
        objective_config(settings(feature_drift_thresholds={"pH": 0.1}), contract(), "gs://bucket/examples/1")


@pytest.mark.parametrize("missing", [None, "", "None"])
def test_a_model_without_training_examples_is_refused_by_name(missing: str | None) -> None:
    with pytest.raises(
        ModelMonitoringJobError, match=f"training_examples is not a gs:// folder: {missing!r}"
    ):
        objective_config(settings(), contract(), missing)


def test_alerts_go_to_addresses_channels_and_the_log() -> None:
    channel = "projects/wine/notificationChannels/7"
    alert = wanted(
        emails=["cellar@example.com"], notification_channels=[channel]
    ).model_monitoring_alert_config

    assert list(alert.email_alert_config.user_emails) == ["cellar@example.com"]
    assert list(alert.notification_channels) == [channel]
    assert alert.enable_logging is True


def test_a_job_whose_alerts_go_nowhere_has_no_alert_config() -> None:
    assert "model_monitoring_alert_config" not in wanted(log_anomalies=False)


def test_days_and_hours_arrive_as_durations() -> None:
    job = wanted(log_ttl_days=3650, interval_hours=8760)

    assert job.log_ttl.total_seconds() == 3650 * 86400
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 8760 * 3600


def test_a_schema_takes_the_place_of_the_sample_instance() -> None:
    job = wanted(predict_schema="gs://bucket/predict.yaml", analysis_schema="gs://bucket/analysis.yaml")

    assert job.predict_instance_schema_uri == "gs://bucket/predict.yaml"
    assert job.analysis_instance_schema_uri == "gs://bucket/analysis.yaml"
    assert "sample_predict_instance" not in job


def test_folder_and_key_are_set_where_asked_for() -> None:
    key = "projects/wine/locations/europe-west1/keyRings/r/cryptoKeys/k"
    job = wanted(stats_directory="gs://bucket/stats", encryption_key=key)

    assert job.stats_anomalies_base_directory.output_uri_prefix == "gs://bucket/stats"
    assert job.encryption_spec.kms_key_name == key


def test_objectives_are_known_by_their_deployed_model() -> None:
    assert list(objectives_of(wanted("7"))) == ["7"]


@pytest.mark.parametrize(
    "bad",
    [
        {"skew_threshold": 0},
        {"skew_threshold": True},
        {"skew_threshold": "0.3"},
        {"drift_threshold": float("nan")},
        {"drift_threshold": 1.1},
        {"sampling_rate": 0},
        {"interval_hours": 0.5},
        {"interval_hours": 8761},
        {"log_ttl_days": 0},
        {"log_ttl_days": 10**12},
        {"emails": ["nobody"]},
        {"notification_channels": ["7"]},
        {"stats_directory": "/tmp/stats"},
        {"encryption_key": "k"},
        {"feature_skew_thresholds": {"ph": 2}},
        {"unknown": 1},
    ],
)
def test_settings_outside_their_bounds_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        settings(**bad)


def test_every_setting_has_a_sensible_default() -> None:
    defaults = MonitoringSettings()

    assert (defaults.skew_threshold, defaults.drift_threshold, defaults.sampling_rate) == (0.3, 0.3, 0.8)
    assert (defaults.interval_hours, defaults.log_ttl_days, defaults.log_anomalies) == (1, 30, True)
