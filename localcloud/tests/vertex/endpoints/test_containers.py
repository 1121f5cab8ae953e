"""The containers that serve a model: Google's prebuilt one, and TensorFlow Serving by its command."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.api import httpbody_pb2
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from tests.vertex.vertex_clients import IMAGE, Wine, dedicated

from localcloud.testing.sample_model import upload_folder

NewEndpoint = Callable[..., v1.Endpoint]
NewModel = Callable[..., v1.UploadModelResponse]
Deploy = Callable[..., v1.DeployedModel]

ARGS = {
    "model_name": "model",
    "model_base_path": "$(AIP_STORAGE_URI)",
    "rest_api_port": "8080",
    "file_system_poll_wait_seconds": "0",
}
OWN_IMAGE = "europe-west1-docker.pkg.dev/local-project/wine-mlops/tensorflow-serving@sha256:" + 64 * "0"
GRADE = pytest.approx(6.9, abs=1e-5)


def tensorflow_serving(flags: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Create a container spec as vertex-ai-samples do; a flag of None is left out."""
    given = {name: value for name, value in {**ARGS, **(flags or {})}.items() if value is not None}
    return {
        "image_uri": OWN_IMAGE,
        "command": ["/usr/bin/tensorflow_model_server"],
        "args": [f"--{name}={value}" for name, value in given.items()],
        "ports": [{"container_port": 8080}],
        "predict_route": "/v1/models/model:predict",
        "health_route": "/v1/models/model",
        **fields,
    }


@pytest.fixture(scope="module")
def versions(bucket: Any, wine: Wine) -> str:
    """Return a folder as the pipeline writes it: the model, and a copy in a folder of its version."""
    for prefix in ("versions", "versions/1"):
        upload_folder(bucket, wine.folder, prefix)
    return f"gs://{bucket.name}/versions"


@pytest.mark.parametrize(
    "container", [{"image_uri": IMAGE}, tensorflow_serving()], ids=["prebuilt", "tensorflow-serving"]
)
def test_both_requests_of_the_lab_are_answered_by_either_container(
    clients: Any,
    new_endpoint: NewEndpoint,
    new_model: NewModel,
    deploy: Deploy,
    versions: str,
    wine: Wine,
    container: dict[str, Any],
) -> None:
    # given a second version of a model
    parent = new_model(artifact_uri=versions, container_spec=container).model
    version = new_model(parent_model=parent, artifact_uri=versions, container_spec=container).model_version_id
    endpoint = new_endpoint().name

    deploy(endpoint, f"{parent}@{version}", {"0": 100})

    body = {"signature_name": "serving_raw", "instances": [{"alcohol": [13.8]}]}
    raw = clients.predictions.raw_predict(
        endpoint=endpoint,
        http_body=httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(body).encode()),
    )
    assert json.loads(raw.data)["predictions"][0]["grade"] == [GRADE]
    answer = clients.predictions.predict(endpoint=endpoint, instances=[{"examples": {"b64": wine.example}}])
    assert list(answer.predictions[0]["grade"]) == [GRADE]
    assert answer.model_version_id == "2"
    stored = clients.models.get_model(name=f"{parent}@{version}").container_spec
    assert v1.ModelContainerSpec(container) == stored


def test_the_highest_number_is_served(
    clients: Any, new_endpoint: NewEndpoint, new_model: NewModel, deploy: Deploy, bucket: Any, wine: Wine
) -> None:
    # as strings, 9 comes after 10; the model in 9 could not be loaded
    upload_folder(bucket, wine.folder, "numbers/10")
    bucket.blob("numbers/9/saved_model.pb").upload_from_string("no model")
    bucket.blob("numbers/readme/saved_model.pb").upload_from_string("no model")
    model = new_model(
        artifact_uri=f"gs://{bucket.name}/numbers/",
        container_spec=tensorflow_serving({"rest_api_port": "$(AIP_HTTP_PORT)"}),
    ).model
    endpoint = new_endpoint().name

    deploy(endpoint, model, {"0": 100})

    answer = clients.predictions.predict(endpoint=endpoint, instances=[{"examples": {"b64": wine.example}}])
    assert list(answer.predictions[0]["grade"]) == [GRADE]


def test_without_a_folder_of_a_number_the_deployment_fails_in_the_servers_own_words(
    clients: Any, new_endpoint: NewEndpoint, new_model: NewModel, deploy: Deploy, wine: Wine
) -> None:
    # UploadModel does not check what a custom container reads
    model = new_model(container_spec=tensorflow_serving()).model
    endpoint = new_endpoint()

    with pytest.raises(exceptions.FailedPrecondition) as refused:
        deploy(endpoint.name, model, {"0": 100})

    assert (
        f"No versions of servable model found under base path {wine.uri}."
        " Did you forget to name your leaf directory as a number (eg. '/1/')?"
    ) in refused.value.message
    assert clients.endpoints.get_endpoint(name=endpoint.name) == endpoint


