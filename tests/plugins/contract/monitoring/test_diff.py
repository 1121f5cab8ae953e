"""What an update must change, what it cannot change, and that one update is enough."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob
from hypothesis import given
from hypothesis import strategies as st
from vertex_mlops.contract.monitoring.diff import diff, keep_recipients, updated_job
from vertex_mlops.contract.monitoring.job import monitoring_job, objective_config
from vertex_mlops.contract.monitoring.settings import MonitoringSettings

from localcloud.vertex.resources import masks
from tests.plugins.contract.contracts import MONITORING, contract

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
updatable: dict[str, st.SearchStrategy[Any]] = {
    "skew_threshold": shares,
    "drift_threshold": shares,
    "feature_skew_thresholds": st.dictionaries(st.sampled_from(["ph", "alcohol"]), shares),
    "feature_drift_thresholds": st.dictionaries(st.sampled_from(["ph", "alcohol"]), shares),
    "sampling_rate": shares,
    "interval_hours": st.integers(1, 100),
    "log_ttl_days": st.integers(1, 1000),
    "emails": st.lists(words.map(lambda word: f"{word}@example.com"), unique=True, max_size=3),
    "notification_channels": st.lists(
        words.map(lambda word: f"projects/wine/notificationChannels/{word}"), unique=True, max_size=3
    ),
    "log_anomalies": st.booleans(),
    "log_pipelines": st.booleans(),
}
immutable: dict[str, st.SearchStrategy[Any]] = {
    "predict_schema": st.none() | words.map(lambda word: f"gs://bucket/{word}.yaml"),
    "analysis_schema": st.none() | words.map(lambda word: f"gs://bucket/{word}.yaml"),
    "stats_directory": st.none() | st.builds("gs://bucket/{}{}".format, words, st.sampled_from(["", "/"])),
    "encryption_key": st.none()
    | words.map(lambda word: f"projects/w/locations/r/keyRings/k/cryptoKeys/{word}"),
}
settings = st.builds(MonitoringSettings, **updatable)
any_settings = st.builds(MonitoringSettings, **updatable, **immutable)


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
            id_: objective_config(
                settings, features=contract().features, label=contract().label, training_data=data
            )
            for id_, data in (examples or {"1": "gs://bucket/examples/1/*"}).items()
        },
        settings=settings,
        sample_instance=contract().sample_instance,
        labels=labels,
    )


def jobs(settings: st.SearchStrategy[MonitoringSettings]) -> st.SearchStrategy[ModelDeploymentMonitoringJob]:
    return st.builds(
        job,
        settings,
        display_name=words,
        examples=st.dictionaries(
            st.sampled_from("1234"),
            st.builds("{}://{}".format, st.sampled_from(["gs", "bq"]), words),
            min_size=1,
            max_size=3,
        ),
        labels=st.dictionaries(words, words, max_size=3),
    )


def served(asked: ModelDeploymentMonitoringJob, tells_sample: bool = True) -> ModelDeploymentMonitoringJob:
    """Return what the service answers about a job that it created: it adds fields, and may leave some out."""
    answer = ModelDeploymentMonitoringJob(asked)
    answer.name = "projects/1/locations/r/modelDeploymentMonitoringJobs/3"
    answer.model_deployment_monitoring_schedule_config.monitor_window = {"seconds": 3600}
    for config in answer.model_deployment_monitoring_objective_configs:
        config.objective_config.explanation_config = {"enable_feature_attributes": False}
    for field in ("predict_instance_schema_uri", "analysis_instance_schema_uri"):
        if not getattr(answer, field):
            setattr(answer, field, "gs://google/made-from-the-sample.yaml")
    folder = asked.stats_anomalies_base_directory.output_uri_prefix or "gs://google/stats"
    answer.stats_anomalies_base_directory = {"output_uri_prefix": folder.rstrip("/") + "/"}
    if not tells_sample:
        del answer.sample_predict_instance
    return answer


def content(job: ModelDeploymentMonitoringJob) -> dict[str, Any]:
    """Return what an update can change, so that equal means equal to whoever reads or gets alerts."""
    alert = job.model_monitoring_alert_config
    objectives = {}
    for config in job.model_deployment_monitoring_objective_configs:
        objective = config.objective_config
        skew = objective.training_prediction_skew_detection_config.skew_thresholds
        drift = objective.prediction_drift_detection_config.drift_thresholds
        objectives[config.deployed_model_id] = (
            list(objective.training_dataset.gcs_source.uris),
            objective.training_dataset.bigquery_source.input_uri,
            {feature: threshold.value for feature, threshold in skew.items()},
            {feature: threshold.value for feature, threshold in drift.items()},
        )
    return {
        "display_name": job.display_name,
        "enable_monitoring_pipeline_logs": job.enable_monitoring_pipeline_logs,
        "log_ttl": job.log_ttl,
        "logging_sampling_strategy": job.logging_sampling_strategy.random_sample_config.sample_rate,
        "model_deployment_monitoring_schedule_config": (
            job.model_deployment_monitoring_schedule_config.monitor_interval
        ),
        "model_monitoring_alert_config": (
            bool(alert.enable_logging),
            set(alert.email_alert_config.user_emails),
            set(alert.notification_channels),
        ),
        OBJECTIVES: objectives,
    }


def fixed(job: ModelDeploymentMonitoringJob) -> dict[str, str]:
    """Return what no update can change, apart from the sample instance."""
    return {
        "analysis_instance_schema_uri": job.analysis_instance_schema_uri,
        "encryption_spec": job.encryption_spec.kms_key_name,
        "predict_instance_schema_uri": job.predict_instance_schema_uri,
        "stats_anomalies_base_directory": job.stats_anomalies_base_directory.output_uri_prefix.rstrip("/"),
    }


@given(made=jobs(settings), wanted=jobs(settings), tells_sample=st.booleans())
def test_one_update_reaches_the_wanted_state_and_a_second_look_finds_nothing_to_do(
    made: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob, tells_sample: bool
) -> None:
    current = served(made, tells_sample)
    kept, name = dict(current.labels), current.name

    difference = diff(current, wanted)
    assert not difference.immutable
    if difference:
        # what localcloud does with a mask, which refuses any other field
        masks.apply(current, updated_job(current, wanted), difference.update_mask, UPDATABLE)

    assert not diff(current, wanted)
    assert content(current) == content(wanted)
    assert dict(current.labels) == kept | dict(wanted.labels)
    assert current.name == name


@given(made=jobs(any_settings), wanted=jobs(any_settings), tells_sample=st.booleans())
def test_a_new_job_is_needed_for_exactly_what_no_update_can_change_and_is_then_as_it_should_be(
    made: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob, tells_sample: bool
) -> None:
    current = served(made, tells_sample)
    asked, there = fixed(wanted), fixed(current)

    difference = diff(current, wanted)

    # the jobs of both have the same features, so that their samples never differ
    assert set(difference.immutable) == {name for name in asked if asked[name] not in ("", there[name])}
    assert not diff(served(wanted, tells_sample), wanted)


@given(made=jobs(settings), wanted=jobs(settings))
def test_the_mask_names_exactly_the_fields_that_are_not_equal(
    made: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob
) -> None:
    current = served(made)
    before, after = content(current), content(wanted)

    mask = set(diff(current, wanted).update_mask)

    assert mask - {"labels"} == {name for name in after if before[name] != after[name]}
    assert ("labels" in mask) == (not dict(wanted.labels).items() <= dict(current.labels).items())


def test_an_equal_job_needs_no_update() -> None:
    assert not diff(job(), job())


@pytest.mark.parametrize(
    ("change", "mask"),
    [
        ({"examples": {"2": "gs://bucket/examples/1"}}, [OBJECTIVES]),
        ({"examples": {"1": "gs://bucket/examples/2"}}, [OBJECTIVES]),
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


@pytest.mark.parametrize("tells_sample", [True, False])
def test_what_the_service_fills_in_or_does_not_tell_is_no_difference(tells_sample: bool) -> None:
    current = served(job(), tells_sample)
    current.labels = {"set": "by-hand"}

    assert not diff(current, job())


def test_a_job_that_tells_neither_sample_nor_schema_may_have_been_told_the_format() -> None:
    current = job()
    del current.sample_predict_instance

    assert not diff(current, job())


def test_a_folder_is_the_same_with_a_slash_at_its_end() -> None:
    assert not diff(job(stats_directory="gs://bucket/stats/"), job(stats_directory="gs://bucket/stats"))


def test_the_order_of_addresses_and_channels_means_nothing() -> None:
    emails = ["a@example.com", "b@example.com"]

    assert not diff(job(emails=emails), job(emails=emails[::-1]))


def test_who_gets_the_alerts_goes_on_getting_them_behind_those_of_the_settings() -> None:
    channel = "projects/w/notificationChannels/7"
    current = job(emails=["guest@example.com", "cellar@example.com"], notification_channels=[channel])
    wanted = job(emails=["cellar@example.com", "new@example.com"])

    kept = keep_recipients(current, wanted)

    alert = wanted.model_monitoring_alert_config
    assert kept == ["guest@example.com", channel]
    assert list(alert.email_alert_config.user_emails) == [
        "cellar@example.com",
        "new@example.com",
        "guest@example.com",
    ]
    assert list(alert.notification_channels) == [channel]
    assert keep_recipients(wanted, wanted) == []


def test_without_recipients_no_alert_config_comes_into_being() -> None:
    wanted = job(emails=[], log_anomalies=False)

    assert keep_recipients(job(emails=[]), wanted) == []
    assert not wanted.model_monitoring_alert_config


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
    current = job(predict_schema="gs://bucket/predict.yaml")

    assert not diff(current, job())


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ({"predict_schema": "gs://bucket/predict.yaml"}, "predict_instance_schema_uri"),
        ({"analysis_schema": "gs://bucket/analysis.yaml"}, "analysis_instance_schema_uri"),
        ({"stats_directory": "gs://bucket/stats"}, "stats_anomalies_base_directory"),
        (
            {"encryption_key": "projects/w/locations/r/keyRings/k/cryptoKeys/k"},
            "encryption_spec",
        ),
    ],
)
def test_what_no_update_can_change_is_named(setting: dict[str, Any], field: str) -> None:
    assert diff(job(), job(**setting)).immutable == (field,)
    assert not diff(job(**setting), job(**setting))
