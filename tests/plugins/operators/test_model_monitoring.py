"""An endpoint's one monitoring job follows what the endpoint serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from google.cloud import aiplatform_v1
from vertex_mlops.exceptions import ModelMonitoringJobError, ModelMonitoringJobUnsettledError
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.monitoring_settings import MonitoringSettings
from vertex_mlops.operators.model_monitoring import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.pipeline_jobs import resource_id

from tests.plugins.conftest import context_of
from tests.plugins.contracts import MONITORING
from tests.plugins.operators.conftest import CLIENT_OPTIONS, Endpoint

SETTINGS = MONITORING | {"emails": ["cellar@example.com"]}


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[aiplatform_v1.JobServiceClient]:
    """The jobs of Vertex AI; the endpoint's monitoring job is deleted at the end."""
    client = aiplatform_v1.JobServiceClient(client_options=CLIENT_OPTIONS)
    yield client
    if name := endpoint.read().model_deployment_monitoring_job:
        client.pause_model_deployment_monitoring_job(name=name)
        client.delete_model_deployment_monitoring_job(name=name).result()


def monitoring(
    place: dict[str, str],
    endpoint: Endpoint,
    spec_uri: str,
    deployed_model_id: str,
    examples: str = "gs://plugins/examples/1",
    **settings: Any,
) -> CreateOrUpdateModelMonitoringJobOperator:
    return CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        endpoint=endpoint.name,
        deployed_model_id=deployed_model_id,
        training_examples=examples,
        template_path=spec_uri,
        display_name="wine-test",
        settings=MonitoringSettings(**SETTINGS | settings),
        poll_interval=1,
        **place,
    )


def monitor(*arguments: Any, **options: Any) -> dict[str, Any]:
    operator = monitoring(*arguments, **options)
    return operator.execute(context_of(operator))


