"""Hook for the metrics that Vertex AI writes about online predictions to Cloud Monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.google.common.consts import CLIENT_INFO
from airflow.providers.google.common.hooks.base_google import PROVIDE_PROJECT_ID, GoogleBaseHook
from google.api_core.exceptions import NotFound

from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry
from vertex_mlops.rollout.prediction_metrics import (
    LATENCY_TYPE,
    PREFIX,
    RESOURCE,
    MetricDelay,
    ServedRequests,
    summarize,
)

if TYPE_CHECKING:
    from google.cloud.monitoring_v3 import MetricServiceClient

# The list of metrics says nothing about these four; of others of the same resource it says "sampled every
# 60 seconds; after sampling, data is not visible for up to 360 seconds".
# Source: https://cloud.google.com/monitoring/api/metrics_gcp_a_b#gcp-aiplatform
USUAL_DELAY = MetricDelay(sample_period=60, ingest_delay=360)
# complete only when both have come
_AWAITED = ("response_count", "prediction_latencies")


class PredictionMetricsHook(GoogleBaseHook):
    """
    Hook for what Cloud Monitoring counts of a deployed model's requests.

    It reads points as they were written: an aligner takes periods of a minute at least, whose ends do not
    tell up to when there are points.

    .. seealso::
        https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list and
        https://cloud.google.com/monitoring/api/resources#tag_aiplatform.googleapis.com/Endpoint

    :param gcp_conn_id: The connection ID to use connecting to Google Cloud.
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the requests.
    :param quota_project_id: The ID of the Google Cloud project that quota and cost of the calls count for;
        that of the credentials by default.
    """

    @cached_property
    def _client(self) -> MetricServiceClient:
        from google.cloud.monitoring_v3 import MetricServiceClient

        return MetricServiceClient(credentials=self.get_credentials(), client_info=CLIENT_INFO)

    @GoogleBaseHook.fallback_to_default_project_id
    def read_delay(self, project_id: str = PROVIDE_PROJECT_ID) -> MetricDelay:
        """
        Read how late a request shows in the metrics.

        .. seealso::
            https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.metricDescriptors#MetricDescriptorMetadata

        :param project_id: The ID of the Google Cloud project of the endpoint.
        :return: the longest of the metrics that are waited for; the usual one where they do not say.
        """
        delays = [
            self._delay_of(f"projects/{project_id}/metricDescriptors/{PREFIX}{name}") for name in _AWAITED
        ]
        return MetricDelay(*(max(parts) for parts in zip(*delays, strict=True)))

    def _delay_of(self, name: str) -> MetricDelay:
        try:
            descriptor = self._client.get_metric_descriptor(
                name=name, retry=transient_retry(READ_RETRY_SECONDS), timeout=REQUEST_SECONDS
            )
        except NotFound:
            return USUAL_DELAY
        metadata = descriptor.metadata
        seconds = {
            part: getattr(metadata, part).ToTimedelta().total_seconds()
            for part in MetricDelay._fields
            if metadata.HasField(part)
        }
        return USUAL_DELAY._replace(**seconds)

    @GoogleBaseHook.fallback_to_default_project_id
    def read_served(
        self,
        deployed_model_id: str,
        since: datetime,
        project_id: str = PROVIDE_PROJECT_ID,
    ) -> ServedRequests:
        """
        Read what the metrics show of a deployed model.

        The point that a moment falls into counts as a whole, so up to a sample period before it does too.

        :param deployed_model_id: Required. The ID of the deployed model; Vertex AI gives each another one.
        :param since: Required. Moment from which on it is wanted.
        :param project_id: The ID of the Google Cloud project of the endpoint.
        :return: requests, failures, predictions and latency since then.
        :raises google.api_core.exceptions.Forbidden: ``monitoring.timeSeries.list`` is missing.
        """

        def read(metric: str, more: str = "") -> Sequence[Any]:
            wanted = (
                f'metric.type = "{PREFIX}{metric}" AND resource.type = "{RESOURCE}"'
                f' AND metric.labels.deployed_model_id = "{deployed_model_id}"{more}'
            )
            return self._list(f"projects/{project_id}", wanted, since)

        return summarize(
            responses=read("response_count"),
            errors=read("error_count"),
            predictions=read("prediction_count"),
            latencies=read("prediction_latencies", f' AND metric.labels.latency_type = "{LATENCY_TYPE}"'),
        )

    def _list(self, name: str, wanted: str, since: datetime) -> Sequence[Any]:
        request = {
            "name": name,
            "filter": wanted,
            "interval": {"start_time": since, "end_time": datetime.now(UTC)},
        }
        try:
            return list(
                self._client.list_time_series(
                    request=request, retry=transient_retry(READ_RETRY_SECONDS), timeout=REQUEST_SECONDS
                )
            )
        except NotFound:
            # no endpoint of the project has written the metric so far
            return []
