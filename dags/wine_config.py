"""Read wine_config.yaml and the environment; an error there becomes an import error of the DAG."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)
from vertex_mlops.contract.config.identifiers import (
    BigQueryId,
    BucketName,
    ProjectId,
    Region,
    ServiceAccount,
    WineName,
    bucket_name,
    email,
    object_path,
)
from vertex_mlops.contract.config.problems import one_line
from vertex_mlops.contract.config.yaml_file import SettingsFileError, read_settings
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.contract.names import training_labels
from vertex_mlops.monitoring.drift_settings import DriftSettings
from vertex_mlops.rollout.settings import RolloutSettings
from wine_cron import cron_expression

CONFIG_FILE = Path(__file__).with_name("wine_config.yaml")
BUCKET, WINE = "{bucket}", "{wine}"
# of the columns in Airflow's database: airflow.models.dag.DagOwnerAttributes
_MOST_OWNER_LENGTH = 500
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?([/?#][!-;=?-~]*)?")
_MAILTO_QUERY = re.compile(r"[!-;=?-~]*")


class ConfigError(ValueError):
    """The config file or the environment is wrong; the message names the file and the key."""


def _owner(name: str) -> str:
    # Airflow joins the owners of a DAG's tasks with commas: airflow.models.dag.DagModel.owners
    if not name.strip() or not name.isprintable() or "," in name:
        raise ValueError("must be printable text in one line, without a comma")
    return name


def _owner_link(link: str) -> str:
    address, _, query = link.removeprefix("mailto:").partition("?")
    if link.startswith("mailto:"):
        email(address)
    if not _MAILTO_QUERY.fullmatch(query) or not (link.startswith("mailto:") or _URL.fullmatch(link)):
        raise ValueError("must be a link like mailto:name@example.com or https://example.com/team")
    return link


def _uri_template(uri: str) -> str:
    if not uri.startswith("gs://"):
        raise ValueError("must begin with gs://")
    bucket, _, path = uri.removeprefix("gs://").partition("/")
    if "{" in bucket and bucket != BUCKET:
        raise ValueError("must begin with gs://{bucket}/ or with the name of another bucket")
    bucket_name(_fill(bucket, "bucket", ""))
    path = _fill(path, "bucket", "wine")
    if "{" in path or "}" in path:
        raise ValueError("must have no placeholders but {bucket} and {wine}")
    if path:
        object_path(path.removesuffix("/"))
    return uri


def _object_template(uri: str) -> str:
    _, _, path = uri.removeprefix("gs://").partition("/")
    if WINE not in path or path.endswith("/"):
        raise ValueError("must name an object with {wine} in its path: each wine has its own")
    return uri


def _seconds(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text):
        raise ValueError("must be a whole number of seconds, at least 1")
    return int(text)


Cron = Annotated[str, AfterValidator(cron_expression)]
UriTemplate = Annotated[str, AfterValidator(_uri_template)]
ObjectTemplate = Annotated[UriTemplate, AfterValidator(_object_template)]
Seconds = Annotated[int, Field(ge=1, le=3600, strict=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _WineSection(_Strict):
    """
    The settings of one wine.

    :param table: id of its BigQuery table.
    :param schedule: cron expression, in UTC; null for manual runs and runs started by drift only.
    :param max_row_loss: share of the rows of the last training that may be missing.
    :param rollout: how the traffic is shifted to a new model.
    :param monitoring: how its endpoint is monitored.
    :param recreate_monitoring: whether its monitoring job is deleted and recreated if a field differs that
        Vertex AI cannot update.
    :param drift: what happens when monitoring finds anomalies.
    """

    table: BigQueryId
    schedule: Cron | None
    max_row_loss: Annotated[float, Field(gt=0, lt=1, strict=True, allow_inf_nan=False)] = 1 / 3
    rollout: RolloutSettings = RolloutSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    recreate_monitoring: StrictBool = False
    drift: DriftSettings = DriftSettings()


class _File(_Strict):
    """
    The whole file.

    :param owner: owner of the DAGs, shown in the UI.
    :param owner_link: how to reach the owner: ``mailto:`` or ``https:``.
    :param dataset: id of the BigQuery dataset.
    :param spec: URI of the pointer to the compiled pipeline that new runs use, with ``{wine}``.
    :param pipeline_root: URI below which the pipeline writes.
    :param drift_schedule: cron expression, in UTC, of the drift checks.
    :param poll_interval: seconds between polls of a running job, an hour at most; at least 15 for a
        monitoring job.
    :param wines: settings by name of the wine.
    """

    owner: Annotated[str, Field(max_length=_MOST_OWNER_LENGTH), AfterValidator(_owner)]
    owner_link: Annotated[str, Field(max_length=_MOST_OWNER_LENGTH), AfterValidator(_owner_link)]
    dataset: BigQueryId
    spec: ObjectTemplate
    pipeline_root: UriTemplate
    drift_schedule: Cron
    poll_interval: Seconds
    wines: Annotated[dict[WineName, _WineSection], Field(min_length=1)]


class _Environment(_Strict):
    """
    The environment variables.

    :param project: project id.
    :param region: of all services.
    :param bucket: of the compiled pipelines and their outputs, without ``gs://``.
    :param service_account: that pipeline jobs run as; by default the Compute Engine default service account.
    :param poll_interval: overrides the file's: a local stack can be polled more often.
    """

    project: Annotated[ProjectId, Field(alias="WINE_PROJECT")]
    region: Annotated[Region, Field(alias="WINE_REGION")]
    bucket: Annotated[BucketName, Field(alias="WINE_BUCKET")]
    service_account: Annotated[ServiceAccount | None, Field(alias="WINE_SERVICE_ACCOUNT")] = None
    poll_interval: Annotated[Seconds | None, BeforeValidator(_seconds), Field(alias="WINE_POLL_INTERVAL")] = (
        None
    )

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the variables."""
        return [str(field.alias) for field in cls.model_fields.values()]


