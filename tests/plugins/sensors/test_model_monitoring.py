"""Waiting for a monitoring job to settle, and for anomalies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSensorTimeout
from google.api_core.exceptions import NotFound
from google.cloud import aiplatform_v1
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.exceptions import ModelMonitoringJobError, ModelMonitoringJobPausedError
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.sensors import model_monitoring
from vertex_mlops.sensors.model_monitoring import ModelMonitoringAnomaliesSensor, ModelMonitoringJobSensor

from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import Cloud
from tests.plugins.monitoring.monitoring_jobs import run, settle, unsettled
from tests.plugins.operators.served_models import Endpoint
from tests.support.task_context import context_of


def monitor(place: dict[str, str], endpoint: Endpoint, pipeline_job: str, **settings: Any) -> dict[str, Any]:
    (deployed,) = endpoint.deployed or {endpoint.deploy("sound")}
    result: dict[str, Any] = run(
        CreateOrUpdateModelMonitoringJobOperator(
            task_id="monitor",
            endpoint=endpoint.name,
            deployed_model_id=deployed,
            training_examples="gs://plugins/examples/1",
            pipeline_job=pipeline_job,
            display_name="wine-test",
            settings=MonitoringSettings(**settings),
            **place,
        )
    )
    return result


def sensor(place: dict[str, str], result: dict[str, Any], **options: Any) -> ModelMonitoringJobSensor:
    return ModelMonitoringJobSensor(
        task_id="settled", job_id=result["name"], operation=result["operation"], **place | options
    )


def test_a_job_that_settles_within_seconds_is_waited_for_in_one_go(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str
) -> None:
    task = sensor(place, monitor(place, endpoint, pipeline_job))

    assert task.execute(context_of(task))["state"] == "JOB_STATE_RUNNING"


def test_a_job_that_is_pending_is_looked_at_again_later_with_its_link_there_already(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model_monitoring, "QUICK_SECONDS", 0.2)
    result = monitor(place, endpoint, pipeline_job)
    task = sensor(place, result, poke_interval=30)
    context = context_of(task)

    with unsettled(cloud, result["name"]), pytest.raises(AirflowRescheduleException) as later:
        task.execute(context)

    assert later.value.reschedule_date - datetime.now(UTC) > timedelta(seconds=5)
    job_id = result["name"].rpartition("/")[2]
    assert f"/model-deployment-monitoring/{job_id}?" in context["ti"].xcoms[ModelMonitoringJobLink.key]
    assert settle(place, result) == {"name": result["name"], "state": "JOB_STATE_RUNNING"}


def test_an_update_is_waited_for_to_its_end(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    settle(place, monitor(place, endpoint, pipeline_job))
    result = monitor(place, endpoint, pipeline_job, log_ttl_days=1)

    assert result["state"] == "JOB_STATE_UPDATING"
    assert settle(place, result)["state"] == "JOB_STATE_RUNNING"
    assert client.get_operation({"name": result["operation"]}).done


def test_a_paused_job_ends_the_task_and_says_what_to_do(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    result = monitor(place, endpoint, pipeline_job)
    settle(place, result)
    client.pause_model_deployment_monitoring_job(name=result["name"])

    with pytest.raises(ModelMonitoringJobPausedError) as error:
        settle(place, result)

    assert str(error.value) == (
        f"{result['name']} is paused: nothing is monitored; resume it, then clear this task"
    )


def test_an_update_that_failed_fails_the_task_with_its_error(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    result = monitor(place, endpoint, pipeline_job)
    settle(place, result)
    # localcloud's updates do not fail; a deletion that is repeated does
    client.pause_model_deployment_monitoring_job(name=result["name"])
    doubled = [client.delete_model_deployment_monitoring_job(name=result["name"]) for _ in range(2)]
    failed = next(operation for operation in doubled if operation.exception())

    class Survivor(ModelMonitoringJobSensor):
        """Looks at the operation alone: the job is gone."""

        def _look(self) -> Any:
            return self._operation_has_ended()

    task = Survivor(task_id="settled", job_id="7", operation=failed.operation.name, **place)
    with pytest.raises(ModelMonitoringJobError, match=rf"{failed.operation.name} failed: .+"):
        task.execute(context_of(task))


@pytest.mark.parametrize(
    "fault",
    [{"code": "UNAVAILABLE"}, {"code": "DEADLINE_EXCEEDED"}, {"drop": True}, {"latency": 10}],
)
def test_an_answer_that_does_not_come_is_no_reason_to_fail(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, faults: Faults, fault: dict[str, Any]
) -> None:
    result = monitor(place, endpoint, pipeline_job)
    settle(place, result)
    faults.add(Fault("JobService.GetModelDeploymentMonitoringJob", **fault))
    task = sensor(place, result, request_timeout=2)

    with pytest.raises(AirflowRescheduleException):
        task.execute(context_of(task))

    assert settle(place, result)["state"] == "JOB_STATE_RUNNING"


def test_a_job_that_is_not_there_is_an_error(place: dict[str, str]) -> None:
    task = sensor(place, {"name": "7", "operation": ""})

    with pytest.raises(NotFound):
        task.execute(context_of(task))


def test_a_job_that_does_not_settle_in_time_ends_the_task(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, cloud: Cloud
) -> None:
    result = monitor(place, endpoint, pipeline_job)
    task = sensor(place, result, timeout=60)
    context = context_of(task)
    context["ti"].first_reschedule = datetime.now(UTC) - timedelta(seconds=61)

    with unsettled(cloud, result["name"]), pytest.raises(AirflowSensorTimeout):
        task.execute(context)


def test_every_watched_model_is_searched_from_the_moment_that_a_template_gave(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str
) -> None:
    result = monitor(place, endpoint, pipeline_job)
    asked: list[dict[str, Any]] = []

    class Hook(ModelMonitoringHook):
        def search_stats_anomalies(self, **arguments: Any) -> Any:
            asked.append(arguments)
            return super().search_stats_anomalies(**arguments)

    task = ModelMonitoringAnomaliesSensor(
        task_id="anomalies", job_id=result["name"], start_time="2026-01-02T00:00:00+00:00", **place
    )
    task.hook = Hook()

    with pytest.raises(AirflowRescheduleException):
        task.execute(context_of(task))

    (search,) = asked
    assert search["deployed_model_id"] == result["deployed_model_ids"][0]
    assert list(search["objectives"]) == ["RAW_FEATURE_SKEW", "RAW_FEATURE_DRIFT"]
    assert (search["start_time"], search["end_time"]) == (datetime(2026, 1, 2, tzinfo=UTC), None)


@pytest.mark.parametrize("task", [ModelMonitoringJobSensor, ModelMonitoringAnomaliesSensor])
def test_it_frees_its_slot_between_two_looks_unless_told_otherwise(task: Any, place: dict[str, str]) -> None:
    assert task(task_id="free", job_id="1", **place).reschedule is True
    assert task(task_id="busy", job_id="1", mode="poke", **place).reschedule is False


@pytest.mark.parametrize("task", [ModelMonitoringJobSensor, ModelMonitoringAnomaliesSensor])
def test_a_request_has_half_a_minute_and_a_slot_that_was_freed_a_quarter(
    task: Any, place: dict[str, str]
) -> None:
    sensor = task(task_id="free", job_id="1", poke_interval=1, **place)

    assert (sensor.request_options["timeout"], sensor.poke_interval) == (30, 15)
    assert task(task_id="rare", job_id="1", poke_interval=20, **place).poke_interval == 20
    assert task(task_id="busy", job_id="1", poke_interval=1, mode="poke", **place).poke_interval == 1


def test_what_may_be_a_template_is_listed() -> None:
    both = {"project_id", "region", "job_id", "gcp_conn_id", "impersonation_chain"}

    assert set(ModelMonitoringJobSensor.template_fields) == both | {"operation"}
    assert set(ModelMonitoringAnomaliesSensor.template_fields) == both | {"start_time", "end_time"}
