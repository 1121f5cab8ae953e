"""One wine in localcloud: its table, endpoint and models, and how to restore an earlier state."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud import aiplatform_v1, bigquery, storage
from vertex_mlops.rollout.deployed_models import deployed_version

from dev.stack.settings import StackSettings
from localcloud.testing import Cloud, eventually
from tests.plugins.operators.served_models import CLIENT_OPTIONS
from tests.sequences.trainings import compiled, served_files
from tests.support.published import upload_spec
from tests.support.task_context import REGION

_ROWS = 200
_QUIET_SECONDS = 30
Snapshot = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Seen:
    """
    The present state of an endpoint.

    :param name: its resource name.
    :param versions: by the id of each deployed model the version that it was made from: ``models/m@3``.
    :param traffic: shares above zero by the id.
    :param monitoring_job: resource name; empty if there is none.
    """

    name: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    traffic: dict[str, int] = field(default_factory=dict)
    monitoring_job: str = ""


@dataclass
class Wine:
    """
    A wine, read with Google's clients.

    :param cloud: the running localcloud.
    :param name: of the wine.
    """

    cloud: Cloud
    settings: StackSettings
    name: str

    @cached_property
    def endpoints(self) -> Any:
        return aiplatform_v1.EndpointServiceClient(client_options=CLIENT_OPTIONS)

    @cached_property
    def models(self) -> Any:
        return aiplatform_v1.ModelServiceClient(client_options=CLIENT_OPTIONS)

    @cached_property
    def jobs(self) -> Any:
        return aiplatform_v1.JobServiceClient(client_options=CLIENT_OPTIONS)

    @cached_property
    def pipelines(self) -> Any:
        return aiplatform_v1.PipelineServiceClient(client_options=CLIENT_OPTIONS)

    @property
    def parent(self) -> str:
        return f"projects/{self.cloud.settings.project}/locations/{REGION}"

    @property
    def model(self) -> str:
        """Return the resource name of the wine's only model."""
        return f"{self.parent}/models/wine-{self.name}"

    def make(self) -> None:
        """Create the table and the bucket, and upload the files of the models."""
        bucket = storage.Client(project=self.cloud.settings.project).bucket(self.settings.bucket)
        if not bucket.exists():
            bucket.create(location="EU")
        for path in served_files():
            bucket.blob(path).upload_from_string(b"")
        client = bigquery.Client(project=self.cloud.settings.project)
        client.create_dataset(self.settings.dataset, exists_ok=True)
        values = ", ".join(
            f"({3 + row % 7 / 10}, {9 + row % 50 / 10}, {3 + row % 6})" for row in range(_ROWS)
        )
        table = f"`{self.settings.dataset}.{self.name}_wine`"
        client.query_and_wait(f"CREATE TABLE {table} (ph FLOAT64, alcohol FLOAT64, quality INT64)")
        client.query_and_wait(f"INSERT INTO {table} (ph, alcohol, quality) VALUES {values}")
        self.publish("sound")

    def publish(self, model: str) -> None:
        """Upload the compiled pipeline whose training has a certain result."""
        champion = self.aliases().get("champion", "")
        spec = compiled(
            self.name, model, self.settings.bucket, f"{self.model}@{champion}" if champion else ""
        )
        upload_spec(self.settings, self.name, spec)

    def see(self) -> Seen:
        """Read the endpoint."""
        found = self._endpoints()
        if not found:
            return Seen()
        endpoint = found[0]
        return Seen(
            name=endpoint.name,
            versions={
                deployed.id: deployed_version(deployed).partition("/models/")[2]
                for deployed in endpoint.deployed_models
            },
            traffic={id_: share for id_, share in endpoint.traffic_split.items() if share},
            monitoring_job=endpoint.model_deployment_monitoring_job,
        )

    def versions(self) -> list[str]:
        """Return the numbers of all versions, the oldest first."""
        return sorted((version.version_id for version in self._versions()), key=int)

    def aliases(self) -> dict[str, str]:
        """Return the version number of each alias, except Vertex AI's own."""
        return {
            alias: version.version_id
            for version in self._versions()
            for alias in version.version_aliases
            if alias != "default"
        }

    def compared_with(self, job: str) -> str:
        """
        Return the number of the version that the model of a training was compared with; empty if none.

        :param job: resource name of the pipeline job.
        """
        details = self.pipelines.get_pipeline_job(name=job).job_detail.task_details
        (report,) = (artifact for task in details for artifact in task.outputs["metrics"].artifacts)
        return str((report.metadata or {}).get("champion_version", "")).rpartition("@")[2]

    def monitoring_jobs(self) -> list[Any]:
        """Return every monitoring job of the wine's endpoints."""
        names = {endpoint.name for endpoint in self._endpoints()}
        jobs = self.jobs.list_model_deployment_monitoring_jobs(parent=self.parent)
        return [job for job in jobs if job.endpoint in names]

    def _versions(self) -> list[Any]:
        try:
            return list(self.models.list_model_versions(name=self.model))
        except NotFound:
            return []

    def _endpoints(self) -> list[Any]:
        request = {
            "parent": self.parent,
            "filter": f'display_name="wine-{self.name}"',
            "order_by": "create_time",
        }
        return list(self.endpoints.list_endpoints(request=request))


class Vault:
    """
    Restores Vertex AI's resources, without a new process.

    The pipeline jobs, models, endpoints and monitoring jobs of localcloud are rows of one file.

    :param cloud: the running localcloud.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._path = cloud.settings.state / "vertex" / "resources.sqlite"
        self._endpoints = aiplatform_v1.EndpointServiceClient(client_options=CLIENT_OPTIONS)
        self._parent = f"projects/{cloud.settings.project}/locations/{REGION}"

    def take(self) -> Snapshot:
        """Read all resources, once nothing is in progress."""
        self._await_quiet()
        with self._connect() as connection:
            return connection.execute(
                "SELECT name, collection, body FROM resources ORDER BY position"
            ).fetchall()

    def restore(self, snapshot: Snapshot) -> None:
        """Stop every model server, and restore the resources."""
        for endpoint in self._endpoints.list_endpoints(parent=self._parent):
            self._empty(endpoint)
        self._await_quiet()
        with self._connect() as connection:
            connection.execute("DELETE FROM resources")
            connection.executemany(
                "INSERT INTO resources (name, collection, body) VALUES (?, ?, ?)", snapshot
            )

    def _empty(self, endpoint: Any) -> None:
        if endpoint.traffic_split:
            self._endpoints.update_endpoint(
                endpoint={"name": endpoint.name}, update_mask={"paths": ["traffic_split"]}
            )
        for deployed in endpoint.deployed_models:
            self._endpoints.undeploy_model(endpoint=endpoint.name, deployed_model_id=deployed.id)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_QUIET_SECONDS)

    def _await_quiet(self) -> None:
        """Wait until no operation and no pipeline job is in progress."""
        eventually(self._busy, lambda busy: not busy, _QUIET_SECONDS, every=0.01)

    def _busy(self) -> bool:
        # the request of an operation is kept until it has ended
        with self._connect() as connection:
            found = connection.execute("SELECT 1 FROM resources WHERE name LIKE '%/operations/%/request'")
            return found.fetchone() is not None
