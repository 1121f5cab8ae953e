"""How an endpoint is watched: what a user may set, and within which bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from vertex_mlops.contract.config.identifiers import (
    ColumnName,
    Email,
    GcsUri,
    KmsKey,
    NotificationChannel,
)

# strict: a quoted number or a yes/no is a mistake, not a distance
Threshold = Annotated[float, Field(gt=0, le=1, strict=True, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, strict=True, allow_inf_nan=False)]
# ten years, and one: what lies beyond is a slip, and in the end no duration that the API takes
Days = Annotated[int, Field(ge=1, le=3650, strict=True)]
Hours = Annotated[int, Field(ge=1, le=8760, strict=True)]


class MonitoringSettings(BaseModel):
    """
    Thresholds, sampling, schedule, alerts and storage of an endpoint's monitoring job.

    A threshold is a distance in (0, 1]: Vertex AI takes the Jensen-Shannon divergence for numbers and the
    L-infinity distance for categories. The last four fields cannot be changed on a job that is there.

    :param skew_threshold: distance between training and serving data above which a feature is anomalous,
        for each feature without a threshold of its own.
    :param drift_threshold: the same between two windows of serving data.
    :param feature_skew_thresholds: skew thresholds of single features.
    :param feature_drift_thresholds: drift thresholds of single features.
    :param sampling_rate: share of the requests that is logged, above 0 and at most 1.
    :param interval_hours: whole hours between two analyses, a year of them at most.
    :param log_ttl_days: days that the logged requests are kept in BigQuery, 3650 at most.
    :param emails: addresses that get the alerts.
    :param notification_channels: resource names of the Cloud Monitoring channels that get the alerts.
    :param log_anomalies: whether anomalies go to Cloud Logging; without it, an address or a channel, the
        job has no alert config.
    :param log_pipelines: whether the logs of the analyses go to Cloud Logging, which charges for them.
    :param predict_schema: URI of the YAML schema of an instance; without it a sample instance shows it.
    :param analysis_schema: URI of the YAML schema of what is analyzed; without it that of an instance.
    :param stats_directory: folder for statistics and anomalies; without it Vertex AI chooses one.
    :param encryption_key: resource name of the Cloud KMS key that encrypts the job.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    skew_threshold: Threshold = 0.3
    drift_threshold: Threshold = 0.3
    feature_skew_thresholds: dict[ColumnName, Threshold] = {}
    feature_drift_thresholds: dict[ColumnName, Threshold] = {}
    sampling_rate: Share = 0.8
    interval_hours: Hours = 1
    log_ttl_days: Days = 30
    emails: list[Email] = []
    notification_channels: list[NotificationChannel] = []
    log_anomalies: StrictBool = True
    log_pipelines: StrictBool = False
    predict_schema: GcsUri | None = None
    analysis_schema: GcsUri | None = None
    stats_directory: GcsUri | None = None
    encryption_key: KmsKey | None = None

    @property
    def named_features(self) -> list[str]:
        """Return the features that have a threshold of their own."""
        return sorted({*self.feature_skew_thresholds, *self.feature_drift_thresholds})