@dataclass(frozen=True)
class Wine:
    """One wine with everything that its DAG needs, placeholders filled in."""

    name: str
    owner: str
    owner_link: str
    project: str
    region: str
    service_account: str | None
    dataset: str
    table: str
    spec: str
    pipeline_root: str
    poll_interval: int
    schedule: str | None
    max_row_loss: float
    rollout: RolloutSettings
    monitoring: MonitoringSettings
    recreate_monitoring: bool
    drift_schedule: str
    drift: DriftSettings

    @property
    def training_labels(self) -> dict[str, str]:
        """Return the labels of this wine's pipeline jobs and of its monitoring job."""
        return training_labels(self.dataset, self.table, wine=self.name)


def load_wines(path: Path = CONFIG_FILE, environment: Mapping[str, str] = os.environ) -> list[Wine]:
    """
    Read the config file.

    :param path: the YAML file.
    :param environment: must contain WINE_PROJECT, WINE_REGION and WINE_BUCKET, and may contain
        WINE_SERVICE_ACCOUNT, the account that pipeline jobs run as, and WINE_POLL_INTERVAL, in seconds, which
        overrides the file's poll_interval.
    :raises ConfigError: names the file and each key that is unknown, missing or invalid.
    """
    place = _read_environment(environment)
    try:
        content = _File.model_validate(read_settings(path))
    except ValidationError as error:
        raise ConfigError(f"{path}: {one_line(error, _File)}") from None
    except SettingsFileError as error:
        raise ConfigError(f"{path}: {error}") from None
    return [
        Wine(
            name=name,
            owner=content.owner,
            owner_link=content.owner_link,
            project=place.project,
            region=place.region,
            service_account=place.service_account,
            dataset=content.dataset,
            table=wine.table,
            spec=_fill(content.spec, place.bucket, name),
            pipeline_root=_fill(content.pipeline_root, place.bucket, name),
            poll_interval=place.poll_interval or content.poll_interval,
            schedule=wine.schedule,
            max_row_loss=wine.max_row_loss,
            rollout=wine.rollout,
            monitoring=wine.monitoring,
            recreate_monitoring=wine.recreate_monitoring,
            drift_schedule=content.drift_schedule,
            drift=wine.drift,
        )
        for name, wine in content.wines.items()
    ]


def _read_environment(environment: Mapping[str, str]) -> _Environment:
    # an empty variable counts as one that is not set
    given = {name: value for name in _Environment.names() if (value := environment.get(name))}
    try:
        return _Environment.model_validate(given)
    except ValidationError as error:
        raise ConfigError(f"environment: {one_line(error, _Environment)}") from None


def _fill(template: str, bucket: str, wine: str) -> str:
    return template.replace(BUCKET, bucket).replace(WINE, wine)
