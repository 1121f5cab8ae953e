"""The wanted monitoring job, and the mask that leads to it."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob
from vertex_mlops.exceptions import ModelMonitoringJobError
from vertex_mlops.monitoring_config import changed_fields, monitoring_job, objective_config, objectives_of
from vertex_mlops.monitoring_settings import MonitoringSettings

from tests.plugins.contracts import MONITORING, contract


def settings(**changes: Any) -> MonitoringSettings:
    return MonitoringSettings(**MONITORING | changes)


def wanted(
    deployed_model_id: str = "1", examples: str = "gs://b/examples/1", **changes: Any
) -> ModelDeploymentMonitoringJob:
    objective = objective_config(settings(**changes), contract(), examples)
    return monitoring_job(
        display_name="wine-white",
        endpoint="projects/1/locations/r/endpoints/2",
        objectives={deployed_model_id: objective},
        settings=settings(**changes),
        contract=contract(),
    )


def test_each_feature_gets_its_own_threshold_and_the_label_none() -> None:
    objective = objective_config(
        settings(feature_skew_thresholds={"ph": 0.1}), contract(), "gs://b/examples/1"
    )

    skew = objective.training_prediction_skew_detection_config.skew_thresholds
    drift = objective.prediction_drift_detection_config.drift_thresholds
    assert {name: threshold.value for name, threshold in skew.items()} == {"ph": 0.1, "alcohol": 0.3}
    assert {name: threshold.value for name, threshold in drift.items()} == {"ph": 0.2, "alcohol": 0.2}


def test_skew_is_measured_against_the_examples_that_the_model_learned_from() -> None:
    dataset = objective_config(settings(), contract(), "gs://b/examples/1").training_dataset

    assert list(dataset.gcs_source.uris) == ["gs://b/examples/1/Split-train/*"]
    assert (dataset.data_format, dataset.target_field) == ("tf-record", "quality")


def test_a_threshold_for_a_feature_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ModelMonitoringJobError, match="no such feature: pH; the model has alcohol, ph"):
        objective_config(settings(feature_drift_thresholds={"pH": 0.1}), contract(), "gs://b/examples/1")


def test_an_equal_job_needs_no_update() -> None:
    assert changed_fields(wanted(), wanted()) == []


@pytest.mark.parametrize(
    ("change", "mask"),
    [
        ({"deployed_model_id": "2"}, ["model_deployment_monitoring_objective_configs"]),
        ({"examples": "gs://b/examples/2"}, ["model_deployment_monitoring_objective_configs"]),
        ({"drift_threshold": 0.9}, ["model_deployment_monitoring_objective_configs"]),
        ({"sampling_rate": 1.0}, ["logging_sampling_strategy"]),
        ({"interval_hours": 24}, ["model_deployment_monitoring_schedule_config"]),
        ({"log_ttl_days": 1}, ["log_ttl"]),
        ({"emails": ["cellar@example.com"]}, ["model_monitoring_alert_config"]),
        ({"log_ttl_days": 1, "sampling_rate": 1.0}, ["log_ttl", "logging_sampling_strategy"]),
    ],
)
def test_the_mask_names_exactly_what_changed(change: dict[str, Any], mask: list[str]) -> None:
    assert changed_fields(wanted(), wanted(**change)) == mask


def test_what_the_service_fills_in_is_no_change() -> None:
    current = wanted()
    current.name = "projects/1/locations/r/modelDeploymentMonitoringJobs/3"
    current.model_deployment_monitoring_schedule_config.monitor_window = {"seconds": 3600}
    current.labels = {"set": "by-hand"}

    assert changed_fields(current, wanted()) == []


def test_objectives_are_known_by_their_deployed_model() -> None:
    assert list(objectives_of(wanted("7"))) == ["7"]


@pytest.mark.parametrize(
    "bad",
    [
        {"skew_threshold": 0},
        {"drift_threshold": 1.1},
        {"sampling_rate": 0},
        {"interval_hours": 0.5},
        {"emails": ["nobody"]},
        {"feature_skew_thresholds": {"ph": 2}},
        {"unknown": 1},
    ],
)
def test_settings_outside_their_bounds_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        settings(**bad)
