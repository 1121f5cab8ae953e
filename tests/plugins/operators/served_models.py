"""Small models in the registry, and endpoints that serve them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.cloud import aiplatform_v1

from localcloud.config import Settings
from tests.plugins.monitoring.monitoring_jobs import delete_monitoring_job
from tests.support.airflow_environment import REPOSITORY
from tests.support.task_context import REGION

SERVING_IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
TENSORFLOW_SERVING = {
    "image_uri": f"{REGION}-docker.pkg.dev/wine-local/wine-mlops/tensorflow-serving@sha256:{64 * '0'}",
    "command": ["/usr/bin/tensorflow_model_server"],
    "args": [
        "--model_name=model",
        "--model_base_path=$(AIP_STORAGE_URI)",
        "--rest_api_port=8080",
        "--file_system_poll_wait_seconds=0",
    ],
    "ports": [{"container_port": 8080}],
    "predict_route": "/v1/models/model:predict",
    "health_route": "/v1/models/model",
}
CLIENT_OPTIONS = {"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}


@dataclass(frozen=True)
class Models:
    """
    The models of tests/plugins/rollout/saved_models.py in the model registry.

    :param names: resource name of each.
    :param example: the tf.Example that all of them know, in base64.
    """

    names: dict[str, str]
    example: str


def register_models(settings: Settings, bucket: Any, folder: Path) -> Models:
    """Export the models to a folder, upload them to a bucket and register them."""
    _export(settings, folder)
    return _register_all(settings, bucket, folder)


def _export(settings: Settings, folder: Path) -> None:
    exported = subprocess.run(
        [settings.pipeline_python, REPOSITORY / "tests/plugins/rollout/saved_models.py", folder / "models"],
        check=True,
        capture_output=True,
        text=True,
    )
    (folder / "example").write_text(exported.stdout.strip())


def _register_all(settings: Settings, bucket: Any, folder: Path) -> Models:
    for path in (folder / "models").rglob("*"):
        if path.is_file():
            bucket.blob(str(path.relative_to(folder))).upload_from_filename(path)
    names = {
        path.name: _register(settings.project, f"gs://{bucket.name}/models/{path.name}")
        for path in (folder / "models").iterdir()
    }
    return Models(names, (folder / "example").read_text())


def _register(project: str, folder: str) -> str:
    client = aiplatform_v1.ModelServiceClient(client_options=CLIENT_OPTIONS)
    model = {
        "display_name": Path(folder).name,
        "artifact_uri": folder,
        "container_spec": {"image_uri": SERVING_IMAGE},
    }
    parent = client.common_location_path(project, REGION)
    return client.upload_model(parent=parent, model=model).result().model


@dataclass
class Endpoint:
    """An endpoint and what a test does to it."""

    client: aiplatform_v1.EndpointServiceClient
    models: Models
    name: str

    def deploy(self, model: str, traffic: int = 100) -> str:
        """Deploy one of the models and return its id; what serves already shares the rest of the traffic."""
        current = dict(self.read().traffic_split)
        split = {"0": traffic} | {id_: share * (100 - traffic) // 100 for id_, share in current.items()}
        machine = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
        deployed = self.client.deploy_model(
            endpoint=self.name,
            deployed_model={"model": self.models.names[model], "dedicated_resources": machine},
            traffic_split=split,
        ).result()
        return deployed.deployed_model.id

    def serve_from(self, deployed_model_id: str) -> None:
        """Shift all traffic to one of the deployed models."""
        self.client.update_endpoint(
            endpoint={"name": self.name, "traffic_split": {deployed_model_id: 100}},
            update_mask={"paths": ["traffic_split"]},
        )

    def undeploy(self, deployed_model_id: str) -> None:
        """Undeploy a model that has no traffic."""
        self.client.undeploy_model(endpoint=self.name, deployed_model_id=deployed_model_id).result()

    def read(self) -> aiplatform_v1.Endpoint:
        return self.client.get_endpoint(name=self.name)

    @property
    def traffic(self) -> dict[str, int]:
        return {id_: share for id_, share in self.read().traffic_split.items() if share}

    @property
    def deployed(self) -> set[str]:
        return {model.id for model in self.read().deployed_models}

    def close(self) -> None:
        """Stop every model server."""
        while deployed := sorted(self.deployed):
            first, *others = deployed
            # a model can only be undeployed when it has no traffic, or is the last one
            split = {others[0]: 100} if others else {}
            self.client.undeploy_model(
                request={"endpoint": self.name, "deployed_model_id": first, "traffic_split": split}
            ).result()


@contextmanager
def open_endpoint(place: dict[str, str], models: Models) -> Iterator[Endpoint]:
    """Create an endpoint; at the end its monitoring job is deleted, and its model servers stop."""
    client = aiplatform_v1.EndpointServiceClient(client_options=CLIENT_OPTIONS)
    parent = client.common_location_path(place["project_id"], REGION)
    name = client.create_endpoint(parent=parent, endpoint={"display_name": "wine-test"}).result().name
    endpoint = Endpoint(client, models, name)
    yield endpoint
    if job := endpoint.read().model_deployment_monitoring_job:
        delete_monitoring_job(job)
    endpoint.close()
