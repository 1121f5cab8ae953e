"""Reads wine_config.yaml and the environment; what is wrong there becomes an import error of the DAG."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from croniter import croniter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from vertex_mlops.monitoring_settings import MonitoringSettings
from vertex_mlops.rollout_settings import RolloutSettings

_MAX_LABEL_LENGTH = 63
CONFIG_FILE = Path(__file__).with_name("wine_config.yaml")
ENVIRONMENT = ("WINE_PROJECT", "WINE_REGION", "WINE_BUCKET")
# optional: without it Vertex AI runs pipeline jobs as the Compute Engine default service account
SERVICE_ACCOUNT = "WINE_SERVICE_ACCOUNT"
# optional, in place of the file's poll_interval: what runs on one machine may be polled more often
POLL_INTERVAL = "WINE_POLL_INTERVAL"


class ConfigError(ValueError):
    """The config file or the environment is wrong; the message names the file and the key."""


def _cron(schedule: str) -> str:
    if not croniter.is_valid(schedule):
        raise ValueError(f"{schedule!r} is no cron expression")
    return schedule


def _uri_template(uri: str) -> str:
    try:
        uri.format(bucket="bucket", wine="wine")
    except (KeyError, IndexError, ValueError) as error:
        raise ValueError("the only placeholders are {bucket} and {wine}") from error
    return uri


Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
# becomes part of a DAG id, of an endpoint's name and the value of a label; the compile command takes the same
WineName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
UriTemplate = Annotated[str, Field(pattern=r"^gs://"), AfterValidator(_uri_template)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DriftSettings(_Strict):
    """
    What drift leads to.

    :param retrain_on_drift_without_new_data: whether a training begins although the table has not changed.
    :param drift_cooldown_hours: hours after the begin of a training within which drift causes no other.
    """

    retrain_on_drift_without_new_data: bool = False
    drift_cooldown_hours: Annotated[float, Field(ge=0)] = 24


class _WineSection(_Strict):
    """
    What the file says about one wine.

    :param table: id of its BigQuery table.
    :param schedule: cron expression, in UTC; null for runs by hand and those that drift causes.
    :param max_row_loss: share of the rows of the last training that may be missing.
    :param rollout: how a new model takes over the traffic.
    :param monitoring: how its endpoint is watched.
    :param recreate_monitoring: whether its monitoring job is deleted and created anew if something differs
        that Vertex AI cannot update.
    :param drift: what follows when monitoring finds anomalies.
    """

    table: Identifier
    schedule: Annotated[str, AfterValidator(_cron)] | None
    max_row_loss: Annotated[float, Field(gt=0, lt=1)] = 1 / 3
    rollout: RolloutSettings = RolloutSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    recreate_monitoring: bool = False
    drift: DriftSettings = DriftSettings()


class _File(_Strict):
    """
    The whole file.

    :param owner: owner of the DAGs, as the UI shows it.
    :param owner_link: where the owner is reached: ``mailto:`` or ``https:``.
    :param dataset: id of the BigQuery dataset.
    :param spec: URI of the pointer to the compiled pipeline that new runs use.
    :param pipeline_root: URI below which the pipeline writes.
    :param drift_schedule: cron expression, in UTC, of the looks for drift.
    :param poll_interval: seconds between two looks at a running job; 15 at least at a monitoring job.
    :param wines: by the name of the wine.
    """

    owner: Annotated[str, Field(min_length=1)]
    owner_link: Annotated[str, Field(pattern=r"^(mailto:[^@\s]+@\S+|https://\S+)$")]
    dataset: Identifier
    spec: UriTemplate
    pipeline_root: UriTemplate
    drift_schedule: Annotated[str, AfterValidator(_cron)]
    poll_interval: Annotated[int, Field(ge=1)]
    wines: Annotated[dict[WineName, _WineSection], Field(min_length=1)]


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
        """
        Labels of the pipeline jobs that learn from this wine's table.

        ``python -m wine_pipeline run`` sets the same; a job that learned from another table says nothing
        about this one.
        """
        return {"wine": self.name, "table": f"{self.dataset}-{self.table}".lower()[:_MAX_LABEL_LENGTH]}


def load_wines(path: Path = CONFIG_FILE, environment: Mapping[str, str] = os.environ) -> list[Wine]:
    """
    Read the config file.

    :param path: the YAML file.
    :param environment: must hold WINE_PROJECT, WINE_REGION and WINE_BUCKET, and may hold
        WINE_SERVICE_ACCOUNT, the account that pipeline jobs run as, and WINE_POLL_INTERVAL, in seconds, which
        takes the place of the file's poll_interval.
    :raises ConfigError: names the file and each key that is unknown, missing or bad.
    """
    project, region, bucket = _read_environment(environment)
    service_account = _read_service_account(environment)
    poll_interval = _read_poll_interval(environment)
    try:
        content = _File.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        raise ConfigError(f"{path}: {'; '.join(map(_problem, error.errors()))}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: {' '.join(str(error).split())}") from None
    return [
        Wine(
            name=name,
            owner=content.owner,
            owner_link=content.owner_link,
            project=project,
            region=region,
            service_account=service_account,
            dataset=content.dataset,
            table=wine.table,
            spec=content.spec.format(bucket=bucket, wine=name),
            pipeline_root=content.pipeline_root.format(bucket=bucket, wine=name),
            poll_interval=poll_interval or content.poll_interval,
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


def _read_environment(environment: Mapping[str, str]) -> list[str]:
    if missing := [name for name in ENVIRONMENT if not environment.get(name)]:
        raise ConfigError(f"environment: not set: {', '.join(missing)}")
    if "/" in environment["WINE_BUCKET"]:
        raise ConfigError("environment: WINE_BUCKET is the bare name of a bucket, without gs:// or a path")
    return [environment[name] for name in ENVIRONMENT]


def _read_service_account(environment: Mapping[str, str]) -> str | None:
    account = environment.get(SERVICE_ACCOUNT) or None
    if account and not re.fullmatch(r"[^@\s]+@[^@\s]+\.gserviceaccount\.com", account):
        raise ConfigError(f"environment: {SERVICE_ACCOUNT} is no service account's e-mail: {account!r}")
    return account


def _read_poll_interval(environment: Mapping[str, str]) -> int | None:
    seconds = environment.get(POLL_INTERVAL) or None
    if seconds and not re.fullmatch(r"[1-9][0-9]*", seconds):
        raise ConfigError(f"environment: {POLL_INTERVAL} is no number of seconds from 1: {seconds!r}")
    return int(seconds) if seconds else None


def _problem(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"] if part != "[key]") or "the file"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key"
    if error["type"] == "missing":
        return f"{key}: missing"
    return f"{key}: {error['msg']}, not {error['input']!r}"