def test_the_first_model_gets_a_monitoring_job_with_everything_that_was_asked_for(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")

    result = monitor(place, endpoint, spec_uri, deployed, feature_skew_thresholds={"ph": 0.1})

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


def test_while_the_job_settles_both_links_are_there_already(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    operator = monitoring(place, endpoint, spec_uri, endpoint.deploy("sound"))
    operator.wait_timeout = 0.1
    context = context_of(operator)

    with pytest.raises(ModelMonitoringJobUnsettledError):
        operator.execute(context)

    job = resource_id(endpoint.read().model_deployment_monitoring_job)
    assert f"/model-deployment-monitoring/{job}?" in context["ti"].xcoms[ModelMonitoringJobLink.key]
    assert f"/endpoints/{resource_id(endpoint.name)}?" in context["ti"].xcoms[EndpointLink.key]
    monitor(place, endpoint, spec_uri, *endpoint.deployed)


def test_the_next_model_updates_the_same_job(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    first = monitor(place, endpoint, spec_uri, endpoint.deploy("sound"))
    deployed = endpoint.deploy("other")

    second = monitor(place, endpoint, spec_uri, deployed, examples="gs://plugins/examples/2")

    assert second == first | {"deployed_model_ids": [deployed], "created": False}
    (config,) = client.get_model_deployment_monitoring_job(
        name=first["name"]
    ).model_deployment_monitoring_objective_configs
    uris = config.objective_config.training_dataset.gcs_source.uris
    assert list(uris) == ["gs://plugins/examples/2/Split-train/*"]


def test_a_model_that_shares_the_traffic_keeps_its_own_training_data(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    champion = endpoint.deploy("sound")
    first = monitor(place, endpoint, spec_uri, champion)
    challenger = endpoint.deploy("other", traffic=10)

    monitor(place, endpoint, spec_uri, challenger, examples="gs://plugins/examples/2")

    job = client.get_model_deployment_monitoring_job(name=first["name"])
    assert {
        config.deployed_model_id: config.objective_config.training_dataset.gcs_source.uris[0]
        for config in job.model_deployment_monitoring_objective_configs
    } == {
        champion: "gs://plugins/examples/1/Split-train/*",
        challenger: "gs://plugins/examples/2/Split-train/*",
    }


def test_a_second_run_with_nothing_new_leaves_the_job_alone(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    first = monitor(place, endpoint, spec_uri, deployed)
    before = client.get_model_deployment_monitoring_job(name=first["name"]).update_time

    monitor(place, endpoint, spec_uri, deployed)

    assert client.get_model_deployment_monitoring_job(name=first["name"]).update_time == before


def test_a_changed_setting_reaches_the_job(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    monitor(place, endpoint, spec_uri, deployed)

    result = monitor(place, endpoint, spec_uri, deployed, interval_hours=24, emails=[])

    job = client.get_model_deployment_monitoring_job(name=result["name"])
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 24 * 3600
    assert not job.model_monitoring_alert_config.email_alert_config.user_emails


def test_a_job_that_somebody_else_made_meanwhile_is_updated_instead(
    place: dict[str, str],
    endpoint: Endpoint,
    spec_uri: str,
    client: aiplatform_v1.JobServiceClient,
) -> None:
    deployed = endpoint.deploy("sound")
    faster: dict[str, Any] = {}

    class OvertakenHook(ModelMonitoringHook):
        def create_model_monitoring_job(self, **arguments: Any) -> Any:
            # between the look for a job and its creation
            faster.update(monitor(place, endpoint, spec_uri, deployed, interval_hours=24))
            return super().create_model_monitoring_job(**arguments)

    operator = monitoring(place, endpoint, spec_uri, deployed, interval_hours=6)
    operator.hook = OvertakenHook()

    result = operator.execute(context_of(operator))

    assert faster["created"] is True
    assert result == faster | {"created": False}
    job = client.get_model_deployment_monitoring_job(name=faster["name"])
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 6 * 3600


def test_a_threshold_for_an_unknown_feature_fails_before_anything_is_made(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")

    with pytest.raises(ModelMonitoringJobError, match="no such feature: tannin"):
        monitor(place, endpoint, spec_uri, deployed, feature_drift_thresholds={"tannin": 0.1})

    assert endpoint.read().model_deployment_monitoring_job == ""


def test_a_job_that_does_not_settle_in_time_is_named_with_its_state_and_may_be_waited_for_again(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    name = monitor(place, endpoint, spec_uri, endpoint.deploy("sound"))["name"]
    client.update_model_deployment_monitoring_job(
        model_deployment_monitoring_job={"name": name, "display_name": "renamed"},
        update_mask={"paths": ["display_name"]},
    )
    hook = ModelMonitoringHook()

    reason = r"is still JOB_STATE_UPDATING after 0\.1 s$"
    with pytest.raises(ModelMonitoringJobUnsettledError, match=reason) as error:
        hook.wait_for_model_monitoring_job(
            job_id=name.rpartition("/")[2], poll_interval=1, timeout=0.1, **place
        )
    assert not isinstance(error.value, AirflowFailException)
    hook.wait_for_model_monitoring_job(job_id=name.rpartition("/")[2], poll_interval=1, timeout=60, **place)


def test_an_update_that_takes_too_long_is_finished_by_a_retry(
    place: dict[str, str], endpoint: Endpoint, spec_uri: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    name = monitor(place, endpoint, spec_uri, deployed)["name"]
    hurried = monitoring(place, endpoint, spec_uri, deployed, interval_hours=6)
    hurried.wait_timeout = 0.1

    with pytest.raises(ModelMonitoringJobUnsettledError, match=r"is still not updated after 0\.1 s$"):
        hurried.execute(context_of(hurried))
    result = monitor(place, endpoint, spec_uri, deployed, interval_hours=6)

    assert (result["name"], result["state"]) == (name, "JOB_STATE_RUNNING")
    job = client.get_model_deployment_monitoring_job(name=name)
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 6 * 3600


def test_an_endpoint_without_a_job_has_none_whatever_others_are_called(
    place: dict[str, str], endpoint: Endpoint, client: aiplatform_v1.JobServiceClient
) -> None:
    endpoint_id = endpoint.name.rpartition("/")[2]

    assert ModelMonitoringHook().find_model_monitoring_job(endpoint_id=endpoint_id, **place) is None
