"""A monitored endpoint, the requests that it is sent, and what was exported for it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from google.api import httpbody_pb2
from google.cloud import aiplatform_v1 as v1
from tests.vertex.vertex_clients import Clients

from localcloud.clients.monitor import run_window
from localcloud.testing import Cloud

CONFIGS = "model_deployment_monitoring_objective_configs"
TARGET = "quality"
SKEW = v1.ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_SKEW
DRIFT = v1.ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_DRIFT
Row = dict[str, Any]
# what the model answers: the feature, and what it is divided by
OUTPUTS = {"good": ("alcohol", 20.0), "grade": ("alcohol", 2.0)}


class Monitored:
    """
    An endpoint with one deployed model and its monitoring job.

    :param cloud: the localcloud that runs it.
    :param clients: that send requests to it.
    :param endpoint: name of the endpoint.
    :param job: name of the job.
    """

    def __init__(self, cloud: Cloud, clients: Clients, endpoint: str, job: str) -> None:
        self._cloud = cloud
        self._clients = clients
        self.endpoint = endpoint
        self.job = job

    @property
    def deployed_id(self) -> str:
        """Return the id of the deployed model."""
        return str(self._clients.endpoints.get_endpoint(name=self.endpoint).deployed_models[0].id)

    @property
    def table(self) -> str:
        """Name of the table of its logged requests."""
        return f"model_deployment_monitoring_{self.endpoint.rpartition('/')[2]}.serving_predict"

    def read(self) -> v1.ModelDeploymentMonitoringJob:
        """Read the job."""
        return self._clients.jobs.get_model_deployment_monitoring_job(name=self.job)

    def ask_raw(self, rows: Sequence[Row]) -> None:
        """Send rows to the signature that takes named features, as one request."""
        instances = [{name: [value] for name, value in row.items() if name != TARGET} for row in rows]
        body = json.dumps({"signature_name": "serving_raw", "instances": instances}).encode()
        self._clients.predictions.raw_predict(
            endpoint=self.endpoint,
            http_body=httpbody_pb2.HttpBody(content_type="application/json", data=body),
        )

    def run_window(self) -> list[str]:
        """Analyse the requests since the last window; return a line for each measured feature."""
        return run_window(self._cloud.settings, self.job)

    def search(self, *objectives: Any, **fields: Any) -> list[v1.ModelMonitoringStatsAnomalies]:
        """Search the results, all pages."""
        request = {
            "model_deployment_monitoring_job": self.job,
            "deployed_model_id": self.deployed_id,
            "objectives": [{"type_": objective} for objective in objectives or (SKEW, DRIFT)],
            **fields,
        }
        return list(self._clients.jobs.search_model_deployment_monitoring_stats_anomalies(request))

    def anomalies(self) -> list[tuple[str, str]]:
        """Return objective and feature of each anomaly that was found."""
        return [
            (v1.ModelDeploymentMonitoringObjectiveType(record.objective).name, feature.feature_display_name)
            for record in self.search()
            for feature in record.feature_stats
            for window in feature.prediction_stats
            if window.distribution_deviation > window.anomaly_detection_threshold
        ]
