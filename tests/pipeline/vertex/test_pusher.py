"""A blessed model goes behind an endpoint without Airflow, in either container."""

from __future__ import annotations

import base64
import json

import pytest
from google.cloud import aiplatform, storage
from tfx.types import standard_artifacts
from tfx.utils import json_utils
from wine_pipeline.config import ServingConfig, Target
from wine_pipeline.data.data_contract import known_instances
from wine_pipeline.evaluation.majority import Majority, export_majority
from wine_pipeline.vertex.pusher import Executor
from wine_pipeline.vertex.serving import add_version_folder, build_container_spec

from localcloud.testing import Cloud
from tests.pipeline import stages

BUCKET = "pushed"
TARGET = Target("wine-local", "europe-west1", BUCKET)
ANSWER = {"good": [1.0], "grade": [7.0]}


@pytest.fixture(scope="module")
def model(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Leave a Model as the Trainer does, and return its address."""
    folder = tmp_path_factory.mktemp("model")
    export_majority(Majority(good=1.0, grade=7.0), str(folder / "Format-Serving"))
    bucket = storage.Client(project=cloud.settings.project).create_bucket(BUCKET, location="EU")
    for path in folder.rglob("*"):
        if path.is_file():
            bucket.blob(f"model/{path.relative_to(folder)}").upload_from_filename(path)
    add_version_folder(f"gs://{BUCKET}/model/Format-Serving")
    return f"gs://{BUCKET}/model"


def push(model: str, name: str, serving: ServingConfig, *, blessed: bool) -> standard_artifacts.PushedModel:
    """Run the Pusher's executor."""
    artifacts = {
        "model": standard_artifacts.Model(),
        "model_blessing": standard_artifacts.ModelBlessing(),
        "pushed_model": standard_artifacts.PushedModel(),
    }
    artifacts["model"].uri, artifacts["pushed_model"].uri = model, f"gs://{BUCKET}/{name}"
    artifacts["model_blessing"].set_int_custom_property("blessed", int(blessed))
    pushed = artifacts.pop("pushed_model")
    config = {
        "ai_platform_vertex_region": TARGET.region,
        "container_spec": build_container_spec(serving, TARGET),
        "ai_platform_serving_args": {
            "project_id": TARGET.project,
            "endpoint_name": name,
            "machine_type": serving.machine_type,
            "min_replica_count": 1,
            "max_replica_count": 1,
        },
    }
    inputs = {key: [artifact] for key, artifact in artifacts.items()}
    Executor().Do(inputs, {"pushed_model": [pushed]}, {"custom_config": json_utils.dumps(config)})
    return pushed


@pytest.mark.parametrize("prebuilt", [False, True], ids=["tensorflow-serving", "prebuilt"])
def test_a_blessed_model_serves_both_requests_of_the_lab(model: str, prebuilt: bool) -> None:
    name = f"wine-{'prebuilt' if prebuilt else 'serving'}"

    pushed = push(model, name, ServingConfig(prebuilt=prebuilt), blessed=True)

    (endpoint,) = aiplatform.Endpoint.list(filter=f"display_name={name}")
    (deployed,) = endpoint.list_models()
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_destination").endswith(
        f"/{deployed.model.split('/')[-1]}"
    )
    instance = known_instances()[0]
    example = base64.b64encode(stages.to_example(values(instance)).SerializeToString()).decode()
    answer = endpoint.predict(instances=[{"examples": {"b64": example}}])
    assert answer.predictions == [ANSWER]
    body = json.dumps({"signature_name": "serving_raw", "instances": [instance]}).encode()
    raw = endpoint.raw_predict(body=body, headers={"Content-Type": "application/json"})
    assert raw.json()["predictions"] == [ANSWER]
    endpoint.delete(force=True)


def values(instance: dict[str, list[float]]) -> dict[str, float]:
    return {name: value for name, (value,) in instance.items()}


def test_a_second_push_takes_all_traffic_of_the_same_endpoint(model: str) -> None:
    for _ in range(2):
        push(model, "wine-again", ServingConfig(), blessed=True)

    (endpoint,) = aiplatform.Endpoint.list(filter="display_name=wine-again")
    _, second = endpoint.list_models()
    assert {name: share for name, share in endpoint.traffic_split.items() if share} == {second.id: 100}
    endpoint.delete(force=True)


def test_a_model_that_is_not_blessed_is_not_pushed(model: str) -> None:
    pushed = push(model, "wine-refused", ServingConfig(), blessed=False)

    assert pushed.get_int_custom_property("pushed") == 0
    assert not aiplatform.Endpoint.list(filter="display_name=wine-refused")
