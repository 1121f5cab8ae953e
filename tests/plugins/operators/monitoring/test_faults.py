"""What becomes of a monitoring job when calls fail, are answered too late, or are done and not answered."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError
from google.api_core.operation import Operation
from google.api_core.retry import Retry
from google.cloud import aiplatform_v1
from vertex_mlops.operators.monitoring import base as model_monitoring_base
from vertex_mlops.operators.monitoring.state import DeleteModelMonitoringJobOperator

from localcloud.gateway.faults import Fault, Faults
from tests.plugins.monitoring.monitoring_jobs import run, settle
from tests.plugins.operators.monitoring.monitorings import monitor, monitoring
from tests.plugins.operators.served_models import Endpoint
from tests.support.task_context import context_of

GET = "JobService.GetModelDeploymentMonitoringJob"
DELETE = "JobService.DeleteModelDeploymentMonitoringJob"


@pytest.mark.parametrize(
    ("verb", "fault"),
    [
        ("Pause", {"drop": True}),
        ("Delete", {"drop": True}),
        ("Create", {"drop": True}),
        ("Create", {"code": "UNAVAILABLE"}),
    ],
)
def test_a_recreation_that_breaks_off_is_completed_by_a_retry(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    client: aiplatform_v1.JobServiceClient,
    faults: Faults,
    verb: str,
    fault: dict[str, Any],
) -> None:
    deployed = endpoint.deploy("sound")
    first = monitor(place, endpoint, pipeline_job, deployed)
    operator = monitoring(
        place, endpoint, pipeline_job, deployed, recreate=True, stats_directory="gs://plugins/stats"
    )
    faults.add(Fault(f"JobService.{verb}ModelDeploymentMonitoringJob", **fault))

    with pytest.raises(GoogleAPICallError):
        operator.execute(context_of(operator))
    result = run(operator)

    assert result["name"] == endpoint.read().model_deployment_monitoring_job != first["name"]
    assert settle(place, result)["state"] == "JOB_STATE_RUNNING"


@pytest.mark.parametrize("change", [{}, {"log_ttl_days": 1}])
def test_a_write_whose_answer_is_lost_is_not_done_twice(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    client: aiplatform_v1.JobServiceClient,
    faults: Faults,
    change: dict[str, Any],
) -> None:
    deployed = endpoint.deploy("sound")
    if change:
        monitor(place, endpoint, pipeline_job, deployed)
    operator = monitoring(place, endpoint, pipeline_job, deployed, **change)
    for verb in ("Create", "Update"):
        faults.add(Fault(f"JobService.{verb}ModelDeploymentMonitoringJob", drop=True))

    with pytest.raises(GoogleAPICallError):
        operator.execute(context_of(operator))
    written = client.get_model_deployment_monitoring_job(name=endpoint.read().model_deployment_monitoring_job)
    result = run(operator)
    faults.clear()

    assert (result["created"], result["updated"]) == (False, [])
    assert settle(place, result)["state"] == "JOB_STATE_RUNNING"
    after = client.get_model_deployment_monitoring_job(name=result["name"])
    assert after.update_time == written.update_time


def test_a_look_that_fails_is_repeated_at_once(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, faults: Faults
) -> None:
    deployed = endpoint.deploy("sound")
    monitor(place, endpoint, pipeline_job, deployed)
    operator = monitoring(place, endpoint, pipeline_job, deployed, log_ttl_days=1)
    faults.add(Fault("JobService.*", code="INTERNAL", calls=2))

    result = operator.execute(context_of(operator))

    assert result["updated"] == ["log_ttl"]
    settle(place, result)


def test_a_call_that_hangs_is_given_up(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, faults: Faults
) -> None:
    deployed = endpoint.deploy("sound")
    operator = monitoring(place, endpoint, pipeline_job, deployed)
    settle(place, run(operator))
    assert operator.read_options["timeout"] == operator.write_options["timeout"] == 30
    operator.timeout, operator.retry = 2, Retry(predicate=lambda error: False)
    faults.add(Fault(GET, latency=10))

    with pytest.raises(DeadlineExceeded):
        operator.execute(context_of(operator))


def test_a_deletion_that_takes_long_is_waited_for_without_a_slot(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = monitor(place, endpoint, pipeline_job, endpoint.deploy("sound"))["name"]
    delete = DeleteModelMonitoringJobOperator(task_id="delete", job_id=name, **place)

    with monkeypatch.context() as slow:
        slow.setattr(model_monitoring_base, "_DELETION_SECONDS", 1)
        slow.setattr(Operation, "done", lambda *_, **__: False)
        with pytest.raises(AirflowRescheduleException):
            delete.execute(context_of(delete))
    run(delete)

    assert endpoint.read().model_deployment_monitoring_job == ""


def test_a_job_that_is_being_deleted_and_refuses_to_be_deleted_again_is_looked_at_later(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, faults: Faults
) -> None:
    deployed = endpoint.deploy("sound")
    first = monitor(place, endpoint, pipeline_job, deployed)
    operator = monitoring(
        place, endpoint, pipeline_job, deployed, recreate=True, stats_directory="gs://plugins/stats"
    )
    faults.add(Fault(DELETE, code="FAILED_PRECONDITION"))

    with pytest.raises(AirflowRescheduleException):
        operator.execute(context_of(operator))
    result = run(operator)

    assert result["created"] is True
    assert result["name"] != first["name"]
    settle(place, result)
