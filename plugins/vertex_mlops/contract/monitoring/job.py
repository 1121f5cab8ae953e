"""The monitoring job that an endpoint should have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration

from vertex_mlops.contract.monitoring.settings import MonitoringSettings

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import (
        ModelDeploymentMonitoringJob,
        ModelMonitoringAlertConfig,
        ModelMonitoringObjectiveConfig,
        ThresholdConfig,
    )

_SECONDS_PER_HOUR = 3600
_SECONDS_PER_DAY = 86400


def objective_config(
    settings: MonitoringSettings, *, features: Collection[str], label: str, training_data: str
) -> ModelMonitoringObjectiveConfig:
    """
    Build the monitoring objective of one deployed model.

    :param settings: the thresholds; those of single features are for ``features`` alone.
    :param features: names of what the model sees.
    :param label: what it learned to predict.
    :param training_data: what it learned from: ``gs://`` pattern of TFRecord files, or ``bq://`` URI of a
        table.
    """
    from google.cloud.aiplatform_v1 import types

    config = types.ModelMonitoringObjectiveConfig
    dataset = config.TrainingDataset(target_field=label)
    if training_data.startswith("bq://"):
        dataset.bigquery_source = types.BigQuerySource(input_uri=training_data)
    else:
        dataset.gcs_source = types.GcsSource(uris=[training_data])
        dataset.data_format = "tf-record"
    skew = _thresholds(features, settings.skew_threshold, settings.feature_skew_thresholds)
    drift = _thresholds(features, settings.drift_threshold, settings.feature_drift_thresholds)
    return config(
        training_dataset=dataset,
        training_prediction_skew_detection_config=config.TrainingPredictionSkewDetectionConfig(
            skew_thresholds=skew
        ),
        prediction_drift_detection_config=config.PredictionDriftDetectionConfig(drift_thresholds=drift),
    )


def monitoring_job(
    *,
    display_name: str,
    endpoint: str,
    objectives: Mapping[str, ModelMonitoringObjectiveConfig],
    settings: MonitoringSettings,
    sample_instance: Mapping[str, list[float]],
    labels: Mapping[str, str] | None = None,
) -> ModelDeploymentMonitoringJob:
    """
    Build the monitoring job that the endpoint should have.

    :param display_name: what the console shows.
    :param endpoint: resource name of the endpoint.
    :param objectives: what to compare, by the id of the deployed model.
    :param settings: how the endpoint is watched.
    :param sample_instance: shows the format of the requests.
    :param labels: labels of the job.
    """
    from google.cloud.aiplatform_v1 import types

    job = types.ModelDeploymentMonitoringJob(
        display_name=display_name,
        endpoint=endpoint,
        model_deployment_monitoring_objective_configs=[
            types.ModelDeploymentMonitoringObjectiveConfig(deployed_model_id=id_, objective_config=objective)
            for id_, objective in sorted(objectives.items())
        ],
        model_deployment_monitoring_schedule_config=types.ModelDeploymentMonitoringScheduleConfig(
            monitor_interval=Duration(seconds=settings.interval_hours * _SECONDS_PER_HOUR)
        ),
        logging_sampling_strategy=types.SamplingStrategy(
            random_sample_config=types.SamplingStrategy.RandomSampleConfig(sample_rate=settings.sampling_rate)
        ),
        model_monitoring_alert_config=_alert_config(settings),
        log_ttl=Duration(seconds=settings.log_ttl_days * _SECONDS_PER_DAY),
        enable_monitoring_pipeline_logs=settings.log_pipelines,
        predict_instance_schema_uri=settings.predict_schema,
        analysis_instance_schema_uri=settings.analysis_schema,
        labels=labels or {},
    )
    if not settings.predict_schema:
        sample: Any = sample_instance
        job.sample_predict_instance = sample
    if settings.stats_directory:
        job.stats_anomalies_base_directory = types.GcsDestination(output_uri_prefix=settings.stats_directory)
    if settings.encryption_key:
        job.encryption_spec = types.EncryptionSpec(kms_key_name=settings.encryption_key)
    return job


def objectives_of(job: ModelDeploymentMonitoringJob) -> dict[str, ModelMonitoringObjectiveConfig]:
    """Return what the job compares, by the ID of the deployed model."""
    return {
        config.deployed_model_id: config.objective_config
        for config in job.model_deployment_monitoring_objective_configs
    }


def _alert_config(settings: MonitoringSettings) -> ModelMonitoringAlertConfig | None:
    from google.cloud.aiplatform_v1 import types

    if not (settings.emails or settings.notification_channels or settings.log_anomalies):
        return None
    alert = types.ModelMonitoringAlertConfig(
        enable_logging=settings.log_anomalies, notification_channels=settings.notification_channels
    )
    if settings.emails:
        alert.email_alert_config = types.ModelMonitoringAlertConfig.EmailAlertConfig(
            user_emails=settings.emails
        )
    return alert


def _thresholds(
    features: Collection[str], default: float, single: Mapping[str, float]
) -> dict[str, ThresholdConfig]:
    from google.cloud.aiplatform_v1 import types

    return {name: types.ThresholdConfig(value=single.get(name, default)) for name in features}
