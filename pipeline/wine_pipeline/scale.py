"""Where the heavy steps run: each in its own task by default, at scale on Dataflow and as a custom job."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from vertex_mlops.contract.config.identifiers import account_id, image_name, machine_type, service_account
from vertex_mlops.contract.config.problems import shown, shown_key, unknown

from wine_pipeline.config import ConfigError, checked

_SUBNETWORK = re.compile(r"regions/[a-z0-9-]+/subnetworks/[a-z0-9-]+")

# The machine series that each accelerator comes with.
# https://cloud.google.com/vertex-ai/docs/training/configure-compute#gpus
ACCELERATORS = {
    "NVIDIA_TESLA_P100": "n1",
    "NVIDIA_TESLA_P4": "n1",
    "NVIDIA_TESLA_T4": "n1",
    "NVIDIA_TESLA_V100": "n1",
    "NVIDIA_L4": "g2",
    "NVIDIA_TESLA_A100": "a2",
    "NVIDIA_A100_80GB": "a2",
    "NVIDIA_H100_80GB": "a3",
}
_ACCELERATOR_COUNTS = (1, 2, 4, 8, 16)

# https://cloud.google.com/dataflow/quotas#limits
_MOST_WORKERS = 4000

_Section = TypeVar("_Section", "DataflowConfig", "TrainingJobConfig")


@dataclass(frozen=True)
class DataflowConfig:
    """
    Workers that run the Beam steps: ExampleGen, StatisticsGen, Transform and Evaluator.

    :param machine_type: of each worker.
    :param max_workers: most workers of one step.
    :param subnetwork: ``regions/REGION/subnetworks/NAME``; without one, the project's default network.
    :raises ConfigError: if a value has the wrong form.
    """

    machine_type: str = "n1-standard-4"
    max_workers: int = 4
    subnetwork: str = ""

    def __post_init__(self) -> None:
        checked(machine_type, "dataflow.machine_type", self.machine_type)
        _require(
            1 <= self.max_workers <= _MOST_WORKERS,
            f"dataflow.max_workers must be in 1..{_MOST_WORKERS}, not {shown(self.max_workers)}",
        )
        _require(
            not self.subnetwork or bool(_SUBNETWORK.fullmatch(self.subnetwork)),
            f"dataflow.subnetwork must be like regions/REGION/subnetworks/NAME, not {shown(self.subnetwork)}",
        )


@dataclass(frozen=True)
class TrainingJobConfig:
    """
    The Vertex AI custom job that trains.

    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/CustomJobSpec

    :param machine_type: of the one machine.
    :param accelerator_type: a key of :data:`ACCELERATORS`, or none.
    :param accelerator_count: accelerators of the machine; 0 without a type.
    :param image: of the job. The tasks' own by default, which has TensorFlow for CPUs only.
    :raises ConfigError: if a value has the wrong form, or the values do not go together.
    """

    machine_type: str
    accelerator_type: str = ""
    accelerator_count: int = 0
    image: str = ""

    def __post_init__(self) -> None:
        checked(machine_type, "training.machine_type", self.machine_type)
        if self.image:
            checked(image_name, "training.image", self.image)
        if self.accelerator_type:
            self._check_accelerator()
        else:
            _require(not self.accelerator_count, "training.accelerator_count needs training.accelerator_type")

    def _check_accelerator(self) -> None:
        series = ACCELERATORS.get(self.accelerator_type)
        _require(
            series is not None,
            f"training.accelerator_type {shown(self.accelerator_type)} is unknown;"
            f" {unknown(self.accelerator_type, ACCELERATORS)}",
        )
        _require(
            self.machine_type.startswith(f"{series}-"),
            f"training.accelerator_type {self.accelerator_type} comes with {series} machines, "
            f"not with training.machine_type {self.machine_type}",
        )
        counts = ", ".join(map(str, _ACCELERATOR_COUNTS))
        _require(
            self.accelerator_count in _ACCELERATOR_COUNTS,
            f"training.accelerator_count must be one of {counts}, not {self.accelerator_count}",
        )
        _require(
            bool(self.image),
            "training.accelerator_type needs training.image: the pipeline's own has TensorFlow for CPUs only",
        )


@dataclass(frozen=True)
class Scale:
    """
    What leaves the tasks of the pipeline; by default nothing does.

    :param dataflow: runs the Beam steps, if given.
    :param training: runs the training, if given.
    :param service_account: that both run as: an e-mail, or the name of one of the project's own accounts;
        each service's default if empty.
    :raises ConfigError: if the account has the wrong form, or there is nothing that runs as it.
    """

    dataflow: DataflowConfig | None = None
    training: TrainingJobConfig | None = None
    service_account: str = ""

    def __post_init__(self) -> None:
        if self.service_account:
            check = service_account if "@" in self.service_account else account_id
            checked(check, "service_account", self.service_account)
            _require(
                bool(self.dataflow or self.training),
                "service_account is given, but neither [dataflow] nor [training]",
            )

    def account(self, project: str) -> str:
        """
        Return the e-mail of the service account, empty if none is given.

        :param project: id of the project that the pipeline runs in.
        """
        if not self.service_account or "@" in self.service_account:
            return self.service_account
        return f"{self.service_account}@{project}.iam.gserviceaccount.com"


def read_scale(path: Path) -> Scale:
    """
    Read a scale file: TOML with the tables ``[dataflow]`` and ``[training]``, each on if it is there.

    :param path: of the file.
    :raises ConfigError: if it cannot be read, has an unknown key or a bad value; the message names both.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        return _scale(values)
    except OSError as error:
        raise ConfigError(f"scale file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"scale file {path}: is not UTF-8: line {line}") from error
    except RecursionError as error:
        raise ConfigError(f"scale file {path}: is nested too deeply") from error
    except ValueError as error:
        # one of TOML, or a ConfigError
        raise ConfigError(f"scale file {path}: {' '.join(str(error).split())}") from error


def _scale(values: Mapping[str, Any]) -> Scale:
    _check_keys("", values, Scale)
    return Scale(
        dataflow=_section("dataflow", values, DataflowConfig),
        training=_section("training", values, TrainingJobConfig),
        service_account=values.get("service_account", ""),
    )


def _section(name: str, values: Mapping[str, Any], kind: type[_Section]) -> _Section | None:
    if name not in values:
        return None
    section = values[name]
    if not isinstance(section, dict):
        raise ConfigError(f"{name} must be a table: [{name}]")
    _check_keys(f"{name}.", section, kind)
    if kind is TrainingJobConfig and "machine_type" not in section:
        raise ConfigError(f"{name}.machine_type is missing")
    return kind(**section)


def _check_keys(prefix: str, values: Mapping[str, Any], kind: type) -> None:
    types = {field.name: field.type for field in fields(kind)}
    for name, value in values.items():
        if name not in types:
            raise ConfigError(f"unknown key {prefix}{shown_key(name)}; {unknown(name, types)}")
        if types[name] == "str" and type(value) is not str:
            raise ConfigError(f"{prefix}{name} must be text, not {shown(value)}")
        if types[name] == "int" and type(value) is not int:
            raise ConfigError(f"{prefix}{name} must be a whole number, not {shown(value)}")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
