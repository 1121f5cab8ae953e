"""Waiting for a monitoring job on a live Airflow: no worker slot is held, no retry is used up."""

from __future__ import annotations

import pytest
from google.cloud import aiplatform_v1

from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.live.example_settings import Start
from tests.plugins.live.runs import ExampleRun, Runs
from tests.plugins.operators.served_models import CLIENT_OPTIONS, Endpoint
from tests.plugins.runs.pipelines import compiled, submit

CREATE, STATE = "example_model_monitoring", "example_model_monitoring_state"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def deployed(endpoint: Endpoint) -> str:
    """Deploy a model for the job to watch."""
    return endpoint.deploy("sound")


@pytest.fixture(scope="module")
def conf(runs: Runs, endpoint: Endpoint, deployed: str) -> dict[str, str]:
    """Return what the example is triggered with."""
    settings = runs.stack.settings
    place = {"project_id": settings.cloud.project, "region": settings.region}
    job = submit(place, settings.bucket, compiled(data_contract=CONTRACT))
    return {"endpoint": endpoint.name, "deployed_model_id": deployed, "pipeline_job": job}


def wait_for_reschedule(runs: Runs, run: ExampleRun, task_id: str) -> None:
    """Wait until a task waits between two polls, and no slot of the pool is taken."""

    def look() -> tuple[str | None, int, int]:
        instance = run.task_instance(task_id)
        return instance["state"], instance["try_number"], runs.stack.airflow.occupied_slots()[0]

    run.wait(look, lambda seen: seen == ("up_for_reschedule", 1, 0))


def test_the_example_creates_a_job_waits_for_it_and_a_second_run_changes_nothing(
    endpoint: Endpoint, conf: dict[str, str], start: Start
) -> None:
    client = aiplatform_v1.JobServiceClient(client_options=CLIENT_OPTIONS)

    state, tasks = start(CREATE, **conf).wait_for_end()
    name = endpoint.read().model_deployment_monitoring_job
    first = client.get_model_deployment_monitoring_job(name=name)
    again, _ = start(CREATE, **conf).wait_for_end()

    assert (state, again) == ("success", "success")
    assert tasks == {"monitor": "success", "settled": "success"}
    assert first.state.name == "JOB_STATE_RUNNING"
    assert client.get_model_deployment_monitoring_job(name=name) == first


def test_while_the_job_is_updating_neither_the_operator_nor_the_sensor_holds_a_slot(
    runs: Runs, endpoint: Endpoint, conf: dict[str, str], start: Start
) -> None:
    client = aiplatform_v1.JobServiceClient(client_options=CLIENT_OPTIONS)
    client.update_model_deployment_monitoring_job(
        model_deployment_monitoring_job={
            "name": endpoint.read().model_deployment_monitoring_job,
            "display_name": "changed by somebody else",
        },
        update_mask={"paths": ["display_name"]},
    )

    run = start(CREATE, **conf)
    wait_for_reschedule(runs, run, "monitor")
    wait_for_reschedule(runs, run, "settled")

    state, tasks = run.wait_for_end()
    assert (state, set(tasks.values())) == ("success", {"success"})


def test_the_other_example_pauses_resumes_and_deletes_the_job(endpoint: Endpoint, start: Start) -> None:
    name = endpoint.read().model_deployment_monitoring_job

    state, tasks = start(STATE, job_id=name).wait_for_end()
    again, _ = start(STATE, job_id=name).wait_for_end()

    assert (state, tasks) == ("success", dict.fromkeys(("pause", "resume", "delete"), "success"))
    assert endpoint.read().model_deployment_monitoring_job == ""
    assert again == "failed", "there is nothing to pause"
