"""Google's own clients of the session's localcloud, and a small model to deploy."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from tests.vertex.vertex_clients import API, BUCKET, IMAGE, REGION, Clients, Wine, dedicated

from localcloud.testing import MakeOnce
from localcloud.testing.sample_model import upload_folder

# Two signatures, like the models that the pipeline pushes; prints a tf.Example of a wine in base64.
_EXPORT = """
import base64, sys
import tensorflow as tf

class Wine(tf.Module):
    def __init__(self, offset):
        self.offset = tf.Variable(float(offset))

    def answer(self, alcohol):
        return {"good": tf.sigmoid(alcohol - self.offset), "grade": alcohol / 2}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(self, examples):
        spec = {"alcohol": tf.io.FixedLenFeature([1], tf.float32)}
        return self.answer(tf.io.parse_example(examples, spec)["alcohol"])

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="alcohol")])
    def serving_raw(self, alcohol):
        return self.answer(alcohol)

wine = Wine(10)
signatures = {"serving_default": wine.serving_default, "serving_raw": wine.serving_raw}
tf.saved_model.save(wine, sys.argv[1], signatures=signatures)
alcohol = tf.train.Feature(float_list=tf.train.FloatList(value=[13.8]))
example = tf.train.Example(features=tf.train.Features(feature={"alcohol": alcohol}))
print(base64.b64encode(example.SerializeToString()).decode())
"""


@pytest.fixture(scope="session")
def parent(cloud: Any) -> str:
    """Return the name of the location that the tests work in."""
    return f"projects/{cloud.settings.project}/locations/{REGION}"


@pytest.fixture(scope="session")
def clients(cloud: Any) -> Clients:
    return Clients(
        v1.EndpointServiceClient(client_options=API),
        v1.ModelServiceClient(client_options=API),
        v1.JobServiceClient(client_options=API),
        v1.PredictionServiceClient(client_options=API),
    )


@pytest.fixture(scope="session")
def bucket(cloud: Any) -> storage.Bucket:
    client = storage.Client(project=cloud.settings.project)
    # tests of other folders use these fixtures too
    return client.lookup_bucket(BUCKET) or client.create_bucket(BUCKET)


@pytest.fixture(scope="session")
def wine(pipeline_python: Path, bucket: storage.Bucket, make_once: MakeOnce) -> Wine:
    """Export a SavedModel in the pipeline environment and upload it."""

    def export(folder: Path) -> None:
        command = [pipeline_python, "-c", _EXPORT, folder / "model"]
        exported = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        (folder / "example").write_text(exported.stdout.split()[-1])

    folder = make_once("alcohol-wine", export)
    upload_folder(bucket, folder / "model", "wine")
    return Wine(f"gs://{BUCKET}/wine", folder / "model", (folder / "example").read_text())


@pytest.fixture(scope="session")
def new_model(clients: Clients, parent: str, wine: Wine) -> Callable[..., v1.UploadModelResponse]:
    """Upload the wine as a model; keywords set other fields of the request's model."""

    def upload(parent_model: str = "", **fields: Any) -> v1.UploadModelResponse:
        model = {
            "display_name": f"wine-{uuid.uuid4().hex[:8]}",
            "artifact_uri": wine.uri,
            "container_spec": {"image_uri": IMAGE},
            **fields,
        }
        request = {"parent": parent, "model": model, "parent_model": parent_model}
        return clients.models.upload_model(request).result(timeout=120)

    return upload


@pytest.fixture(scope="session")
def new_endpoint(clients: Clients, parent: str) -> Callable[..., v1.Endpoint]:
    """Create an endpoint; keywords set other fields."""

    def create(**fields: Any) -> v1.Endpoint:
        endpoint = {"display_name": f"wine-{uuid.uuid4().hex[:8]}", **fields}
        return clients.endpoints.create_endpoint(parent=parent, endpoint=endpoint).result(timeout=120)

    return create


@pytest.fixture(scope="session")
def deploy(clients: Clients) -> Callable[..., v1.DeployedModel]:
    """Deploy a model to an endpoint; keywords set other fields of the deployed model."""

    def deploy_model(
        endpoint: str, model: str, split: dict[str, int] | None = None, **fields: Any
    ) -> v1.DeployedModel:
        deployed = {"model": model, "dedicated_resources": dedicated(), **fields}
        operation = clients.endpoints.deploy_model(
            endpoint=endpoint, deployed_model=deployed, traffic_split=split or {}
        )
        return operation.result(timeout=120).deployed_model

    return deploy_model


@pytest.fixture(scope="session")
def serving(
    clients: Clients,
    new_endpoint: Callable[..., v1.Endpoint],
    new_model: Callable[..., v1.UploadModelResponse],
    deploy: Callable[..., v1.DeployedModel],
) -> v1.Endpoint:
    """Return an endpoint with one deployed model that gets all the traffic; tests leave it as it is."""
    endpoint = new_endpoint()
    deploy(endpoint.name, new_model().model, {"0": 100})
    return clients.endpoints.get_endpoint(name=endpoint.name)
