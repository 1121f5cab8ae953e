"""The settings of a run: wine, target, training, evaluation, serving and monitoring."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from vertex_mlops.contract.config.identifiers import (
    bucket_name,
    image_name,
    label_value,
    machine_type,
    project_id,
    region,
    wine_name,
)
from vertex_mlops.contract.config.problems import shown
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE, RAW_SIGNATURE, Signature

from wine_pipeline.features import QUALITY_MAX, QUALITY_MIN

DEFAULT_IMAGE_REPOSITORY = "wine-mlops/wine-pipeline"
DEFAULT_IMAGE_TAG = "0.1.0"

# `make deploy` copies it there from Docker Hub. Its TensorFlow must know every op of the one that exports.
DEFAULT_SERVING_REPOSITORY = "wine-mlops/tensorflow-serving"
DEFAULT_SERVING_TAG = "2.21.0"
# The newest TensorFlow container of Google's. It is available until 2027-01-14; after that, deploying with it
# fails: https://cloud.google.com/vertex-ai/docs/predictions/pre-built-containers
PREBUILT_IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"

# hash buckets of the rows, and how many of them are the split eval
SPLIT_BUCKETS = 5
EVAL_BUCKETS = 1

_TABLE_SUFFIX = "_wine"


class ConfigError(ValueError):
    """A setting has a value with which no pipeline can run; the message names it."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


def checked(check: Callable[[str], str], name: str, value: str) -> str:
    """
    Return an identifier that Google Cloud accepts.

    :param check: of :mod:`vertex_mlops.contract.config.identifiers`.
    :param name: of the setting, for the message.
    :param value: the identifier.
    :raises ConfigError: if it is not.
    """
    try:
        return check(value)
    except ValueError as error:
        raise ConfigError(f"{name} {error}, not {shown(value)}") from None


def check_label(name: str, value: str) -> str:
    """
    Return a value that may be a label of a Google Cloud resource.

    :param name: of the setting, for the message.
    :param value: lower-case letters, digits, hyphens and underscores, 63 at most.
    :raises ConfigError: if it may not.
    """
    return checked(label_value, name, value)


def _check_types(config: TrainingConfig | EvaluationConfig | ServingConfig | WineConfig) -> None:
    """Reject booleans in place of numbers, and numbers that are not finite."""
    for setting in fields(config):
        value = getattr(config, setting.name)
        if setting.type == "int":
            _require(type(value) is int, f"{setting.name} must be a whole number, not {shown(value)}")
        elif setting.type == "float":
            finite = type(value) in (int, float) and abs(value) <= sys.float_info.max
            _require(finite, f"{setting.name} must be a finite number, not {shown(value)}")
        elif setting.type == "bool":
            _require(type(value) is bool, f"{setting.name} must be True or False, not {shown(value)}")


