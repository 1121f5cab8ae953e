"""How an endpoint is watched: what a user may set, and within which bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Threshold = Annotated[float, Field(gt=0, le=1)]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class MonitoringSettings(BaseModel):
    """
    Thresholds, sampling, schedule and alerts of an endpoint's monitoring job.

    :param skew_threshold: distance between training and serving data above which a feature is anomalous,
        for each feature without a threshold of its own. Vertex AI takes the Jensen-Shannon divergence for
        numbers and the L-infinity distance for categories; both lie in 0..1.
    :param drift_threshold: the same between two windows of serving data.
    :param feature_skew_thresholds: skew thresholds of single features.
    :param feature_drift_thresholds: drift thresholds of single features.
    :param sampling_rate: share of the requests that is logged, above 0 and at most 1.
    :param interval_hours: whole hours between two analyses.
    :param log_ttl_days: days that the logged requests are kept in BigQuery.
    :param emails: addresses that get the alerts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    skew_threshold: Threshold
    drift_threshold: Threshold
    feature_skew_thresholds: dict[str, Threshold] = {}
    feature_drift_thresholds: dict[str, Threshold] = {}
    sampling_rate: Annotated[float, Field(gt=0, le=1)]
    interval_hours: Annotated[int, Field(ge=1)]
    log_ttl_days: Annotated[int, Field(ge=1)]
    emails: list[Email] = []
