"""The rules for a ModelDeploymentMonitoringJob."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.api.calls import unimplemented
from localcloud.vertex.resources.rules import refuse_set

_HOUR_SECONDS = 3600
_FILE_FORMATS = ("tf-record", "csv", "jsonl")
_CONFIGS = "model_deployment_monitoring_objective_configs"


def check_job(job: v1.ModelDeploymentMonitoringJob, deployed_ids: Collection[str]) -> None:
    """
    Check a monitoring job against the rules of its API.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs

    :param job: the job as it would be stored.
    :param deployed_ids: ids of the models deployed to its endpoint.
    :raises google.api_core.exceptions.InvalidArgument: one or more rules are broken; all are listed.
    :raises google.api_core.exceptions.MethodNotImplemented: it asks for what localcloud does not have.
    """
    refuse_set(job, "encryption_spec")
    problems = [*_schedule(job), *_sampling(job), *_objectives(job, deployed_ids)]
    if problems:
        listed = " ".join(
            f"{number}.Field: model_deployment_monitoring_job.{field}; Message: {message}"
            for number, (field, message) in enumerate(problems, start=1)
        )
        raise exceptions.InvalidArgument(f"List of found errors: {listed}")


_Problems = Iterator[tuple[str, str]]


def _schedule(job: v1.ModelDeploymentMonitoringJob) -> _Problems:
    raw = type(job).pb(job).model_deployment_monitoring_schedule_config
    for name in ("monitor_interval", "monitor_window"):
        seconds = getattr(raw, name).ToTimedelta().total_seconds()
        if name == "monitor_interval" and seconds <= 0:
            yield f"model_deployment_monitoring_schedule_config.{name}", "It is required."
        elif seconds < 0 or seconds % _HOUR_SECONDS:
            yield (
                f"model_deployment_monitoring_schedule_config.{name}",
                f"It must be a whole number of hours, got {seconds:g} seconds.",
            )


def _sampling(job: v1.ModelDeploymentMonitoringJob) -> _Problems:
    rate = job.logging_sampling_strategy.random_sample_config.sample_rate
    if not 0 < rate <= 1:
        yield (
            "logging_sampling_strategy.random_sample_config.sample_rate",
            f"It must be in (0, 1], got {rate:g}.",
        )


def _objectives(job: v1.ModelDeploymentMonitoringJob, deployed_ids: Collection[str]) -> _Problems:
    if not job.model_deployment_monitoring_objective_configs:
        yield _CONFIGS, f"{_CONFIGS} is empty in ModelDeploymentMonitoringJob."
    seen = set()
    for config in job.model_deployment_monitoring_objective_configs:
        deployed_id = config.deployed_model_id
        if deployed_id not in deployed_ids:
            yield (
                f"{_CONFIGS}.deployed_model_id",
                f"{deployed_id!r} is not a deployed model of {job.endpoint}.",
            )
        if deployed_id in seen:
            yield f"{_CONFIGS}.deployed_model_id", f"{deployed_id!r} is configured twice."
        seen.add(deployed_id)
        yield from _objective(deployed_id, config.objective_config)


def _objective(deployed_id: str, config: v1.ModelMonitoringObjectiveConfig) -> _Problems:
    skew = config.training_prediction_skew_detection_config
    drift = config.prediction_drift_detection_config
    if config.explanation_config or (
        skew.attribution_score_skew_thresholds or drift.attribution_score_drift_thresholds
    ):
        raise unimplemented("monitoring of feature attributions")
    field = f"{_CONFIGS}.objective_config"
    if not skew and not drift:
        yield field, f"The objective of {deployed_id!r} is empty: configure skew or drift detection."
    if skew and not config.training_dataset:
        yield f"{field}.training_dataset", f"Skew detection of {deployed_id!r} needs a training dataset."
    yield from _dataset(f"{field}.training_dataset", config.training_dataset)
    thresholds = {**skew.skew_thresholds, **drift.drift_thresholds}
    for owner, name in ((skew, "default_skew_threshold"), (drift, "default_drift_threshold")):
        if name in owner:
            thresholds[name] = getattr(owner, name)
    for feature, threshold in thresholds.items():
        if not 0 < threshold.value <= 1:
            yield field, f"The threshold of {feature!r} must be in (0, 1], got {threshold.value:g}."


def _dataset(field: str, dataset: v1.ModelMonitoringObjectiveConfig.TrainingDataset) -> _Problems:
    if not dataset:
        return
    if not any(name in dataset for name in ("dataset", "gcs_source", "bigquery_source")):
        yield field, "It names no data source."
    if "gcs_source" in dataset and dataset.data_format not in _FILE_FORMATS:
        yield f"{field}.data_format", f"It must be one of {', '.join(_FILE_FORMATS)}."
