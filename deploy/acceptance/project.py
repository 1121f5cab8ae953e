"""The tested project: its location, what was deployed to it, and Google's clients for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deploy.composer import specs
from deploy.local import BUCKET, REGION, local_project

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession
    from google.cloud import aiplatform_v1, bigquery, monitoring_v3, storage

    from deploy.environments import Environment

WINE = "white"


class ProjectError(RuntimeError):
    """The project cannot be tested; the message is one line that says why."""


@dataclass(frozen=True)
class Project:
    """
    A deployed project.

    :param project: its id.
    :param region: of all resources.
    :param bucket: of the compiled pipelines, without ``gs://``.
    :param service_account: that pipeline jobs run as; None for the service's default.
    :param composer: name of the Composer environment; None where there is none.
    """

    project: str
    region: str
    bucket: str
    service_account: str | None
    composer: str | None

    @classmethod
    def of(cls, environment: Environment) -> Project:
        """
        Return the project of an environment in deploy/environments.yaml.

        :param environment: what it says.
        """
        return cls(
            environment.project,
            environment.region,
            environment.bucket,
            environment.account("pipeline"),
            environment.composer.environment,
        )

    @classmethod
    def local(cls) -> Project:
        """Use the localcloud that this process's clients connect to, and the bucket of ``make up``."""
        return cls(local_project(), REGION, BUCKET, None, None)

    @property
    def parent(self) -> str:
        """Return the resource name of the location."""
        return f"projects/{self.project}/locations/{self.region}"

    @cached_property
    def deployed(self) -> Deployed:
        """
        Return what the last ``make deploy`` deployed.

        :raises ProjectError: nothing yet.
        """
        from google.cloud.exceptions import NotFound

        uri = f"gs://{self.bucket}/{specs.pointer_name(WINE)}"
        try:
            return Deployed.parse(specs.read_current(self.storage.bucket(self.bucket), WINE))
        except NotFound:
            raise ProjectError(
                f"{uri} does not exist, or the file that it names does not: run make deploy first"
            ) from None
        except (ValueError, KeyError, StopIteration) as error:
            raise ProjectError(
                f"{uri} names no compiled pipeline: {error!r}; run make deploy again"
            ) from None

    @cached_property
    def storage(self) -> storage.Client:
        """Return a client of Cloud Storage."""
        from google.cloud import storage

        return storage.Client(project=self.project)

    @cached_property
    def bigquery(self) -> bigquery.Client:
        """Return a client of BigQuery."""
        from google.cloud import bigquery

        return bigquery.Client(project=self.project, location=self.region)

    @cached_property
    def jobs(self) -> aiplatform_v1.JobServiceClient:
        """Return a client of Vertex AI's monitoring jobs and custom jobs."""
        from google.cloud.aiplatform_v1 import JobServiceClient

        return JobServiceClient(client_options=self._options)

    @cached_property
    def pipelines(self) -> aiplatform_v1.PipelineServiceClient:
        """Return a client of Vertex AI's pipeline jobs."""
        from google.cloud.aiplatform_v1 import PipelineServiceClient

        return PipelineServiceClient(client_options=self._options)

    @cached_property
    def metadata(self) -> aiplatform_v1.MetadataServiceClient:
        """Return a client of Vertex ML Metadata."""
        from google.cloud.aiplatform_v1 import MetadataServiceClient

        return MetadataServiceClient(client_options=self._options)

    @cached_property
    def models(self) -> aiplatform_v1.ModelServiceClient:
        """Return a client of the model registry."""
        from google.cloud.aiplatform_v1 import ModelServiceClient

        return ModelServiceClient(client_options=self._options)

    @cached_property
    def endpoints(self) -> aiplatform_v1.EndpointServiceClient:
        """Return a client of Vertex AI's endpoints."""
        from google.cloud.aiplatform_v1 import EndpointServiceClient

        return EndpointServiceClient(client_options=self._options)

    @cached_property
    def predictions(self) -> aiplatform_v1.PredictionServiceClient:
        """Return a client that calls endpoints."""
        from google.cloud.aiplatform_v1 import PredictionServiceClient

        return PredictionServiceClient(client_options=self._options)

    @cached_property
    def metrics(self) -> monitoring_v3.MetricServiceClient:
        """Return a client of Cloud Monitoring."""
        from google.cloud.monitoring_v3 import MetricServiceClient

        return MetricServiceClient()

    @cached_property
    def session(self) -> AuthorizedSession:
        """Return a session that authorizes REST requests."""
        import google.auth
        from google.auth.transport.requests import AuthorizedSession

        credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        return AuthorizedSession(credentials)

    @property
    def _options(self) -> dict[str, str]:
        return {"api_endpoint": f"{self.region}-aiplatform.googleapis.com"}


@dataclass(frozen=True)
class Deployed:
    """
    What a compiled pipeline says.

    :param image: container image of its tasks.
    :param container_spec: of the models that it makes, as UploadModel takes it.
    :param machine_type: of what serves them.
    """

    image: str
    container_spec: Mapping[str, Any]
    machine_type: str

    @property
    def server(self) -> str:
        """Return the container image that serves the models."""
        return str(self.container_spec["image_uri"])

    @classmethod
    def parse(cls, spec: Mapping[str, Any]) -> Deployed:
        """
        Read a compiled pipeline.

        :param spec: its JSON form.
        :raises KeyError: it lacks a part.
        :raises StopIteration: it has no container.
        """
        executors = spec["pipelineSpec"]["deploymentSpec"]["executors"].values()
        image = next(one["container"]["image"] for one in executors if "container" in one)
        serving = spec["serving"]
        return cls(image, serving["container_spec"], serving["machine_type"])
