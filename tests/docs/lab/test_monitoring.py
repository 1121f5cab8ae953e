"""Exercise 3 of docs/lab.md: watch one feature more closely than the others."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1, storage
from vertex_mlops.exceptions import ModelMonitoringJobError
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from wine_config import CONFIG_FILE, ConfigError, Wine, load_wines

from localcloud.testing import Cloud
from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.monitoring.monitoring_jobs import delete_monitoring_job, run, settle
from tests.plugins.operators.served_models import CLIENT_OPTIONS, SERVING_IMAGE, Endpoint, Models
from tests.plugins.runs.pipelines import compiled, submit
from tests.support.repository import REPOSITORY
from tests.support.task_context import REGION

pytestmark = pytest.mark.timeout(600)

ENVIRONMENT = {"WINE_PROJECT": "wine-local", "WINE_REGION": REGION, "WINE_BUCKET": "lab"}
SHARED = "    monitoring: *monitoring\n"

# Solution, in the place of the line above in dags/wine_config.yaml: the shared settings, and one threshold.
SOLUTION = """\
    monitoring:
      <<: *monitoring
      feature_drift_thresholds: {alcohol: 0.1}
"""


def wines_with(solution: str, folder: Path) -> dict[str, Wine]:
    """Return the wines of the DAG's config file after the edit, by name."""
    text = CONFIG_FILE.read_text()
    assert text.count(SHARED) == 1
    edited = folder / "wine_config.yaml"
    edited.write_text(text.replace(SHARED, solution))
    return {wine.name: wine for wine in load_wines(edited, ENVIRONMENT)}


@pytest.fixture(scope="module")
def model(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Register a small model whose inputs are `ph` and `alcohol`; return its resource name."""
    folder = tmp_path_factory.mktemp("models")
    subprocess.run(
        [cloud.settings.pipeline_python, REPOSITORY / "tests/plugins/rollout/saved_models.py", folder],
        check=True,
        capture_output=True,
    )
    bucket = storage.Client(project=cloud.settings.project).create_bucket("lab")
    for path in (folder / "sound").rglob("*"):
        if path.is_file():
            bucket.blob(f"sound/{path.relative_to(folder / 'sound')}").upload_from_filename(str(path))
    client = aiplatform_v1.ModelServiceClient(client_options=CLIENT_OPTIONS)
    described = {
        "display_name": "sound",
        "artifact_uri": "gs://lab/sound",
        "container_spec": {"image_uri": SERVING_IMAGE},
    }
    parent = client.common_location_path(cloud.settings.project, REGION)
    return client.upload_model(parent=parent, model=described).result().model


@pytest.fixture
def endpoint(cloud: Cloud, model: str) -> Iterator[Endpoint]:
    """Return an endpoint; what serves there and its monitoring job are deleted at the end."""
    client = aiplatform_v1.EndpointServiceClient(client_options=CLIENT_OPTIONS)
    parent = client.common_location_path(cloud.settings.project, REGION)
    created = client.create_endpoint(parent=parent, endpoint={"display_name": "wine-red"}).result()
    endpoint = Endpoint(client, Models({"sound": model}, ""), created.name)
    yield endpoint
    if name := endpoint.read().model_deployment_monitoring_job:
        delete_monitoring_job(name)
    endpoint.close()


def monitor(wine: Wine, endpoint: Endpoint, deployed_model_id: str) -> dict[str, Any]:
    """Run the DAG's tasks of monitoring with a wine's settings."""
    place = {"project_id": wine.project, "region": wine.region}
    operator = CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        endpoint=endpoint.name,
        deployed_model_id=deployed_model_id,
        training_examples="gs://lab/examples/1",
        pipeline_job=submit(place, "lab", compiled(data_contract=CONTRACT)),
        display_name="wine-red",
        settings=wine.monitoring,
        poll_interval=1,
        **place,
    )
    result: dict[str, Any] = run(operator)
    settle(place, result)
    return result


def thresholds_of(job: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return what Vertex AI compares: the thresholds of skew and of drift, by feature."""
    client = aiplatform_v1.JobServiceClient(client_options=CLIENT_OPTIONS)
    (config,) = client.get_model_deployment_monitoring_job(
        name=job
    ).model_deployment_monitoring_objective_configs
    objective = config.objective_config
    skew = objective.training_prediction_skew_detection_config.skew_thresholds
    drift = objective.prediction_drift_detection_config.drift_thresholds
    return (
        {name: threshold.value for name, threshold in skew.items()},
        {name: threshold.value for name, threshold in drift.items()},
    )


def test_the_threshold_reaches_the_job_that_is_there(endpoint: Endpoint, tmp_path: Path) -> None:
    deployed = endpoint.deploy("sound")
    first = monitor(wines_with(SHARED, tmp_path)["red"], endpoint, deployed)
    assert thresholds_of(first["name"]) == ({"ph": 0.3, "alcohol": 0.3}, {"ph": 0.3, "alcohol": 0.3})

    second = monitor(wines_with(SOLUTION, tmp_path)["red"], endpoint, deployed)

    assert (second["name"], second["created"]) == (first["name"], False)
    assert thresholds_of(first["name"]) == ({"ph": 0.3, "alcohol": 0.3}, {"ph": 0.3, "alcohol": 0.1})


def test_the_other_wine_keeps_its_thresholds(tmp_path: Path) -> None:
    before, after = wines_with(SHARED, tmp_path), wines_with(SOLUTION, tmp_path)

    assert before["red"].monitoring != after["red"].monitoring
    assert before["white"].monitoring == after["white"].monitoring


def test_a_feature_that_the_model_does_not_have_stops_the_task(endpoint: Endpoint, tmp_path: Path) -> None:
    wine = wines_with(SOLUTION.replace("alcohol", "sugar"), tmp_path)["red"]
    deployed = endpoint.deploy("sound")

    with pytest.raises(ModelMonitoringJobError, match="no such feature: sugar; the model has alcohol, ph"):
        monitor(wine, endpoint, deployed)


def test_a_threshold_beyond_one_stops_the_dag_from_loading(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"wines\.red\.monitoring\.feature_drift_thresholds\.alcohol"):
        wines_with(SOLUTION.replace("0.1", "1.5"), tmp_path)