@dataclass(frozen=True)
class TrainingConfig:
    """
    How the model learns. docs/model.md tells how the values were chosen.

    :param max_rows: rows to learn from; of more, a sample is taken.
    :param landmarks: training rows that the kernel compares a wine with; of so many rows or fewer, all.
    :param kernel_length: distance between scaled wines at which their similarity has fallen to 1/e.
    :param kernel_power: of the distance in that length: 1 is a Laplace kernel, 2 a Gaussian one.
    :param derived_weight: of each derived column in the distance, in addition to 1 for each measured one.
    :param rotations: groups of trees, each of which sees another rotation of the columns.
    :param trees_per_rotation: trees in a group.
    :param split_columns: of the columns and the rotated ones, how many are tried at each split.
    :param tree_rows: rows that the trees grow from; of more, a sample is taken.
    :param leaves: of a tree, about: of more rows than that, leaves hold several.
    :param seed: of the landmarks, the rotations and the splits.
    :raises ConfigError: if a number is out of its range.
    """

    max_rows: int = 50_000
    landmarks: int = 4_000
    kernel_length: float = 2.0
    kernel_power: float = 0.7
    derived_weight: float = 0.5
    rotations: int = 20
    trees_per_rotation: int = 20
    split_columns: int = 12
    tree_rows: int = 20_000
    leaves: int = 4_000
    seed: int = 20

    def __post_init__(self) -> None:
        _check_types(self)
        for name in (
            *("max_rows", "landmarks", "rotations", "trees_per_rotation", "split_columns"),
            *("tree_rows", "leaves"),
        ):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("kernel_length", "kernel_power", "derived_weight"):
            _require(getattr(self, name) > 0, f"{name} must be positive, not {getattr(self, name)}")
        _require(self.seed >= 0, f"seed must not be negative: {self.seed}")

    def to_custom_config(self) -> dict[str, int | float]:
        """Return the constants that TFX carries to :func:`wine_pipeline.learner.trainer.run_fn`."""
        return asdict(self)

    @classmethod
    def from_custom_config(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """
        Rebuild what :meth:`to_custom_config` gave.

        :param values: may hold more: the settings of a custom job lie in addition to ours.
        """
        return cls(**{setting.name: values[setting.name] for setting in fields(cls)})


@dataclass(frozen=True)
class EvaluationConfig:
    """
    When a model may be served, measured on the eval split. docs/gate.md tells why these numbers.

    :param min_auc: area under the ROC curve of ``good``.
    :param min_accuracy: share of wines on the right side of probability 0.5.
    :param max_mad: mean absolute deviation between ``grade`` and ``quality``, in grades.
    :param max_auc_loss: how much lower than the baseline's its AUC may be, on the same rows.
    :param mad_margin: how much higher than the baseline's its deviation may be, in grades: what the upper
        confidence bound of the paired difference must not exceed.
    :param confidence: of that bound, one-sided.
    :param min_eval_rows: distinct rows of the eval split without which there is no verdict.
    :raises ConfigError: if a number is out of its range.
    """

    min_auc: float = 0.70
    min_accuracy: float = 0.65
    max_mad: float = 0.70
    max_auc_loss: float = 0.03
    mad_margin: float = 0.015
    confidence: float = 0.99
    min_eval_rows: int = 150

    def __post_init__(self) -> None:
        _check_types(self)
        for name in ("min_auc", "min_accuracy"):
            _require(0 <= getattr(self, name) <= 1, f"{name} must be in [0, 1], not {getattr(self, name)}")
        for name in ("max_mad", "max_auc_loss", "mad_margin"):
            _require(getattr(self, name) >= 0, f"{name} must not be negative: {getattr(self, name)}")
        _require(0.5 < self.confidence < 1, f"confidence must be in (0.5, 1), not {self.confidence}")
        _require(self.min_eval_rows >= 2, f"min_eval_rows must be at least 2, not {self.min_eval_rows}")


@dataclass(frozen=True)
class ServingConfig:
    """
    How the model is served.

    :param prebuilt: whether that is Google's prebuilt container, :data:`PREBUILT_IMAGE`, in place of
        TensorFlow Serving's own image. Every exported model fits both.
    :param machine_type: of every replica.
    :param min_replicas: replicas that always run.
    :param max_replicas: replicas under load.
    :param default_signature: which signature ``serving_default`` is, the one that a request without a name
        asks. ``serving_examples`` takes serialized tf.Examples, in which Vertex AI Model Monitoring sees no
        features; ``serving_raw`` takes a number for each feature. docs/predict.md tells what follows.
    :raises ConfigError: if the replicas make no range, or there is no such signature.
    """

    prebuilt: bool = False
    machine_type: str = "n1-standard-2"
    min_replicas: int = 1
    max_replicas: int = 1
    default_signature: Signature = EXAMPLES_SIGNATURE

    def __post_init__(self) -> None:
        _check_types(self)
        _require(
            self.default_signature in (RAW_SIGNATURE, EXAMPLES_SIGNATURE),
            f"default_signature must be {RAW_SIGNATURE} or {EXAMPLES_SIGNATURE},"
            f" not {self.default_signature!r}",
        )
        checked(machine_type, "machine_type", self.machine_type)
        _require(
            1 <= self.min_replicas <= self.max_replicas,
            f"min_replicas {self.min_replicas} and max_replicas {self.max_replicas} make no range from 1 up",
        )


@dataclass(frozen=True)
class WineConfig:
    """
    The configuration of one wine's pipeline, independent of where it runs.

    :param wine: names the pipeline, the endpoint and the table: ``white``, ``red``.
    :param good_grade: a wine is good from this quality on.
    :param training: how the model learns.
    :param evaluation: when it may be served.
    :param serving: what serves it.
    :param monitoring: how its endpoint is watched, if the launch asks for that.
    :raises ConfigError: if the wine is not a valid name, or the grade splits nothing.
    """

    wine: str
    good_grade: int = 6
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)

    def __post_init__(self) -> None:
        _check_types(self)
        checked(wine_name, "wine", self.wine)
        _require(
            QUALITY_MIN < self.good_grade <= QUALITY_MAX,
            f"good_grade must be in {QUALITY_MIN + 1}..{QUALITY_MAX}, not {self.good_grade}",
        )

    @classmethod
    def from_table(cls, table: str) -> WineConfig:
        """
        Derive the wine from its table.

        :param table: name without dataset, like ``white_wine``.
        :raises ConfigError: if the name doesn't end in ``_wine``.
        """
        wine = table.removesuffix(_TABLE_SUFFIX)
        _require(wine != table, f"wine_table {table!r} must end in {_TABLE_SUFFIX!r}, like 'white_wine'")
        return cls(wine=wine.replace("_", "-"))

    @property
    def name(self) -> str:
        """Name of the pipeline and of the endpoint."""
        return f"wine-{self.wine}"


