"""The model servers behind the deployed models."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import urllib3
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.storage import ObjectStore
from localcloud.vertex.endpoints.containers import served_folder
from localcloud.vertex.models.registry import ModelRegistry
from localcloud.vertex.worker.errors import WorkerError
from localcloud.vertex.worker.pool import Replica, WorkerPool

# where the worker answers, whatever the container's routes are
_PATH = "/v1/models/model:predict"


class Answer(NamedTuple):
    """What a model server answered."""

    content_type: str
    data: bytes


class Replicas:
    """
    Keep one model server per deployed model, restarted when it has ended.

    :param pool: starts the servers.
    :param registry: knows where a model's files are.
    :param objects: the buckets that they lie in.
    """

    def __init__(self, pool: WorkerPool, registry: ModelRegistry, objects: ObjectStore) -> None:
        self._pool = pool
        self._registry = registry
        self._objects = objects
        self._running: dict[tuple[str, str], Replica] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()
        self._http = urllib3.PoolManager(maxsize=8)

    def start(self, endpoint: str, deployed: v1.DeployedModel) -> Replica:
        """
        Return the running server of a deployed model, starting it when there is none.

        :param endpoint: name of the endpoint, within which the id is unique.
        :param deployed: its id, its model and the version.
        :raises google.api_core.exceptions.FailedPrecondition: the model cannot be loaded.
        """
        key = (endpoint, deployed.id)
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            replica = self._running.get(key)
            if replica is None or not replica.alive:
                replica = self._running[key] = self._load(deployed)
            return replica

    def stop(self, endpoint: str, deployed_model_id: str) -> None:
        """End the server of a deployed model, if it runs."""
        replica = self._running.pop((endpoint, deployed_model_id), None)
        if replica:
            replica.stop()

    def signatures(self, endpoint: str, deployed_model_id: str) -> Mapping[str, Mapping[str, Any]] | None:
        """Return the inputs of a deployed model by signature, or None while its server does not run."""
        replica = self._running.get((endpoint, deployed_model_id))
        return replica.signatures if replica is not None and replica.alive else None

    def predict(self, endpoint: str, deployed: v1.DeployedModel, body: bytes) -> Answer:
        """
        Pass a request on to the server of a deployed model.

        :param endpoint: name of the endpoint.
        :param deployed: which one.
        :param body: JSON as TensorFlow Serving takes it.
        :raises google.api_core.exceptions.InvalidArgument: the server refuses the request; with its message.
        """
        response = self._http.request(
            "POST",
            f"{self.start(endpoint, deployed).url}{_PATH}",
            body=body,
            headers={"Content-Type": "application/json"},
            retries=False,
        )
        if response.status != 200:
            raise exceptions.InvalidArgument(_message(response.data))
        return Answer(response.headers.get("Content-Type", "application/json"), response.data)

    def _load(self, deployed: v1.DeployedModel) -> Replica:
        model = self._registry.resolve(f"{deployed.model}@{deployed.model_version_id}")
        try:
            folder = served_folder(model, self._objects)
            return self._pool.start_replica(folder, f"deployed-{deployed.id}")
        except WorkerError as error:
            raise exceptions.FailedPrecondition(
                f"Model server of deployed model {deployed.id} failed to start: {error}"
            ) from error


def _message(data: bytes) -> str:
    try:
        content: Any = json.loads(data)
    except ValueError:
        content = None
    text = content.get("error") if isinstance(content, dict) else None
    return text if isinstance(text, str) else data.decode(errors="replace")
