"""An endpoint's one monitoring job follows what the endpoint serves."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from google.cloud import aiplatform_v1
from vertex_mlops.exceptions import (
    ModelMonitoringJobError,
    ModelMonitoringJobImmutableError,
)
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator

from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.monitoring.monitoring_jobs import run
from tests.plugins.operators.monitoring.monitorings import monitor, monitoring
from tests.plugins.operators.served_models import Endpoint
from tests.plugins.runs.pipelines import compiled, submit


def test_the_first_model_gets_a_monitoring_job_with_everything_that_was_asked_for(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")

    result = monitor(place, endpoint, pipeline_job, deployed, feature_skew_thresholds={"ph": 0.1})

    assert result["created"] is True
    assert result["state"] == "JOB_STATE_RUNNING"
    assert result["deployed_model_ids"] == [deployed]
    assert result["name"] == endpoint.read().model_deployment_monitoring_job
    job = client.get_model_deployment_monitoring_job(name=result["name"])
    (config,) = job.model_deployment_monitoring_objective_configs
    objective = config.objective_config
    skew = objective.training_prediction_skew_detection_config.skew_thresholds
    assert {name: threshold.value for name, threshold in skew.items()} == {"ph": 0.1, "alcohol": 0.3}
    assert list(objective.training_dataset.gcs_source.uris) == ["gs://plugins/examples/1/Split-train/*"]
    assert job.logging_sampling_strategy.random_sample_config.sample_rate == 0.8
    assert job.log_ttl.total_seconds() == 30 * 86400
    assert list(job.model_monitoring_alert_config.email_alert_config.user_emails) == ["cellar@example.com"]


def test_the_next_model_updates_the_same_job(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    first = monitor(place, endpoint, pipeline_job, endpoint.deploy("sound"))
    deployed = endpoint.deploy("other")

    second = monitor(place, endpoint, pipeline_job, deployed, examples="gs://plugins/examples/2")

    assert (second["name"], second["state"]) == (first["name"], "JOB_STATE_RUNNING")
    assert second["deployed_model_ids"] == [deployed]
    assert second["updated"] == ["model_deployment_monitoring_objective_configs"]
    assert (second["created"], second["operation"].startswith(first["name"])) == (False, True)
    (config,) = client.get_model_deployment_monitoring_job(
        name=first["name"]
    ).model_deployment_monitoring_objective_configs
    uris = config.objective_config.training_dataset.gcs_source.uris
    assert list(uris) == ["gs://plugins/examples/2/Split-train/*"]


def test_a_model_that_shares_the_traffic_keeps_its_own_training_data(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    champion = endpoint.deploy("sound")
    first = monitor(place, endpoint, pipeline_job, champion)
    challenger = endpoint.deploy("other", traffic=10)

    monitor(place, endpoint, pipeline_job, challenger, examples="gs://plugins/examples/2")

    job = client.get_model_deployment_monitoring_job(name=first["name"])
    assert {
        config.deployed_model_id: config.objective_config.training_dataset.gcs_source.uris[0]
        for config in job.model_deployment_monitoring_objective_configs
    } == {
        champion: "gs://plugins/examples/1/Split-train/*",
        challenger: "gs://plugins/examples/2/Split-train/*",
    }


def test_a_second_run_with_nothing_new_leaves_the_job_alone(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    first = monitor(place, endpoint, pipeline_job, deployed)
    before = client.get_model_deployment_monitoring_job(name=first["name"]).update_time

    second = monitor(place, endpoint, pipeline_job, deployed)

    assert client.get_model_deployment_monitoring_job(name=first["name"]).update_time == before
    assert (second["updated"], second["operation"]) == ([], "")


def test_a_changed_setting_reaches_the_job(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    monitor(place, endpoint, pipeline_job, deployed)

    result = monitor(place, endpoint, pipeline_job, deployed, interval_hours=24, log_anomalies=False)

    job = client.get_model_deployment_monitoring_job(name=result["name"])
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 24 * 3600
    assert not job.model_monitoring_alert_config.enable_logging


def test_a_threshold_for_an_unknown_feature_fails_before_anything_is_made(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")

    with pytest.raises(ModelMonitoringJobError, match="no such feature: tannin"):
        monitor(place, endpoint, pipeline_job, deployed, feature_drift_thresholds={"tannin": 0.1})

    assert endpoint.read().model_deployment_monitoring_job == ""


def test_a_field_that_cannot_be_updated_is_named_and_nothing_else_is_touched(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    name = monitor(place, endpoint, pipeline_job, deployed)["name"]
    before = client.get_model_deployment_monitoring_job(name=name)
    change = {"stats_directory": "gs://plugins/stats", "analysis_schema": "gs://plugins/a.yaml"}

    with pytest.raises(ModelMonitoringJobImmutableError) as error:
        run(monitoring(place, endpoint, pipeline_job, deployed, log_ttl_days=1, **change))

    assert "differ: analysis_instance_schema_uri, stats_anomalies_base_directory; set recreate" in str(
        error.value
    )
    assert client.get_model_deployment_monitoring_job(name=name) == before


def test_with_recreate_the_job_is_made_anew_with_all_that_it_watched(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    champion = endpoint.deploy("sound")
    first = monitor(place, endpoint, pipeline_job, champion)
    challenger = endpoint.deploy("other", traffic=10)
    change: dict[str, Any] = {"stats_directory": "gs://plugins/stats", "recreate": True}

    second = monitor(place, endpoint, pipeline_job, challenger, **change)
    third = monitor(place, endpoint, pipeline_job, challenger, **change)

    assert (second["created"], third["created"]) == (True, False)
    assert second["name"] == third["name"] == endpoint.read().model_deployment_monitoring_job != first["name"]
    assert second["deployed_model_ids"] == sorted([champion, challenger])
    job = client.get_model_deployment_monitoring_job(name=second["name"])
    assert job.stats_anomalies_base_directory.output_uri_prefix == "gs://plugins/stats/"


def test_two_endpoints_with_the_same_name_have_a_job_each(
    place: dict[str, str],
    endpoint: Endpoint,
    twin: Endpoint,
    pipeline_job: str,
    client: aiplatform_v1.JobServiceClient,
) -> None:
    assert twin.read().display_name == endpoint.read().display_name

    jobs = [
        monitor(place, each, pipeline_job, each.deploy("sound"), interval_hours=hours)["name"]
        for hours, each in enumerate((endpoint, twin), start=1)
    ]

    assert jobs == [
        endpoint.read().model_deployment_monitoring_job,
        twin.read().model_deployment_monitoring_job,
    ]
    assert len(set(jobs)) == 2


def test_a_model_that_has_lost_its_traffic_is_not_watched(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    new, back = endpoint.deploy("sound"), endpoint.deploy("other")
    result = monitor(place, endpoint, pipeline_job, back)

    with pytest.raises(AirflowSkipException, match=f"deployed model {new} of .* has no traffic any more"):
        monitor(place, endpoint, pipeline_job, new)

    job = client.get_model_deployment_monitoring_job(name=result["name"])
    (watched,) = job.model_deployment_monitoring_objective_configs
    assert watched.deployed_model_id == back


def test_an_alert_config_comes_and_goes(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    silent: dict[str, Any] = {"emails": [], "log_anomalies": False}
    logged: dict[str, Any] = {"emails": [], "log_anomalies": True}

    first = monitor(place, endpoint, pipeline_job, deployed, **silent)
    without = client.get_model_deployment_monitoring_job(name=first["name"])
    monitor(place, endpoint, pipeline_job, deployed, **logged)
    alerted = client.get_model_deployment_monitoring_job(name=first["name"])
    again = monitor(place, endpoint, pipeline_job, deployed, **silent)

    assert not without.model_monitoring_alert_config
    assert alerted.model_monitoring_alert_config.enable_logging
    assert again["updated"] == ["model_monitoring_alert_config"]
    assert not client.get_model_deployment_monitoring_job(name=first["name"]).model_monitoring_alert_config


@pytest.mark.parametrize("recreate", [False, True])
def test_recipients_that_a_person_has_added_stay(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    client: aiplatform_v1.JobServiceClient,
    recreate: bool,
) -> None:
    deployed = endpoint.deploy("sound")
    first = monitor(place, endpoint, pipeline_job, deployed)
    alert = {"email_alert_config": {"user_emails": ["guest@example.com"]}}
    client.update_model_deployment_monitoring_job(
        model_deployment_monitoring_job={"name": first["name"], "model_monitoring_alert_config": alert},
        update_mask={"paths": ["model_monitoring_alert_config"]},
    ).result()
    changes: dict[str, Any] = {"stats_directory": "gs://plugins/stats"} if recreate else {}

    second = monitor(place, endpoint, pipeline_job, deployed, recreate=recreate, **changes)

    job = client.get_model_deployment_monitoring_job(name=second["name"])
    assert second["created"] == recreate
    assert list(job.model_monitoring_alert_config.email_alert_config.user_emails) == [
        "cellar@example.com",
        "guest@example.com",
    ]
    assert job.model_monitoring_alert_config.enable_logging


def test_the_task_warns_if_monitoring_will_see_no_features(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    bucket: Any,
    client: aiplatform_v1.JobServiceClient,
    capfd: pytest.CaptureFixture[str],
) -> None:
    contract = CONTRACT | {"default_signature": "serving_raw"}
    raw = submit(place, bucket.name, compiled(data_contract=contract))
    deployed = endpoint.deploy("sound")

    seen = run(monitoring(place, endpoint, raw, deployed))["features_seen"]
    told_by_raw = capfd.readouterr().out
    unseen = run(monitoring(place, endpoint, pipeline_job, deployed))["features_seen"]

    assert (seen, unseen) == (True, False)
    assert "features monitoring cannot read" not in told_by_raw
    assert "features monitoring cannot read" in capfd.readouterr().out


def test_what_may_be_a_template_is_listed() -> None:
    assert set(CreateOrUpdateModelMonitoringJobOperator.template_fields) == {
        "project_id",
        "region",
        "endpoint",
        "deployed_model_id",
        "training_examples",
        "pipeline_job",
        "display_name",
        "labels",
        "gcp_conn_id",
        "impersonation_chain",
    }


def test_an_endpoint_without_a_job_has_none_whatever_others_are_called(
    place: dict[str, str], endpoint: Endpoint, client: aiplatform_v1.JobServiceClient
) -> None:
    endpoint_id = endpoint.name.rpartition("/")[2]

    assert ModelMonitoringHook().find_model_monitoring_job(endpoint_id=endpoint_id, **place) is None
