"""Pausing, resuming and deleting a monitoring job, once and again."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from google.api_core.exceptions import NotFound
from google.cloud import aiplatform_v1
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.monitoring.state import (
    DeleteModelMonitoringJobOperator,
    PauseModelMonitoringJobOperator,
    ResumeModelMonitoringJobOperator,
)

from tests.plugins.monitoring.monitoring_jobs import run, settle
from tests.plugins.operators.served_models import Endpoint
from tests.support.task_context import context_of

PAUSED, RUNNING = aiplatform_v1.JobState.JOB_STATE_PAUSED, aiplatform_v1.JobState.JOB_STATE_RUNNING


@pytest.fixture
def pending(place: dict[str, str], endpoint: Endpoint, pipeline_job: str) -> dict[str, Any]:
    """Return a monitoring job that has just been created."""
    result: dict[str, Any] = run(
        CreateOrUpdateModelMonitoringJobOperator(
            task_id="monitor",
            endpoint=endpoint.name,
            deployed_model_id=endpoint.deploy("sound"),
            training_examples="gs://plugins/examples/1",
            pipeline_job=pipeline_job,
            display_name="wine-test",
            settings=MonitoringSettings(),
            **place,
        )
    )
    return result


@pytest.fixture
def job(place: dict[str, str], pending: dict[str, Any]) -> str:
    """Return a monitoring job that runs."""
    settle(place, pending)
    return str(pending["name"])


def act(operator: Any, place: dict[str, str], job_id: str) -> dict[str, Any]:
    result: dict[str, Any] = run(operator(task_id="act", job_id=job_id, poll_interval=1, **place))
    return result


def test_a_job_is_paused_and_resumed_and_what_is_so_already_is_left_alone(
    place: dict[str, str], job: str, client: aiplatform_v1.JobServiceClient
) -> None:
    def state() -> tuple[Any, Any]:
        found = client.get_model_deployment_monitoring_job(name=job)
        return found.state, found.update_time

    assert act(ResumeModelMonitoringJobOperator, place, job) == {"name": job, "changed": False}
    assert act(PauseModelMonitoringJobOperator, place, job) == {"name": job, "changed": True}
    paused = state()
    assert act(PauseModelMonitoringJobOperator, place, job) == {"name": job, "changed": False}
    assert state() == paused
    assert paused[0] == PAUSED
    assert act(ResumeModelMonitoringJobOperator, place, job) == {"name": job, "changed": True}
    assert state()[0] == RUNNING


def test_a_job_is_paused_and_deleted_and_one_that_is_gone_is_no_error(
    place: dict[str, str], job: str, endpoint: Endpoint, client: aiplatform_v1.JobServiceClient
) -> None:
    job_id = job.rpartition("/")[2]

    assert act(DeleteModelMonitoringJobOperator, place, job_id) == {"job_id": job_id, "changed": True}
    assert act(DeleteModelMonitoringJobOperator, place, job_id) == {"job_id": job_id, "changed": False}

    assert endpoint.read().model_deployment_monitoring_job == ""
    with pytest.raises(NotFound):
        client.get_model_deployment_monitoring_job(name=job)


@pytest.mark.parametrize("operator", [PauseModelMonitoringJobOperator, ResumeModelMonitoringJobOperator])
def test_a_job_that_is_not_there_cannot_be_paused_or_resumed(operator: Any, place: dict[str, str]) -> None:
    with pytest.raises(NotFound):
        act(operator, place, "7")


@pytest.mark.parametrize("operator", [PauseModelMonitoringJobOperator, DeleteModelMonitoringJobOperator])
def test_a_job_that_is_pending_is_waited_for_without_a_slot(
    operator: Any, place: dict[str, str], pending: dict[str, Any]
) -> None:
    task = operator(task_id="act", job_id=pending["name"], **place)

    with pytest.raises(AirflowRescheduleException):
        task.execute(context_of(task))

    assert act(operator, place, pending["name"])["changed"] is True


def test_the_link_leads_to_the_job(place: dict[str, str], job: str) -> None:
    task = PauseModelMonitoringJobOperator(task_id="pause", job_id=job, **place)
    context = context_of(task)

    task.execute(context)

    job_id = job.rpartition("/")[2]
    assert f"/model-deployment-monitoring/{job_id}?" in context["ti"].xcoms[ModelMonitoringJobLink.key]


@pytest.mark.parametrize(
    "operator",
    [
        DeleteModelMonitoringJobOperator,
        PauseModelMonitoringJobOperator,
        ResumeModelMonitoringJobOperator,
    ],
)
def test_what_may_be_a_template_is_listed(operator: Any) -> None:
    assert operator.template_fields == (
        "project_id",
        "region",
        "job_id",
        "gcp_conn_id",
        "impersonation_chain",
    )
