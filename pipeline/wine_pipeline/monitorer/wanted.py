"""The monitoring job that an endpoint should have, and how it differs from the one it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud.aiplatform_v1.types import (
    BigQuerySource,
    ModelDeploymentMonitoringJob,
    ModelDeploymentMonitoringObjectiveConfig,
    ModelDeploymentMonitoringScheduleConfig,
    ModelMonitoringAlertConfig,
    ModelMonitoringObjectiveConfig,
    SamplingStrategy,
    ThresholdConfig,
)
from google.protobuf.duration_pb2 import Duration

from wine_pipeline.config import MonitoringConfig
from wine_pipeline.monitorer.errors import MonitoringError

OBJECTIVES = "model_deployment_monitoring_objective_configs"
_SCHEDULE = "model_deployment_monitoring_schedule_config"
_COMPARED_WHOLE = ("display_name", "logging_sampling_strategy", "model_monitoring_alert_config", "log_ttl")
_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86400


@dataclass(frozen=True)
class Deployment:
    """
    A model behind an endpoint.

    :param endpoint: resource name.
    :param deployed_model_id: its id on that endpoint.
    """

    endpoint: str
    deployed_model_id: str

    def __str__(self) -> str:
        return f"deployed model {self.deployed_model_id} of {self.endpoint}"


@dataclass(frozen=True)
class TrainingData:
    """
    What serving data is compared with.

    :param table: project.dataset.table.
    :param target_field: column that the model predicts.
    """

    table: str
    target_field: str


def wanted_job(
    *,
    display_name: str,
    deployment: Deployment,
    means: Mapping[str, float],
    training: TrainingData,
    config: MonitoringConfig,
) -> ModelDeploymentMonitoringJob:
    """
    Return the job that the endpoint should have if the deployed model were its only one.

    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs

    :param display_name: what the console shows.
    :param deployment: the model to watch.
    :param means: each feature to watch with a typical value, which shows the format of the requests.
    :param training: what serving data is compared with.
    :param config: thresholds, sampling, schedule and alerts.
    :raises MonitoringError: if a threshold is set for a feature that does not exist.
    """
    alert = ModelMonitoringAlertConfig(enable_logging=True)
    if config.emails:
        alert.email_alert_config = ModelMonitoringAlertConfig.EmailAlertConfig(user_emails=config.emails)
    sample: Any = {name: [mean] for name, mean in means.items()}
    return ModelDeploymentMonitoringJob(
        display_name=display_name,
        endpoint=deployment.endpoint,
        model_deployment_monitoring_objective_configs=[
            ModelDeploymentMonitoringObjectiveConfig(
                deployed_model_id=deployment.deployed_model_id,
                objective_config=_objective(means, training, config),
            )
        ],
        model_deployment_monitoring_schedule_config=ModelDeploymentMonitoringScheduleConfig(
            monitor_interval=Duration(seconds=config.interval_hours * _SECONDS_PER_HOUR)
        ),
        logging_sampling_strategy=SamplingStrategy(
            random_sample_config=SamplingStrategy.RandomSampleConfig(sample_rate=config.sampling_rate)
        ),
        model_monitoring_alert_config=alert,
        log_ttl=Duration(seconds=config.log_ttl_days * _SECONDS_PER_DAY),
        sample_predict_instance=sample,
    )


def keep_watching(
    wanted: ModelDeploymentMonitoringJob, current: ModelDeploymentMonitoringJob, serving: Collection[str]
) -> None:
    """
    Add to the wanted job what the current one compares for other models that serve now.

    Each keeps its own training data. A model without traffic is not watched.

    :param wanted: of :func:`wanted_job`.
    :param current: the job that the endpoint has.
    :param serving: ids of the deployed models that have traffic.
    """
    configs = {
        config.deployed_model_id: config
        for config in current.model_deployment_monitoring_objective_configs
        if config.deployed_model_id in serving
    }
    configs |= {
        config.deployed_model_id: config for config in wanted.model_deployment_monitoring_objective_configs
    }
    wanted.model_deployment_monitoring_objective_configs = [configs[id_] for id_ in sorted(configs)]


def changed_fields(current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob) -> list[str]:
    """
    Return the update mask that turns one job into the other; empty if there is nothing to change.

    Only what :func:`wanted_job` sets is compared.
    https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/patch

    :param current: the job that the endpoint has.
    :param wanted: the job that it should have.
    :raises MonitoringError: if something differs that Vertex AI cannot update.
    """
    _refuse_another_format(current, wanted)
    changed = [name for name in _COMPARED_WHOLE if getattr(current, name) != getattr(wanted, name)]
    # the service fills in the window of the schedule, so the whole message would never be equal
    if getattr(current, _SCHEDULE).monitor_interval != getattr(wanted, _SCHEDULE).monitor_interval:
        changed.append(_SCHEDULE)
    if _objectives(current) != _objectives(wanted):
        changed.append(OBJECTIVES)
    return sorted(changed)


def _refuse_another_format(
    current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob
) -> None:
    before: Any = current.sample_predict_instance or {}
    after: Any = wanted.sample_predict_instance
    # the means of other rows say nothing about the format
    if before and set(before) != set(after):
        raise MonitoringError(
            f"{current.name}: sample_predict_instance has the features {', '.join(sorted(before))}, the model"
            f" takes {', '.join(sorted(after))}, and Vertex AI cannot update it: pause and delete the job"
        )


def _objectives(job: ModelDeploymentMonitoringJob) -> dict[str, ModelMonitoringObjectiveConfig]:
    return {
        config.deployed_model_id: config.objective_config
        for config in job.model_deployment_monitoring_objective_configs
    }


def _objective(
    features: Collection[str], training: TrainingData, config: MonitoringConfig
) -> ModelMonitoringObjectiveConfig:
    objective = ModelMonitoringObjectiveConfig
    return objective(
        training_dataset=objective.TrainingDataset(
            bigquery_source=BigQuerySource(input_uri=f"bq://{training.table}"),
            target_field=training.target_field,
        ),
        training_prediction_skew_detection_config=objective.TrainingPredictionSkewDetectionConfig(
            skew_thresholds=_thresholds(features, config.skew_threshold, config.feature_skew_thresholds)
        ),
        prediction_drift_detection_config=objective.PredictionDriftDetectionConfig(
            drift_thresholds=_thresholds(features, config.drift_threshold, config.feature_drift_thresholds)
        ),
    )


def _thresholds(
    features: Collection[str], default: float, single: Mapping[str, float]
) -> dict[str, ThresholdConfig]:
    if unknown := sorted(set(single) - set(features)):
        raise MonitoringError(
            f"a threshold for {', '.join(unknown)}, but the features are {', '.join(sorted(features))}"
        )
    return {name: ThresholdConfig(value=single.get(name, default)) for name in features}
