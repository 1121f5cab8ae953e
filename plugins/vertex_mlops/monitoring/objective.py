"""Objective of a monitoring job for the model of a pipeline job; an invalid one fails the task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from vertex_mlops.contract.data_contract import DataContract, unknown_features
from vertex_mlops.contract.monitoring import job
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.exceptions import ModelMonitoringJobError, UnknownFeatureError

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import ModelMonitoringObjectiveConfig


def check_features(contract: DataContract, names: Iterable[str]) -> None:
    """
    Check that the model has the features that the settings name.

    :param contract: of the model.
    :param names: of features.
    :raises UnknownFeatureError: lists those that do not exist, and those that do.
    """
    if problem := unknown_features(names, contract.features):
        raise UnknownFeatureError(problem)


def objective_config(
    settings: MonitoringSettings, contract: DataContract, training_examples: str | None
) -> ModelMonitoringObjectiveConfig:
    """
    Return what to compare for one deployed model.

    :param settings: the thresholds.
    :param contract: tells the features and the label.
    :param training_examples: ``gs://`` folder of the examples that this model learned from.
    :raises ModelMonitoringJobError: ``training_examples`` is no such folder.
    :raises UnknownFeatureError: a threshold is set for a feature that does not exist.
    """
    if not (training_examples or "").startswith("gs://"):
        raise ModelMonitoringJobError(f"training_examples is not a gs:// folder: {training_examples!r}")
    check_features(contract, settings.named_features)
    return job.objective_config(
        settings,
        features=contract.features,
        label=contract.label,
        training_data=f"{training_examples}/Split-train/*",
    )