TARGET_CHECKS: Mapping[str, Callable[[str], str]] = {
    "project": project_id,
    "region": region,
    "bucket": bucket_name,
    "image": image_name,
    "serving_image": image_name,
}
"""What checks each field of a :class:`Target`."""


@dataclass(frozen=True)
class Target:
    """
    The Google Cloud that a pipeline runs on.

    :param project: project id.
    :param region: Vertex AI region.
    :param bucket: Cloud Storage bucket, without ``gs://``.
    :param image: container image of the pipeline's tasks; by default the project's own repository.
    :param serving_image: TensorFlow Serving's container image; by default the project's own copy. Vertex AI
        takes it from Artifact Registry alone.
    :raises ConfigError: if a name could not exist.
    """

    project: str
    region: str
    bucket: str
    image: str = ""
    serving_image: str = ""

    def __post_init__(self) -> None:
        for name, check in TARGET_CHECKS.items():
            value = getattr(self, name)
            if value or name not in ("image", "serving_image"):
                checked(check, name, value)

    @property
    def task_image(self) -> str:
        """Return the image that Vertex starts for every task."""
        return self.image or self._registered(DEFAULT_IMAGE_REPOSITORY, DEFAULT_IMAGE_TAG)

    @property
    def model_server_image(self) -> str:
        """Return the image that Vertex starts for every replica, unless it is a prebuilt one."""
        return self.serving_image or self._registered(DEFAULT_SERVING_REPOSITORY, DEFAULT_SERVING_TAG)

    def _registered(self, repository: str, tag: str) -> str:
        return f"{self.region}-docker.pkg.dev/{self.project}/{repository}:{tag}"

    @property
    def temp_location(self) -> str:
        """Return the folder for BigQuery's exports to Beam."""
        return f"gs://{self.bucket}/tmp"  # noqa: S108 (a folder of the bucket)

    @property
    def parent(self) -> str:
        """Return the prefix of the resource names of its models."""
        return f"projects/{self.project}/locations/{self.region}"

    def pipeline_root(self, config: WineConfig) -> str:
        """Return the folder of one wine's artifacts."""
        return f"gs://{self.bucket}/pipeline_root/{config.name}"