def test_the_prebuilt_container_does_not_look_into_folders_of_numbers(
    new_model: NewModel, bucket: Any, wine: Wine
) -> None:
    upload_folder(bucket, wine.folder, "numbered-only/1")

    with pytest.raises(exceptions.FailedPrecondition, match=r"expected to contain .*saved_model\.pb"):
        new_model(artifact_uri=f"gs://{bucket.name}/numbered-only")


NEVER_READY: list[tuple[dict[str, Any], str]] = [
    (tensorflow_serving({"model_base_path": None}), "model_base_path and .* are empty"),
    (tensorflow_serving({"model_base_path": "$(AIP_STORAGE_URI)/absent"}), "Could not find base path"),
    (tensorflow_serving({"model_base_path": "gs://no-such-bucket/wine"}), "Could not find base path"),
    (tensorflow_serving({"model_base_path": "/models/model"}), "Could not find base path /models/model"),
    (tensorflow_serving({"model_base_path": "$(MODELS)"}), r"of \$\(NAME\) only these are known"),
    (tensorflow_serving({"model_name": "wine"}), "the model wine answers on /v1/models/wine"),
    (tensorflow_serving({"model_name": None}), "the model default answers on"),
    (tensorflow_serving(health_route="/healthz"), "Malformed request: /healthz"),
    (tensorflow_serving(health_route=""), "no health_route"),
    (tensorflow_serving(predict_route="/predict"), "Malformed request: /predict"),
    (tensorflow_serving({"rest_api_port": None}), "nothing listens on port 8080"),
    (tensorflow_serving({"rest_api_port": "8501"}), "nothing listens on port 8080"),
    (
        tensorflow_serving(
            {"rest_api_port": "8501"}, ports=[{"container_port": 8080}, {"container_port": 8501}]
        ),
        "nothing listens on port 8080",
    ),
    (tensorflow_serving({"port": "8080"}), "cannot be the same as --port"),
    (tensorflow_serving({"file_system_poll_wait_seconds": "-1"}), "No versions of servable model"),
    (tensorflow_serving({"rest_api_port": "http"}), "Couldn't interpret value http"),
    (tensorflow_serving({"colour": "red"}), "unknown argument: --colour=red"),
    (tensorflow_serving(args=["model_name=model"]), "unknown argument: model_name=model"),
]


def test_a_server_that_would_never_be_ready_fails_the_deployment(
    clients: Any, parent: str, serving: v1.Endpoint, versions: str
) -> None:
    # all at once, since each operation takes some time
    uploads = [
        clients.models.upload_model(
            parent=parent,
            model={"display_name": "never ready", "artifact_uri": versions, "container_spec": container},
        )
        for container, _ in NEVER_READY
    ]
    models = [upload.result(timeout=60).model for upload in uploads]
    deployments = [
        clients.endpoints.deploy_model(
            endpoint=serving.name, deployed_model={"model": model, "dedicated_resources": dedicated()}
        )
        for model in models
    ]

    for deployment, (_, reason) in zip(deployments, NEVER_READY, strict=True):
        with pytest.raises(exceptions.FailedPrecondition, match=f"failed to start: .*{reason}"):
            deployment.result(timeout=60)


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ({"image_uri": OWN_IMAGE}, f"{OWN_IMAGE} without the command"),
        ({"image_uri": IMAGE.removesuffix(":latest")}, "tf2-cpu.2-15 without the command"),
        (tensorflow_serving(command=["/usr/bin/python3"]), f"/usr/bin/python3 of {OWN_IMAGE}"),
        (tensorflow_serving(image_uri=IMAGE), "ModelContainerSpec.command"),
        (tensorflow_serving({"enable_batching": "true"}), "--enable_batching"),
        (tensorflow_serving(env=[{"name": "A", "value": "b"}]), "ModelContainerSpec.env"),
    ],
)
def test_a_container_that_is_not_imitated_is_refused_by_name(
    serving: v1.Endpoint,
    new_model: NewModel,
    deploy: Deploy,
    versions: str,
    container: dict[str, Any],
    named: str,
) -> None:
    model = new_model(artifact_uri=versions, container_spec=container).model

    with pytest.raises(exceptions.MethodNotImplemented, match=named):
        deploy(serving.name, model)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"image_uri": "tensorflow/serving:2.21.0"}, "Artifact Registry, got 'tensorflow/serving:2.21.0'"),
        ({"image_uri": "docker.io/tensorflow/serving:2.21.0"}, "Artifact Registry"),
        ({"ports": [{"container_port": 80800}]}, "80800 is not between 1 and 65535"),
    ],
)
def test_an_upload_is_held_to_what_the_api_says_of_a_container(
    new_model: NewModel, versions: str, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        new_model(artifact_uri=versions, container_spec=tensorflow_serving(**fields))
