"""What an update must change, what it cannot change, and that one update is enough."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob
from hypothesis import given
from hypothesis import strategies as st
from vertex_mlops.monitoring_config import monitoring_job, objective_config
from vertex_mlops.monitoring_diff import diff, updated_job
from vertex_mlops.monitoring_settings import MonitoringSettings

from localcloud.vertex import masks
from tests.plugins.contracts import MONITORING, contract

OBJECTIVES = "model_deployment_monitoring_objective_configs"
# https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/patch
UPDATABLE = (
    "display_name",
    "enable_monitoring_pipeline_logs",
    "labels",
    "log_ttl",
    "logging_sampling_strategy",
    "model_deployment_monitoring_schedule_config",
    "model_monitoring_alert_config",
    OBJECTIVES,
)

shares = st.floats(min_value=0.001, max_value=1)
words = st.text("abcdefghij", min_size=1, max_size=8)
settings = st.builds(
    MonitoringSettings,
    skew_threshold=shares,
    drift_threshold=shares,
    feature_skew_thresholds=st.dictionaries(st.sampled_from(["ph", "alcohol"]), shares),
    feature_drift_thresholds=st.dictionaries(st.sampled_from(["ph", "alcohol"]), shares),
    sampling_rate=shares,
    interval_hours=st.integers(1, 100),
    log_ttl_days=st.integers(1, 1000),
    emails=st.lists(words.map(lambda word: f"{word}@example.com"), unique=True, max_size=3),
    notification_channels=st.lists(
        words.map(lambda word: f"projects/wine/notificationChannels/{word}"), unique=True, max_size=3
    ),
    log_anomalies=st.booleans(),
    log_pipelines=st.booleans(),
)


def job(
    settings: MonitoringSettings | None = None,
    *,
    display_name: str = "wine-white",
    examples: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    **changes: Any,
) -> ModelDeploymentMonitoringJob:
    settings = settings or MonitoringSettings(**MONITORING | changes)
    return monitoring_job(
        display_name=display_name,
        endpoint="projects/1/locations/r/endpoints/2",
        objectives={
            id_: objective_config(settings, contract(), folder)
            for id_, folder in (examples or {"1": "gs://b/examples/1"}).items()
        },
        settings=settings,
        contract=contract(),
        labels=labels,
    )


jobs = st.builds(
    job,
    settings,
    display_name=words,
    examples=st.dictionaries(
        st.sampled_from("1234"), words.map(lambda word: f"gs://b/{word}"), min_size=1, max_size=3
    ),
    labels=st.dictionaries(words, words, max_size=3),
)


@given(current=jobs, wanted=jobs)
def test_one_update_reaches_the_wanted_state_and_a_second_look_finds_nothing_to_do(
    current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob
) -> None:
    current.name = "projects/1/locations/r/modelDeploymentMonitoringJobs/3"
    kept = dict(current.labels)

    difference = diff(current, wanted)
    assert not difference.immutable
    if difference:
        # what localcloud does with a mask, which refuses any other field
        masks.apply(current, updated_job(current, wanted), difference.update_mask, UPDATABLE)

    assert not diff(current, wanted)
    for name in set(UPDATABLE) - {"labels", "model_monitoring_alert_config"}:
        assert getattr(current, name) == getattr(wanted, name)
    assert dict(current.labels) == kept | dict(wanted.labels)
    assert current.name.endswith("/3")


@given(current=jobs, wanted=jobs)
def test_the_mask_names_no_field_that_is_equal(
    current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob
) -> None:
    for name in diff(current, wanted).update_mask:
        assert getattr(current, name) != getattr(wanted, name)


def test_an_equal_job_needs_no_update() -> None:
    assert not diff(job(), job())


@pytest.mark.parametrize(
    ("change", "mask"),
    [
        ({"examples": {"2": "gs://b/examples/1"}}, [OBJECTIVES]),
        ({"examples": {"1": "gs://b/examples/2"}}, [OBJECTIVES]),
        ({"drift_threshold": 0.9}, [OBJECTIVES]),
        ({"feature_skew_thresholds": {"ph": 0.1}}, [OBJECTIVES]),
        ({"display_name": "wine-red"}, ["display_name"]),
        ({"sampling_rate": 1.0}, ["logging_sampling_strategy"]),
        ({"interval_hours": 24}, ["model_deployment_monitoring_schedule_config"]),
        ({"log_ttl_days": 1}, ["log_ttl"]),
        ({"emails": ["cellar@example.com"]}, ["model_monitoring_alert_config"]),
        (
            {"notification_channels": ["projects/w/notificationChannels/7"]},
            ["model_monitoring_alert_config"],
        ),
        ({"log_anomalies": False}, ["model_monitoring_alert_config"]),
        ({"log_pipelines": True}, ["enable_monitoring_pipeline_logs"]),
        ({"labels": {"wine": "white"}}, ["labels"]),
        ({"log_ttl_days": 1, "sampling_rate": 1.0}, ["log_ttl", "logging_sampling_strategy"]),
    ],
)
def test_the_mask_names_exactly_what_changed(change: dict[str, Any], mask: list[str]) -> None:
    difference = diff(job(), job(**change))

    assert list(difference.update_mask) == mask
    assert not difference.immutable


def test_what_the_service_fills_in_is_no_difference() -> None:
    current = job()
    current.name = "projects/1/locations/r/modelDeploymentMonitoringJobs/3"
    current.model_deployment_monitoring_schedule_config.monitor_window = {"seconds": 3600}
    current.predict_instance_schema_uri = "gs://google/made-from-the-sample.yaml"
    current.analysis_instance_schema_uri = "gs://google/made-from-the-sample.yaml"
    current.stats_anomalies_base_directory = {"output_uri_prefix": "gs://google/stats"}
    current.labels = {"set": "by-hand"}

    assert not diff(current, job())


def test_the_order_of_addresses_and_channels_means_nothing() -> None:
    emails = ["a@example.com", "b@example.com"]

    assert not diff(job(emails=emails), job(emails=emails[::-1]))


def test_another_sample_of_the_same_format_is_no_difference() -> None:
    current = job()
    current.sample_predict_instance = {"alcohol": [9.5], "ph": [3.0]}

    assert not diff(current, job())


@pytest.mark.parametrize(
    "sample", [{"ph": [3.0]}, {"ph": 3.0, "alcohol": 9.5}, {"examples": {"b64": "aGVsbG8="}}]
)
def test_a_sample_of_another_format_cannot_be_updated(sample: dict[str, Any]) -> None:
    current = job()
    current.sample_predict_instance = sample

    difference = diff(current, job())

    assert difference.immutable == ("sample_predict_instance",)
    assert not difference.update_mask


def test_a_job_that_has_a_schema_instead_of_a_sample_knows_the_format() -> None:
    current = job(predict_schema="gs://b/predict.yaml")

    assert not diff(current, job())


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ({"predict_schema": "gs://b/predict.yaml"}, "predict_instance_schema_uri"),
        ({"analysis_schema": "gs://b/analysis.yaml"}, "analysis_instance_schema_uri"),
        ({"stats_directory": "gs://b/stats"}, "stats_anomalies_base_directory"),
        (
            {"encryption_key": "projects/w/locations/r/keyRings/k/cryptoKeys/k"},
            "encryption_spec",
        ),
    ],
)
def test_what_no_update_can_change_is_named(setting: dict[str, Any], field: str) -> None:
    assert diff(job(), job(**setting)).immutable == (field,)
    assert not diff(job(**setting), job(**setting))
