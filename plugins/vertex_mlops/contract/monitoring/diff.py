"""How the monitoring job of an endpoint differs from the one that it should have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vertex_mlops.contract.monitoring.job import objectives_of

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob, ThresholdConfig

    _Job = ModelDeploymentMonitoringJob


@dataclass(frozen=True)
class MonitoringDiff:
    """
    What turns one job into the other; false if nothing does.

    :param update_mask: names of the fields that an update must overwrite, sorted.
    :param immutable: names of the differing fields that no update can change, sorted.
    """

    update_mask: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.update_mask or self.immutable)


def diff(current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob) -> MonitoringDiff:
    """
    Compare the job that is there with the one that should be.

    What the service fills in is no difference: the window of the schedule, a schema made from the sample
    instance, a folder for statistics, what we never set of an objective. Neither are labels that somebody
    else has set, nor a sample instance that the service does not tell.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/patch

    :param current: the job that the endpoint has.
    :param wanted: the job of :func:`vertex_mlops.contract.monitoring.job.monitoring_job`.
    """
    return MonitoringDiff(
        update_mask=tuple(sorted(name for name, differs in _UPDATABLE.items() if differs(current, wanted))),
        immutable=tuple(sorted(name for name, differs in _IMMUTABLE.items() if differs(current, wanted))),
    )


def keep_recipients(current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob) -> list[str]:
    """
    Keep all recipients of a job's alerts.

    :param current: the job that the endpoint has.
    :param wanted: the job that it should have; its recipients come first.
    :return: addresses and channels that were added to the wanted job.
    """
    before, after = current.model_monitoring_alert_config, wanted.model_monitoring_alert_config
    emails = _others(before.email_alert_config.user_emails, after.email_alert_config.user_emails)
    channels = _others(before.notification_channels, after.notification_channels)
    if emails:
        wanted.model_monitoring_alert_config.email_alert_config.user_emails.extend(emails)
    if channels:
        wanted.model_monitoring_alert_config.notification_channels.extend(channels)
    return [*emails, *channels]


def updated_job(
    current: ModelDeploymentMonitoringJob, wanted: ModelDeploymentMonitoringJob
) -> ModelDeploymentMonitoringJob:
    """
    Build the job to send with the update mask: the wanted one under the current name, no label lost.

    :param current: the job that the endpoint has.
    :param wanted: the job that it should have.
    """
    job = type(wanted)(wanted)
    job.name = current.name
    job.labels = {**current.labels, **wanted.labels}
    return job


def _whole(name: str) -> Callable[[_Job, _Job], bool]:
    return lambda current, wanted: bool(getattr(current, name) != getattr(wanted, name))


def _if_wanted(name: str) -> Callable[[_Job, _Job], bool]:
    # what nobody asked for is the service's own choice
    return lambda current, wanted: bool(
        name in wanted and getattr(wanted, name) and getattr(current, name) != getattr(wanted, name)
    )


def _interval(current: _Job, wanted: _Job) -> bool:
    schedule = "model_deployment_monitoring_schedule_config"
    return bool(getattr(current, schedule).monitor_interval != getattr(wanted, schedule).monitor_interval)


def _labels(current: _Job, wanted: _Job) -> bool:
    return any(current.labels.get(key) != value for key, value in wanted.labels.items())


def _alert(current: _Job, wanted: _Job) -> bool:
    return _recipients(current) != _recipients(wanted)


def _recipients(job: _Job) -> tuple[bool, list[str], list[str]]:
    alert = job.model_monitoring_alert_config
    return (
        bool(alert.enable_logging),
        sorted(alert.email_alert_config.user_emails),
        sorted(alert.notification_channels),
    )


def _others(before: Iterable[str], after: Iterable[str]) -> list[str]:
    known = set(after)
    return [one for one in before if one not in known]


def _objectives(current: _Job, wanted: _Job) -> bool:
    return _compared(current) != _compared(wanted)


def _compared(job: _Job) -> dict[str, tuple[Any, ...]]:
    # what the service adds, such as an empty explanation_config, is its own
    return {
        id_: (
            list(objective.training_dataset.gcs_source.uris),
            objective.training_dataset.bigquery_source.input_uri,
            objective.training_dataset.data_format,
            objective.training_dataset.target_field,
            _values(objective.training_prediction_skew_detection_config.skew_thresholds),
            _values(objective.prediction_drift_detection_config.drift_thresholds),
        )
        for id_, objective in objectives_of(job).items()
    }


def _values(thresholds: Mapping[str, ThresholdConfig]) -> dict[str, float]:
    return {feature: threshold.value for feature, threshold in thresholds.items()}


def _folder(current: _Job, wanted: _Job) -> bool:
    # the service ends it with a slash
    before, after = (
        job.stats_anomalies_base_directory.output_uri_prefix.rstrip("/") for job in (current, wanted)
    )
    return bool(after) and before != after


def _sample(current: _Job, wanted: _Job) -> bool:
    before, after = _shape(_sample_of(current)), _shape(_sample_of(wanted))
    if after is None:
        return False
    # the service need not tell a sample, or was told the format by a schema
    return before is not None and before != after


def _sample_of(job: _Job) -> Any:
    return job.sample_predict_instance if "sample_predict_instance" in job else None


def _shape(value: Any) -> Any:
    # the service makes a schema from the sample: names and types count, the values do not
    if hasattr(value, "items"):
        return {name: _shape(part) for name, part in value.items()}
    if hasattr(value, "__iter__") and not isinstance(value, str):
        return [_shape(part) for part in value]
    return None if value is None else type(value).__name__


_UPDATABLE = {
    "display_name": _whole("display_name"),
    "enable_monitoring_pipeline_logs": _whole("enable_monitoring_pipeline_logs"),
    "labels": _labels,
    "log_ttl": _whole("log_ttl"),
    "logging_sampling_strategy": _whole("logging_sampling_strategy"),
    "model_deployment_monitoring_objective_configs": _objectives,
    "model_deployment_monitoring_schedule_config": _interval,
    "model_monitoring_alert_config": _alert,
}
_IMMUTABLE = {
    "analysis_instance_schema_uri": _if_wanted("analysis_instance_schema_uri"),
    "encryption_spec": _if_wanted("encryption_spec"),
    "predict_instance_schema_uri": _if_wanted("predict_instance_schema_uri"),
    "sample_predict_instance": _sample,
    "stats_anomalies_base_directory": _folder,
}
