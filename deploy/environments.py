"""Read environments.yaml: the project, bucket and Composer environment of an ENV."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, ValidationError
from vertex_mlops.contract.config.identifiers import AccountId, BucketName, ProjectId, Region, ResourceId
from vertex_mlops.contract.config.problems import one_line, shown_key
from vertex_mlops.contract.config.yaml_file import SettingsFileError, read_settings

from deploy import REPOSITORY

ENVIRONMENTS_FILE = Path(__file__).with_name("environments.yaml")
PIPELINE_IMAGE = "wine-pipeline"
SERVING_IMAGE = "tensorflow-serving"
SERVING_VERSION = "2.21.0"
# https://www.tensorflow.org/tfx/serving/docker
SERVING_SOURCE = f"docker.io/tensorflow/serving:{SERVING_VERSION}"

_IMAGE_VERSION = re.compile(r"composer-3-airflow-[0-9]+\.[0-9]+\.[0-9]+-build\.[0-9]+")
# https://docs.github.com/en/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
_GITHUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


def _image_version(value: str) -> str:
    if not _IMAGE_VERSION.fullmatch(value):
        raise ValueError("must be like composer-3-airflow-x.y.z-build.n")
    return value


def _github(value: str) -> str:
    if not _GITHUB.fullmatch(value):
        raise ValueError("must be OWNER/NAME of a repository at GitHub")
    return value


def _scale_file(value: str) -> str:
    path = Path(value)
    if path.is_absolute() or ".." in path.parts or not (REPOSITORY / path).is_file():
        raise ValueError("must be a file in the repository, like pipeline/scale.toml")
    return value


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
    image_version: Annotated[str, AfterValidator(_image_version)]
    size: Literal["small", "medium", "large"]


class ServiceAccounts(_Strict):
    """
    Ids of the service accounts; iam.yaml has their roles.

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
    :param region: of Composer, Vertex AI, BigQuery, Cloud Storage and Artifact Registry.
    :param bucket: of the compiled pipelines and their artifacts, not Composer's own.
    :param artifact_repository: Artifact Registry repository of the images.
    :param composer: the Airflow environment.
    :param service_accounts: their ids.
    :param scale: file that moves work to Dataflow and custom jobs, relative to the repository.
    :param confirm: ask for confirmation before a deployment, and reject uncommitted changes.
    :param github: OWNER/NAME of the repository that Cloud Build watches.
    """

    project: ProjectId
    region: Region
    bucket: BucketName
    artifact_repository: ResourceId
    composer: Composer
    service_accounts: ServiceAccounts
    scale: Annotated[str, AfterValidator(_scale_file)] | None
    confirm: StrictBool
    github: Annotated[str, AfterValidator(_github)] | None

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
        """Return the target of pipeline/Dockerfile: Dataflow workers need a separate one."""
        return "dataflow" if self.scale else "worker"

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment variables that the DAGs read."""
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
    :raises EnvironmentsError: there is no such environment, or a key is unknown, missing or invalid.
    """
    shown = path.relative_to(path.parent.parent)
    try:
        content = read_settings(path)
    except SettingsFileError as error:
        raise EnvironmentsError(f"{shown}: {error}") from None
    if name not in content:
        raise EnvironmentsError(
            f"{shown_key(name)}: no such environment in {shown}: {', '.join(map(shown_key, content))}"
        )
    try:
        return Environment.model_validate(content[name])
    except ValidationError as error:
        raise EnvironmentsError(f"{shown}: {one_line(error, Environment, name)}") from None
