"""The first use of a project: what needs Vertex AI's service agents waits until they are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from google.api_core.exceptions import FailedPrecondition
from vertex_mlops.exceptions import ServiceAgentsMissingError
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator

from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import Cloud
from tests.plugins.operators.rollout.rollouts import Rollout
from tests.plugins.operators.served_models import Endpoint
from tests.plugins.runs.pipelines import pipeline, step
from tests.support.task_context import Upload, context_of

MESSAGE = (
    "Service agents are being provisioned "
    "(https://cloud.google.com/vertex-ai/docs/general/access-control#service-agents). Service agents are "
    "needed to read the Cloud Storage file provided. So please try again in a few minutes."
)


@pytest.fixture
def refuse(cloud: Cloud) -> Iterator[Callable[..., None]]:
    """Make the next call of a method fail."""
    switch = Faults(cloud.settings.state)

    def add(method: str, message: str = MESSAGE) -> None:
        switch.add(Fault(method, code="FAILED_PRECONDITION", message=message))

    yield add
    switch.clear()


def train(place: dict[str, str], upload: Upload) -> RunPipelineJobOnceOperator:
    return RunPipelineJobOnceOperator(
        task_id="train",
        display_name="wine-white",
        template_path=upload(pipeline(step("Nothing", "pass"))),
        pipeline_root="gs://plugins/root",
        parameter_values={"input_config": "{}"},
        poll_interval=1,
        **place,  # type: ignore[arg-type]
    )


def comes_back(execute: Callable[[], Any]) -> None:
    with pytest.raises(AirflowRescheduleException) as later:
        execute()
    assert later.value.reschedule_date > datetime.now(UTC) + timedelta(seconds=50)


def waits_once(execute: Callable[[], Any]) -> Any:
    comes_back(execute)
    return execute()


def test_a_pipeline_job_is_submitted_when_they_are_there(
    place: dict[str, str],
    upload: Upload,
    refuse: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    operator = train(place, upload)
    context = context_of(operator)
    refuse("PipelineService.CreatePipelineJob")

    done = waits_once(lambda: operator.prepare_for_execution().execute(context))

    assert done["state"] == "PIPELINE_STATE_SUCCEEDED"
    assert "Vertex AI has no service agents yet" in caplog.text


def test_a_version_is_uploaded_and_deployed_when_they_are_there(
    rollout: Rollout, refuse: Callable[..., None]
) -> None:
    operator = rollout.uploader(rollout.outcome("sound"))
    refuse("ModelService.UploadModel")
    version = waits_once(lambda: operator.execute(context_of(operator)))["model_version"]
    refuse("EndpointService.DeployModel")

    comes_back(lambda: rollout.deploy_once(version))
    assert rollout.deploy(version)["model_version"] == version


def test_a_monitoring_job_is_created_when_they_are_there(
    place: dict[str, str], endpoint: Endpoint, pipeline_job: str, refuse: Callable[..., None]
) -> None:
    from vertex_mlops.contract.monitoring.settings import MonitoringSettings

    operator = CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        endpoint=endpoint.name,
        deployed_model_id=endpoint.deploy("sound"),
        training_examples="gs://plugins/examples/1",
        pipeline_job=pipeline_job,
        display_name="wine-test",
        settings=MonitoringSettings(),
        **place,  # type: ignore[arg-type]
    )
    refuse("JobService.CreateModelDeploymentMonitoringJob")

    assert waits_once(lambda: operator.execute(context_of(operator)))["created"] is True


def test_after_half_an_hour_it_says_how_to_make_them(
    place: dict[str, str], upload: Upload, refuse: Callable[..., None]
) -> None:
    operator = train(place, upload)
    context = context_of(operator)
    context["ti"].first_reschedule = datetime.now(UTC) - timedelta(minutes=31)
    refuse("PipelineService.CreatePipelineJob")

    with pytest.raises(ServiceAgentsMissingError, match="gcloud beta services identity create"):
        operator.execute(context)


def test_another_refusal_of_the_same_code_is_not_waited_for(
    place: dict[str, str], upload: Upload, refuse: Callable[..., None]
) -> None:
    operator = train(place, upload)
    refuse("PipelineService.CreatePipelineJob", "The quota of pipeline jobs is exhausted.")

    with pytest.raises(FailedPrecondition, match="quota"):
        operator.execute(context_of(operator))
