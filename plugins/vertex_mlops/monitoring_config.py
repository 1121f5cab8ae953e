"""The monitoring job that an endpoint should have, and how it differs from the one it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from google.cloud.aiplatform_v1.types import (
    GcsSource,
    ModelDeploymentMonitoringJob,
    ModelDeploymentMonitoringObjectiveConfig,
    ModelDeploymentMonitoringScheduleConfig,
    ModelMonitoringAlertConfig,
    ModelMonitoringObjectiveConfig,
    SamplingStrategy,
    ThresholdConfig,
)
from google.protobuf.duration_pb2 import Duration

from vertex_mlops.contract import DataContract
from vertex_mlops.exceptions import ModelMonitoringJobError
from vertex_mlops.monitoring_settings import MonitoringSettings

_OBJECTIVES = "model_deployment_monitoring_objective_configs"
_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86400


def objective_config(
    settings: MonitoringSettings, contract: DataContract, training_examples: str
) -> ModelMonitoringObjectiveConfig:
    """
    What to compare for one deployed model.

    :param settings: the thresholds.
    :param contract: tells the features and the label.
    :param training_examples: ``gs://`` folder of the examples that this model learned from.
    :raises ModelMonitoringJobError: a threshold is set for a feature that does not exist.
    """
    config = ModelMonitoringObjectiveConfig
    return config(
        training_dataset=config.TrainingDataset(
            gcs_source=GcsSource(uris=[f"{training_examples}/Split-train/*"]),
            data_format="tf-record",
            target_field=contract.label,
        ),
        training_prediction_skew_detection_config=config.TrainingPredictionSkewDetectionConfig(
            skew_thresholds=_thresholds(contract, settings.skew_threshold, settings.feature_skew_thresholds)
        ),
        prediction_drift_detection_config=config.PredictionDriftDetectionConfig(
            drift_thresholds=_thresholds(
                contract, settings.drift_threshold, settings.feature_drift_thresholds
            )
        ),
    )


def monitoring_job(
    *,
    display_name: str,
    endpoint: str,
    objectives: Mapping[str, ModelMonitoringObjectiveConfig],
    settings: MonitoringSettings,
    contract: DataContract,
) -> ModelDeploymentMonitoringJob:
    """
    The job that the endpoint should have.

    :param display_name: what the console shows.
    :param endpoint: resource name of the endpoint.
    :param objectives: what to compare, by the id of the deployed model.
    :param settings: how the endpoint is watched.
    :param contract: holds an instance that shows the format of the requests.
    """
    alert = ModelMonitoringAlertConfig(enable_logging=True)
    if settings.emails:
        alert.email_alert_config = ModelMonitoringAlertConfig.EmailAlertConfig(user_emails=settings.emails)
    sample: Any = contract.sample_instance
    return ModelDeploymentMonitoringJob(
        display_name=display_name,
        endpoint=endpoint,
        model_deployment_monitoring_objective_configs=[
            ModelDeploymentMonitoringObjectiveConfig(deployed_model_id=id_, objective_config=objective)
            for id_, objective in sorted(objectives.items())
        ],
        model_deployment_monitoring_schedule_config=ModelDeploymentMonitoringScheduleConfig(
            monitor_interval=Duration(seconds=settings.interval_hours * _SECONDS_PER_HOUR)
        ),
        logging_sampling_strategy=SamplingStrategy(
            random_sample_config=SamplingStrategy.RandomSampleConfig(sample_rate=settings.sampling_rate)
        ),
        model_monitoring_alert_config=alert,
        log_ttl=Duration(seconds=settings.log_ttl_days * _SECONDS_PER_DAY),
        sample_predict_instance=sample,
    )


def objectives_of(job: ModelDeploymentMonitoringJob) -> dict[str, ModelMonitoringObjectiveConfig]:
    """What the job compares, by the id of the deployed model."""
    return {
        config.deployed_model_id: config.objective_config
        for config in job.model_deployment_monitoring_objective_configs
    }


def changed_fields(current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob) -> list[str]:
    """
    The update mask that turns one job into the other; empty if there is nothing to change.

    Only fields that Vertex AI can update and that :func:`monitoring_job` sets are compared:
    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/patch
    """
    changed = [
        name
        for name in ("display_name", "logging_sampling_strategy", "model_monitoring_alert_config", "log_ttl")
        if getattr(current, name) != getattr(wanted, name)
    ]
    if _interval(current) != _interval(wanted):
        changed.append("model_deployment_monitoring_schedule_config")
    if objectives_of(current) != objectives_of(wanted):
        changed.append(_OBJECTIVES)
    return sorted(changed)


def _interval(job: ModelDeploymentMonitoringJob) -> Any:
    # the service fills in the window of the schedule, so the whole message would never be equal
    return job.model_deployment_monitoring_schedule_config.monitor_interval


def _thresholds(
    contract: DataContract, default: float, single: Mapping[str, float]
) -> dict[str, ThresholdConfig]:
    if unknown := _sorted(set(single) - set(contract.features)):
        raise ModelMonitoringJobError(
            f"no such feature: {unknown}; the model has {_sorted(contract.features)}"
        )
    return {name: ThresholdConfig(value=single.get(name, default)) for name in contract.features}


def _sorted(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
