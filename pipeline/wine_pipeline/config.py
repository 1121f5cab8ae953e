"""What a run is told: which wine, where, how to learn and when a model is good enough."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from wine_pipeline.features import QUALITY_MAX, QUALITY_MIN

RAW_SIGNATURE = "serving_raw"
EXAMPLES_SIGNATURE = "serving_examples"

DEFAULT_IMAGE_REPOSITORY = "wine-mlops/wine-pipeline"
DEFAULT_IMAGE_TAG = "0.1.0"

# `make deploy` copies it there from Docker Hub. Its TensorFlow must know every op of the one that exports.
DEFAULT_SERVING_REPOSITORY = "wine-mlops/tensorflow-serving"
DEFAULT_SERVING_TAG = "2.21.0"
# The newest TensorFlow container of Google's. It is available until 2027-01-14; after that, deploying with it
# fails: https://cloud.google.com/vertex-ai/docs/predictions/pre-built-containers
PREBUILT_IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"

# of the hash of a row: so many buckets there are, and so many of them are the split eval
SPLIT_BUCKETS = 5
EVAL_BUCKETS = 1

# The wine is part of the pipeline's name, the endpoint's name and a label's value.
_WINE = re.compile(r"[a-z][a-z0-9-]{0,30}")
_TABLE_SUFFIX = "_wine"
_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]")


class ConfigError(ValueError):
    """A setting has a value with which no pipeline can run; the message names it."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


def check_label(name: str, value: str) -> str:
    """
    Return a value that may be a label of a Google Cloud resource.

    :param name: of the setting, for the message.
    :param value: lower-case letters, digits, hyphens and underscores, 63 at most.
    :raises ConfigError: if it may not.
    """
    _require(
        bool(_LABEL.fullmatch(value)),
        f"{name} {value!r} must be 1 to 63 lower-case letters, digits, hyphens or underscores",
    )
    return value


