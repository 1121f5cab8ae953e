"""The aiplatform SDK and the Airflow provider's hooks, as the pipeline and the DAG use them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform
from google.cloud.aiplatform import model_monitoring

from localcloud.testing import eventually

IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
REGION = "europe-west1"
GRADE = pytest.approx(6.9, abs=1e-5)

_HOOKS = f"""
from airflow.providers.google.cloud.hooks.vertex_ai.endpoint_service import EndpointServiceHook
from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook

where = {{"project_id": "local-project", "region": "{REGION}"}}
hook = EndpointServiceHook()
operation = hook.create_endpoint(endpoint={{"display_name": "hooked"}}, **where)
created = hook.wait_for_operation(timeout=120, operation=operation)
found = list(hook.list_endpoints(filter='display_name="hooked"', **where))
assert [endpoint.name for endpoint in found] == [created.name], found
operation = hook.delete_endpoint(endpoint=created.name.split("/")[-1], **where)
hook.wait_for_operation(timeout=120, operation=operation)
ModelServiceHook().list_models(**where)
print("hooks work")
"""


@pytest.fixture
def sdk(cloud: Any) -> Iterator[None]:
    aiplatform.init(project=cloud.settings.project, location=REGION)
    yield
    aiplatform.initializer.global_pool.shutdown(wait=True)


def test_a_model_is_pushed_and_replaced_as_tfx_does_it(cloud: Any, sdk: None, wine: Any) -> None:
    # given an endpoint that TFX's pusher looks for by its name and makes
    assert aiplatform.Endpoint.list(filter='display_name="pushed"') == []
    endpoint = aiplatform.Endpoint.create(display_name="pushed", labels={"wine": "white"})
    assert [found.name for found in aiplatform.Endpoint.list(filter="display_name=pushed")] == [endpoint.name]

    # when it pushes twice
    models = []
    for version in ("v1", "v2"):
        model = aiplatform.Model.upload(
            display_name=version, artifact_uri=wine.uri, serving_container_image_uri=IMAGE
        )
        model.wait()
        model.deploy(endpoint=endpoint, machine_type="n1-standard-2", traffic_percentage=100)
        models.append(model)

    # then the second answers everything, the first stays without traffic
    first, second = endpoint.list_models()
    assert [first.display_name, second.display_name] == ["v1", "v2"]
    assert {deployed: share for deployed, share in endpoint.traffic_split.items() if share} == {
        second.id: 100
    }
    answer = endpoint.predict(instances=[{"examples": {"b64": wine.example}}])
    assert answer.predictions[0]["grade"] == [GRADE]
    assert (answer.deployed_model_id, answer.model_resource_name) == (second.id, models[1].resource_name)

    # and the lab's raw request gets the same answer
    raw = endpoint.raw_predict(
        body=json.dumps({"signature_name": "serving_raw", "instances": [{"alcohol": [13.8]}]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    assert raw.json()["predictions"][0]["grade"] == [GRADE]

    # and everything can be deleted
    with pytest.raises(exceptions.FailedPrecondition):
        models[0].delete()
    endpoint.undeploy(deployed_model_id=first.id)
    models[0].delete()
    endpoint.delete(force=True)
    assert aiplatform.Endpoint.list(filter='display_name="pushed"') == []


def test_a_version_is_uploaded_under_its_model(sdk: None, wine: Any) -> None:
    first = aiplatform.Model.upload(
        display_name="versioned", artifact_uri=wine.uri, serving_container_image_uri=IMAGE
    )
    second = aiplatform.Model.upload(
        parent_model=first.resource_name,
        is_default_version=False,
        version_aliases=["challenger"],
        artifact_uri=wine.uri,
        serving_container_image_uri=IMAGE,
    )

    assert (second.name, second.version_id) == (first.name, "2")
    versions = aiplatform.models.ModelRegistry(first).list_versions()
    assert [version.version_aliases for version in versions] == [["default"], ["challenger"]]
    assert aiplatform.Model(f"{first.name}@challenger").version_id == "2"


def test_a_monitoring_job_is_made_and_removed(sdk: None, wine: Any, serving: Any) -> None:
    drift = model_monitoring.DriftDetectionConfig(drift_thresholds={"alcohol": 0.3})

    job = aiplatform.ModelDeploymentMonitoringJob.create(
        endpoint=aiplatform.Endpoint(serving.name),
        display_name="monitored",
        logging_sampling_strategy=model_monitoring.RandomSampleConfig(sample_rate=0.8),
        schedule_config=model_monitoring.ScheduleConfig(monitor_interval=1),
        alert_config=model_monitoring.EmailAlertConfig(user_emails=["a@example.com"]),
        objective_configs=model_monitoring.ObjectiveConfig(drift_detection_config=drift),
    )

    configs = job._gca_resource.model_deployment_monitoring_objective_configs
    assert [config.deployed_model_id for config in configs] == [serving.deployed_models[0].id]
    eventually(lambda: job.state.name, lambda state: state != "JOB_STATE_PENDING")
    job.update(display_name="renamed")
    with pytest.raises(exceptions.FailedPrecondition):
        job.delete()
    job.pause()
    job.delete()
    # the SDK does not wait for the operation
    eventually(
        lambda: aiplatform.ModelDeploymentMonitoringJob.list(filter='display_name="renamed"'),
        lambda jobs: not jobs,
    )


def test_the_airflow_hooks_get_their_results(cloud: Any, tmp_path: Path) -> None:
    pytest.importorskip("airflow.providers.google", reason="Airflow's Google provider is not installed")
    done = cloud.client("env", f"AIRFLOW_HOME={tmp_path}", sys.executable, "-c", _HOOKS)

    assert "hooks work" in done.stdout, done.stderr[-2000:]
