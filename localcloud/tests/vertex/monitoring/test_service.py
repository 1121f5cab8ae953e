"""The life cycle of monitoring jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.testing import eventually

State = v1.JobState
URL = "https://europe-west1-aiplatform.googleapis.com/v1"
CONFIGS = "model_deployment_monitoring_objective_configs"


@pytest.fixture(scope="module")
def endpoint(
    clients: Any,
    new_endpoint: Callable[..., v1.Endpoint],
    deploy: Callable[..., v1.DeployedModel],
    serving: v1.Endpoint,
) -> v1.Endpoint:
    """Return an endpoint with one deployed model, for a job of its own."""
    name = new_endpoint().name
    deploy(name, serving.deployed_models[0].model, {"0": 100})
    return clients.endpoints.get_endpoint(name=name)


def refusal(response: requests.Response) -> tuple[int, str]:
    """Return the HTTP status and the name of the code."""
    return response.status_code, response.json()["error"]["status"]


def objective(deployed_model_id: str, threshold: float = 0.3) -> dict[str, Any]:
    drift = {"drift_thresholds": {"alcohol": {"value": threshold}}}
    return {
        "deployed_model_id": deployed_model_id,
        "objective_config": {"prediction_drift_detection_config": drift},
    }


def job_of(on: v1.Endpoint, **fields: Any) -> dict[str, Any]:
    return {
        "display_name": "wine",
        "endpoint": on.name,
        "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1.0}},
        "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 3600}},
        CONFIGS: [objective(deployed.id) for deployed in on.deployed_models],
        **fields,
    }


@pytest.fixture(scope="module")
def create(clients: Any, parent: str) -> Callable[..., v1.ModelDeploymentMonitoringJob]:
    def create_job(on: v1.Endpoint, **fields: Any) -> v1.ModelDeploymentMonitoringJob:
        return clients.jobs.create_model_deployment_monitoring_job(
            parent=parent, model_deployment_monitoring_job=job_of(on, **fields)
        )

    return create_job


@pytest.fixture(scope="module")
def wait_until(clients: Any) -> Callable[[str, State], v1.ModelDeploymentMonitoringJob]:
    def wait(name: str, state: State) -> v1.ModelDeploymentMonitoringJob:
        return eventually(
            lambda: clients.jobs.get_model_deployment_monitoring_job(name=name),
            lambda job: job.state == state,
        )

    return wait


def test_a_job_lives_from_pending_to_deleted(
    clients: Any,
    endpoint: v1.Endpoint,
    create: Callable[..., v1.ModelDeploymentMonitoringJob],
    wait_until: Callable[[str, State], v1.ModelDeploymentMonitoringJob],
) -> None:
    jobs = clients.jobs

    # given a job that has just been created
    folder = {"output_uri_prefix": "gs://bucket/stats"}
    created = create(
        endpoint,
        labels={"wine": "white"},
        state=State.JOB_STATE_FAILED,
        stats_anomalies_base_directory=folder,
    )
    name = created.name
    assert created.state == State.JOB_STATE_PENDING
    assert created.stats_anomalies_base_directory.output_uri_prefix == "gs://bucket/stats/"
    assert clients.endpoints.get_endpoint(name=endpoint.name).model_deployment_monitoring_job == name

    # then it refuses changes until it runs
    change = {
        "model_deployment_monitoring_job": {"name": name, "display_name": "renamed"},
        "update_mask": {"paths": ["display_name"]},
    }
    with pytest.raises(exceptions.FailedPrecondition, match="JOB_STATE_PENDING"):
        jobs.update_model_deployment_monitoring_job(**change)
    running = wait_until(name, State.JOB_STATE_RUNNING)
    assert running.schedule_state == v1.ModelDeploymentMonitoringJob.MonitoringScheduleState.OFFLINE

    # and an endpoint has no second one, and cannot be deleted
    with pytest.raises(exceptions.AlreadyExists, match=name):
        create(endpoint)
    body = v1.ModelDeploymentMonitoringJob.to_json(v1.ModelDeploymentMonitoringJob(job_of(endpoint)))
    second = requests.post(f"{URL}/{name.rpartition('/')[0]}", data=body, timeout=120)
    assert refusal(second) == (409, "ALREADY_EXISTS")

    # when it is updated, it is UPDATING for a while and then runs with the change
    operation = jobs.update_model_deployment_monitoring_job(**change)
    assert jobs.get_model_deployment_monitoring_job(name=name).state == State.JOB_STATE_UPDATING
    with pytest.raises(exceptions.FailedPrecondition, match="JOB_STATE_UPDATING"):
        jobs.update_model_deployment_monitoring_job(**change)
    updated = operation.result(timeout=120)
    assert (updated.name, updated.display_name, updated.state) == (name, "renamed", State.JOB_STATE_RUNNING)
    assert dict(updated.labels) == {"wine": "white"}

    # and filters find it
    for text in ("labels.wine=white", 'display_name:"rename*" AND state="JOB_STATE_RUNNING"'):
        request = {"parent": endpoint.name.rsplit("/", 2)[0], "filter": text}
        assert name in [job.name for job in jobs.list_model_deployment_monitoring_jobs(request)]

    # and it can be deleted only while it is paused
    with pytest.raises(exceptions.FailedPrecondition, match="JOB_STATE_RUNNING"):
        jobs.delete_model_deployment_monitoring_job(name=name)
    assert refusal(requests.delete(f"{URL}/{name}", timeout=120)) == (400, "FAILED_PRECONDITION")
    jobs.pause_model_deployment_monitoring_job(name=name)
    assert jobs.get_model_deployment_monitoring_job(name=name).state == State.JOB_STATE_PAUSED
    jobs.resume_model_deployment_monitoring_job(name=name)
    assert jobs.get_model_deployment_monitoring_job(name=name).state == State.JOB_STATE_RUNNING
    with pytest.raises(exceptions.FailedPrecondition, match="only a job in state JOB_STATE_PAUSED"):
        jobs.resume_model_deployment_monitoring_job(name=name)
    jobs.pause_model_deployment_monitoring_job(name=name)
    jobs.delete_model_deployment_monitoring_job(name=name).result(timeout=120)
    assert not clients.endpoints.get_endpoint(name=endpoint.name).model_deployment_monitoring_job
    with pytest.raises(exceptions.NotFound):
        jobs.get_model_deployment_monitoring_job(name=name)


def test_an_update_is_held_to_the_rules(
    clients: Any,
    endpoint: v1.Endpoint,
    create: Callable[..., v1.ModelDeploymentMonitoringJob],
    wait_until: Callable[[str, State], v1.ModelDeploymentMonitoringJob],
) -> None:
    name = create(endpoint).name
    job = wait_until(name, State.JOB_STATE_RUNNING)

    def update(paths: list[str], **fields: Any) -> Any:
        return clients.jobs.update_model_deployment_monitoring_job(
            model_deployment_monitoring_job={"name": name, **fields}, update_mask={"paths": paths}
        )

    for path in ("endpoint", "predict_instance_schema_uri", "stats_anomalies_base_directory", "state"):
        with pytest.raises(exceptions.InvalidArgument, match=path):
            update([path])
    with pytest.raises(exceptions.InvalidArgument, match="endpoint"):
        update([], endpoint=f"{endpoint.name}9")
    with pytest.raises(exceptions.InvalidArgument, match="'404' is not a deployed model"):
        update([CONFIGS], **{CONFIGS: [objective("404")]})
    with pytest.raises(exceptions.InvalidArgument, match="is empty"):
        update([CONFIGS])
    for unknown in ("display_nme", f"{CONFIGS}.nonsense"):
        with pytest.raises(exceptions.InvalidArgument, match=f"does not have: {unknown}"):
            update([unknown])
    masked = requests.patch(f"{URL}/{name}", params={"updateMask": "endpoint"}, json={}, timeout=120)
    assert refusal(masked) == (400, "INVALID_ARGUMENT")
    with pytest.raises(exceptions.MethodNotImplemented, match=f"{CONFIGS}.objective_config"):
        update([f"{CONFIGS}.objective_config.training_dataset"])
    assert clients.jobs.get_model_deployment_monitoring_job(name=name) == job

    # without a mask, all fields that are not empty are updated
    changed = update([], **{CONFIGS: [objective(endpoint.deployed_models[0].id, 0.5)]}).result(timeout=120)
    thresholds = getattr(changed, CONFIGS)[0].objective_config.prediction_drift_detection_config
    assert thresholds.drift_thresholds["alcohol"].value == 0.5
    assert changed.display_name == job.display_name


def test_an_endpoint_that_is_monitored_cannot_be_deleted_empty(clients: Any, endpoint: v1.Endpoint) -> None:
    deployed = clients.endpoints.get_endpoint(name=endpoint.name)
    if not deployed.model_deployment_monitoring_job:
        pytest.fail("the endpoint is not monitored")
    clients.endpoints.undeploy_model(
        endpoint=endpoint.name, deployed_model_id=endpoint.deployed_models[0].id
    ).result(timeout=120)

    with pytest.raises(exceptions.FailedPrecondition, match="is monitored by"):
        clients.endpoints.delete_endpoint(name=endpoint.name)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"display_name": ""}, "display_name is required"),
        ({CONFIGS: []}, "is empty"),
        ({CONFIGS: [objective("404")]}, "'404' is not a deployed model"),
        ({"endpoint": "projects/local-project/locations/europe-west1/endpoints/404"}, "404 does not exist"),
        ({"endpoint": "wine"}, "Invalid resource name"),
    ],
)
def test_a_job_that_breaks_a_rule_is_refused(
    clients: Any,
    serving: v1.Endpoint,
    create: Callable[..., v1.ModelDeploymentMonitoringJob],
    fields: dict[str, Any],
    reason: str,
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        create(serving, **fields)

    assert not clients.endpoints.get_endpoint(name=serving.name).model_deployment_monitoring_job