@dataclass(frozen=True)
class TrainingConfig:
    """
    How the model learns. docs/model.md tells how the values were chosen.

    :param kernel_max_rows: with up to so many training rows a kernel is solved, which stores the rows; with
        more an ensemble of networks is trained.
    :param kernel_length: distance between scaled wines at which their similarity has fallen to 1/e.
    :param kernel_ridge: how much a row's own grade is distrusted: what a kernel adds to the similarity of a
        row with itself.
    :param epochs: passes over the training rows.
    :param batch_size: rows per gradient step.
    :param learning_rate: of the first step; it decays to zero over ``epochs``.
    :param weight_decay: decoupled L2 penalty per step.
    :param dropout: share of the hidden units left out in a step.
    :param members: networks in the ensemble.
    :param embedding: numbers that stand for one feature.
    :param hidden_units: width of each layer of a network.
    :param layers: depth of a network.
    :param seed: of the initial weights, the dropout and the order of the rows.
    :raises ConfigError: if a number is out of its range.
    """

    kernel_max_rows: int = 10_000
    kernel_length: float = 2.0
    kernel_ridge: float = 0.2
    epochs: int = 40
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    dropout: float = 0.1
    members: int = 8
    embedding: int = 8
    hidden_units: int = 64
    layers: int = 2
    seed: int = 20

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "members", "embedding", "hidden_units", "layers"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("kernel_length", "kernel_ridge", "learning_rate"):
            _require(getattr(self, name) > 0, f"{name} must be positive, not {getattr(self, name)}")
        for name in ("kernel_max_rows", "weight_decay", "seed"):
            _require(getattr(self, name) >= 0, f"{name} must not be negative: {getattr(self, name)}")
        _require(0 <= self.dropout < 1, f"dropout must be in [0, 1), not {self.dropout}")

    def to_custom_config(self) -> dict[str, int | float]:
        """Return the constants that TFX carries to :func:`wine_pipeline.trainer.run_fn`."""
        return asdict(self)

    @classmethod
    def from_custom_config(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """
        Rebuild what :meth:`to_custom_config` gave.

        :param values: may hold more: the settings of a custom job lie beside ours.
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
        for name in ("min_auc", "min_accuracy"):
            _require(0 <= getattr(self, name) <= 1, f"{name} must be in [0, 1], not {getattr(self, name)}")
        for name in ("max_mad", "max_auc_loss", "mad_margin"):
            _require(getattr(self, name) >= 0, f"{name} must not be negative: {getattr(self, name)}")
        _require(0.5 < self.confidence < 1, f"confidence must be in (0.5, 1), not {self.confidence}")
        _require(self.min_eval_rows >= 2, f"min_eval_rows must be at least 2, not {self.min_eval_rows}")


@dataclass(frozen=True)
class ServingConfig:
    """
    What answers predictions.

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
    default_signature: str = EXAMPLES_SIGNATURE

    def __post_init__(self) -> None:
        _require(
            self.default_signature in (RAW_SIGNATURE, EXAMPLES_SIGNATURE),
            f"default_signature must be {RAW_SIGNATURE} or {EXAMPLES_SIGNATURE},"
            f" not {self.default_signature!r}",
        )
        _require(
            1 <= self.min_replicas <= self.max_replicas,
            f"min_replicas {self.min_replicas} and max_replicas {self.max_replicas} make no range from 1 up",
        )


@dataclass(frozen=True)
class MonitoringConfig:
    """
    How an endpoint is watched when a launch without Airflow asks for it.

    Vertex AI measures the Jensen-Shannon divergence of numbers, which lies in 0..1.

    :param skew_threshold: distance between training and serving data above which a feature is anomalous,
        for each feature without a threshold of its own.
    :param drift_threshold: the same between two windows of serving data.
    :param feature_skew_thresholds: skew thresholds of single features.
    :param feature_drift_thresholds: drift thresholds of single features.
    :param sampling_rate: share of the requests that is logged, above 0 and at most 1.
    :param interval_hours: whole hours between two analyses.
    :param log_ttl_days: days that the logged requests are kept in BigQuery.
    :param emails: addresses that get the alerts.
    :raises ConfigError: if a number is out of its range, or an address is none.
    """

    skew_threshold: float = 0.3
    drift_threshold: float = 0.3
    feature_skew_thresholds: Mapping[str, float] = field(default_factory=dict)
    feature_drift_thresholds: Mapping[str, float] = field(default_factory=dict)
    sampling_rate: float = 0.8
    interval_hours: int = 1
    log_ttl_days: int = 30
    emails: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shares = {
            name: getattr(self, name) for name in ("skew_threshold", "drift_threshold", "sampling_rate")
        }
        for name in ("feature_skew_thresholds", "feature_drift_thresholds"):
            shares |= {f"{name} of {feature}": value for feature, value in getattr(self, name).items()}
        for name, value in shares.items():
            _require(0 < value <= 1, f"{name} must be above 0 and at most 1, not {value}")
        for name in ("interval_hours", "log_ttl_days"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1, not {getattr(self, name)}")
        for email in self.emails:
            _require(bool(_EMAIL.fullmatch(email)), f"emails: {email!r} is no e-mail address")


@dataclass(frozen=True)
class WineConfig:
    """
    Everything that makes one wine's pipeline, wherever it runs.

    :param wine: names the pipeline, the endpoint and the table: ``white``, ``red``.
    :param good_grade: a wine is good from this quality on.
    :param training: how the model learns.
    :param evaluation: when it may be served.
    :param serving: what serves it.
    :param monitoring: how its endpoint is watched, if the launch asks for that.
    :raises ConfigError: if the wine is no valid name, or the grade splits nothing.
    """

    wine: str
    good_grade: int = 6
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)
    monitoring: MonitoringConfig = field(default_factory=MonitoringConfig)

    def __post_init__(self) -> None:
        _require(
            bool(_WINE.fullmatch(self.wine)),
            f"wine {self.wine!r} must be 1 to 31 lower-case letters, digits and hyphens, like 'white'",
        )
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
        for name, pattern in (("project", _PROJECT), ("region", _REGION), ("bucket", _BUCKET)):
            value = getattr(self, name)
            _require(bool(pattern.fullmatch(value)), f"{name} {value!r} is no valid {name} name")

    @property
    def task_image(self) -> str:
        """Image that Vertex starts for every task."""
        return self.image or self._registered(DEFAULT_IMAGE_REPOSITORY, DEFAULT_IMAGE_TAG)

    @property
    def model_server_image(self) -> str:
        """Image that Vertex starts for every replica, unless it is a prebuilt one."""
        return self.serving_image or self._registered(DEFAULT_SERVING_REPOSITORY, DEFAULT_SERVING_TAG)

    def _registered(self, repository: str, tag: str) -> str:
        return f"{self.region}-docker.pkg.dev/{self.project}/{repository}:{tag}"

    @property
    def temp_location(self) -> str:
        """Where Beam puts what BigQuery exports."""
        return f"gs://{self.bucket}/tmp"  # noqa: S108 (a folder of the bucket)

    @property
    def parent(self) -> str:
        """Resource name that those of its models begin with."""
        return f"projects/{self.project}/locations/{self.region}"

    def pipeline_root(self, config: WineConfig) -> str:
        """Return the folder of one wine's artifacts."""
        return f"gs://{self.bucket}/pipeline_root/{config.name}"
