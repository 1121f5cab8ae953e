"""Reads environments.yaml: which project, bucket and Composer environment an ENV is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

ENVIRONMENTS_FILE = Path(__file__).with_name("environments.yaml")
PIPELINE_IMAGE = "wine-pipeline"
SERVING_IMAGE = "tensorflow-serving"
SERVING_VERSION = "2.21.0"
# https://www.tensorflow.org/tfx/serving/docker
SERVING_SOURCE = f"docker.io/tensorflow/serving:{SERVING_VERSION}"

ProjectId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
Region = Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+[0-9]+$")]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")]
ResourceId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,61}[a-z0-9]$")]
AccountId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
ImageVersion = Annotated[str, Field(pattern=r"^composer-3-airflow-\d+\.\d+\.\d+-build\.\d+$")]
GithubRepository = Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]


class EnvironmentsError(ValueError):
    """environments.yaml is wrong, or has no such environment; the message names the key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Composer(_Strict):
    """
    The Managed Airflow (Gen 3) environment.

    :param environment: its name.
    :param image_version: Airflow version and build, composer-3-airflow-x.y.z-build.n.
    :param size: preset of the environment's infrastructure.
    """

    environment: ResourceId
    image_version: ImageVersion
    size: Literal["small", "medium", "large"]


class ServiceAccounts(_Strict):
    """
    Ids of the service accounts; what each may do stands in iam.yaml.

    :param composer: runs Airflow and its tasks.
    :param pipeline: runs the tasks of the Vertex AI pipeline.
    :param deployer: runs the deployment in Cloud Build.
    :param tester: runs the tests of pull requests in Cloud Build.
    """

    composer: AccountId
    pipeline: AccountId
    deployer: AccountId
    tester: AccountId


class Environment(_Strict):
    """
    One place to deploy to.

    :param project: project id.
    :param region: of Composer, Vertex AI, BigQuery, Cloud Storage and Artifact Registry alike.
    :param bucket: of the compiled pipelines and their artifacts, not Composer's own.
    :param artifact_repository: Artifact Registry repository of the images.
    :param composer: the Airflow environment.
    :param service_accounts: their ids.
    :param scale: file that sends work on to Dataflow and to custom jobs, relative to the repository.
    :param confirm: ask before a deployment, and refuse uncommitted changes.
    :param github: OWNER/NAME of the repository that Cloud Build watches.
    """

    project: ProjectId
    region: Region
    bucket: BucketName
    artifact_repository: ResourceId
    composer: Composer
    service_accounts: ServiceAccounts
    scale: str | None
    confirm: bool
    github: GithubRepository | None

    def account(self, role: str) -> str:
        """
        Return the e-mail address of a service account.

        :param role: ``composer``, ``pipeline``, ``deployer`` or ``tester``.
        """
        return f"{getattr(self.service_accounts, role)}@{self.project}.iam.gserviceaccount.com"

    @property
    def image(self) -> str:
        """Name of the pipeline image, without tag or digest."""
        return f"{self._registry}/{PIPELINE_IMAGE}"

    @property
    def serving_image(self) -> str:
        """Name of the copy of TensorFlow Serving's image, without tag or digest."""
        return f"{self._registry}/{SERVING_IMAGE}"

    @property
    def _registry(self) -> str:
        return f"{self.region}-docker.pkg.dev/{self.project}/{self.artifact_repository}"

    @property
    def image_target(self) -> str:
        """Target of pipeline/Dockerfile: Dataflow's workers need one of their own."""
        return "dataflow" if self.scale else "worker"

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables that the DAGs read."""
        return {
            "WINE_PROJECT": self.project,
            "WINE_REGION": self.region,
            "WINE_BUCKET": self.bucket,
            "WINE_SERVICE_ACCOUNT": self.account("pipeline"),
        }


def read_environment(name: str, path: Path = ENVIRONMENTS_FILE) -> Environment:
    """
    Read one environment.

    :param name: ``dev``, ``prod``, or another key of the file.
    :param path: the YAML file.
    :raises EnvironmentsError: if there is no such environment, or a key is unknown, missing or bad.
    """
    shown = path.relative_to(path.parent.parent)
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise EnvironmentsError(f"{shown}: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or name not in content:
        known = ", ".join(content) if isinstance(content, dict) else "none"
        raise EnvironmentsError(f"{name}: no such environment in {shown}: {known}")
    try:
        return Environment.model_validate(content[name])
    except ValidationError as error:
        problems = "; ".join(_problem(name, problem) for problem in error.errors())
        raise EnvironmentsError(f"{shown}: {problems}") from None


def _problem(name: str, error: Any) -> str:
    key = ".".join([name, *(str(part) for part in error["loc"])])
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if error["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {error['msg']}, not {error['input']!r}"
