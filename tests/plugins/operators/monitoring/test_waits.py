"""The task of the monitoring job next to a job that is pending, paused or made by others; any settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException
from google.cloud import aiplatform_v1
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.exceptions import (
    ModelMonitoringJobPausedError,
    ModelMonitoringJobUnsettledError,
)
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.runs.pipeline_jobs import resource_id

from localcloud.testing import Cloud
from tests.plugins.contract.monitoring.test_diff import settings as random_settings
from tests.plugins.monitoring.monitoring_jobs import run, settle, unsettled
from tests.plugins.operators.monitoring.monitorings import monitor, monitoring
from tests.plugins.operators.served_models import Endpoint
from tests.support.task_context import context_of


def test_it_does_not_wait_for_what_it_has_begun_and_both_links_are_there(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    operator = monitoring(place, endpoint, pipeline_job, endpoint.deploy("sound"))
    context = context_of(operator)

    result = operator.execute(context)

    assert (result["created"], result["state"]) == (True, "JOB_STATE_PENDING")
    job = resource_id(result["name"])
    assert f"/model-deployment-monitoring/{job}?" in context["ti"].xcoms[ModelMonitoringJobLink.key]
    assert f"/endpoints/{resource_id(endpoint.name)}?" in context["ti"].xcoms[EndpointLink.key]


def test_a_job_that_somebody_else_made_meanwhile_is_updated_instead(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    client: aiplatform_v1.JobServiceClient,
) -> None:
    deployed = endpoint.deploy("sound")
    faster: dict[str, Any] = {}

    class OvertakenHook(ModelMonitoringHook):
        def create_model_monitoring_job(self, **arguments: Any) -> Any:
            # between the look for a job and its creation
            faster.update(monitor(place, endpoint, pipeline_job, deployed, interval_hours=24))
            return super().create_model_monitoring_job(**arguments)

    operator = monitoring(place, endpoint, pipeline_job, deployed, interval_hours=6)
    operator.hook = OvertakenHook()

    result = run(operator)

    assert faster["created"] is True
    assert (result["name"], result["created"]) == (faster["name"], False)
    settle(place, result)
    job = client.get_model_deployment_monitoring_job(name=faster["name"])
    assert job.model_deployment_monitoring_schedule_config.monitor_interval.total_seconds() == 6 * 3600


def test_a_job_that_is_pending_is_waited_for_without_a_slot_and_then_updated(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, cloud: Cloud
) -> None:
    deployed = endpoint.deploy("sound")
    first = run(monitoring(place, endpoint, pipeline_job, deployed))
    second = monitoring(place, endpoint, pipeline_job, deployed, interval_hours=6)

    with unsettled(cloud, first["name"]), pytest.raises(AirflowRescheduleException):
        second.execute(context_of(second))
    result = run(second)

    assert result["updated"] == ["model_deployment_monitoring_schedule_config"]
    settle(place, result)


def test_a_job_that_is_pending_and_as_it_should_be_is_not_waited_for(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, cloud: Cloud
) -> None:
    operator = monitoring(place, endpoint, pipeline_job, endpoint.deploy("sound"))
    first = operator.execute(context_of(operator))

    with unsettled(cloud, first["name"]):
        second = operator.execute(context_of(operator))

    assert (second["name"], second["created"]) == (first["name"], False)
    settle(place, second)


def test_a_job_that_does_not_settle_in_time_is_named_with_its_state_and_may_be_waited_for_again(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, cloud: Cloud
) -> None:
    deployed = endpoint.deploy("sound")
    first = run(monitoring(place, endpoint, pipeline_job, deployed))
    operator = monitoring(place, endpoint, pipeline_job, deployed, interval_hours=6)
    context = context_of(operator)
    context["ti"].first_reschedule = datetime.now(UTC) - timedelta(hours=6)

    with (
        unsettled(cloud, first["name"]),
        pytest.raises(
            ModelMonitoringJobUnsettledError, match=r"is still JOB_STATE_PENDING after 21600 s$"
        ) as error,
    ):
        operator.execute(context)

    assert not isinstance(error.value, AirflowFailException)
    settle(place, run(operator))


def test_a_paused_job_that_must_change_is_refused_in_one_line_and_one_that_must_not_is_left_alone(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    client: aiplatform_v1.JobServiceClient,
    capfd: pytest.CaptureFixture[str],
) -> None:
    deployed = endpoint.deploy("sound")
    name = monitor(place, endpoint, pipeline_job, deployed)["name"]
    client.pause_model_deployment_monitoring_job(name=name)

    same = run(monitoring(place, endpoint, pipeline_job, deployed))
    told = capfd.readouterr().out
    with pytest.raises(ModelMonitoringJobPausedError) as error:
        run(monitoring(place, endpoint, pipeline_job, deployed, log_ttl_days=1))

    assert same["state"] == "JOB_STATE_PAUSED"
    assert f"{name} is paused: nothing is monitored" in told
    assert str(error.value) == (
        f"{name} is paused and accepts no update of log_ttl; resume it, then clear this task"
    )


def test_whatever_the_settings_one_update_reaches_them_and_the_next_run_makes_no_call(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    deployed = endpoint.deploy("sound")
    name = monitor(place, endpoint, pipeline_job, deployed)["name"]

    @hypothesis_settings(
        max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(random_settings)
    def reaches(wanted: MonitoringSettings) -> None:
        operator = monitoring(place, endpoint, pipeline_job, deployed)
        operator.settings = wanted
        settle(place, run(operator))
        before = client.get_model_deployment_monitoring_job(name=name)

        second = run(operator)

        assert (second["name"], second["updated"]) == (name, [])
        assert client.get_model_deployment_monitoring_job(name=name) == before

    reaches()
