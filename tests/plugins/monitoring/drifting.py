"""Endpoints that are asked about wines, ordinary ones and stronger ones, and whose monitoring is real."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from google.api import httpbody_pb2
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage

from localcloud.clients.monitor import run_window
from localcloud.config import Settings
from localcloud.testing import eventually
from tests.plugins.operators.served_models import CLIENT_OPTIONS, Endpoint

COUNT = 400
SETTLE_SECONDS = 60
Row = dict[str, float]


def wines(seed: int, alcohol: float = 0.0) -> list[Row]:
    """Draw wines from one distribution; ``alcohol`` is added to theirs."""
    source = random.Random(seed)
    return [
        {"ph": round(source.gauss(3.2, 0.15), 4), "alcohol": round(source.gauss(10.5, 1.2) + alcohol, 4)}
        for _ in range(COUNT)
    ]


@dataclass
class Drifting:
    """
    A deployed model, what it is asked, and the job that watches it.

    :param settings: of the localcloud that runs it.
    :param endpoint: resource name.
    :param deployed_model_id: of what answers.
    :param job: resource name of the monitoring job.
    """

    settings: Settings
    endpoint: str
    deployed_model_id: str
    job: str
    windows: int = 0

    def window(self, alcohol: float = 0.0) -> None:
        """Send requests for wines that are so much stronger, and make the job analyse just these."""
        self.windows += 1
        instances = [{name: [value] for name, value in row.items()} for row in wines(self.windows, alcohol)]
        body = json.dumps({"signature_name": "serving_raw", "instances": instances}).encode()
        v1.PredictionServiceClient(client_options=CLIENT_OPTIONS).raw_predict(
            endpoint=self.endpoint,
            http_body=httpbody_pb2.HttpBody(content_type="application/json", data=body),
        )
        found = {line.split()[2] for line in run_window(self.settings, self.job) if "ANOMALY" in line}
        assert found == ({"alcohol"} if alcohol else set())


def watch(settings: Settings, bucket: storage.Bucket, endpoint: Endpoint, labels: dict[str, str]) -> Drifting:
    """
    Deploy a model, and watch it for wines unlike those that :func:`wines` draws.

    :param settings: of the localcloud that runs it.
    :param bucket: takes the training data.
    :param endpoint: serves nothing yet.
    :param labels: of the monitoring job.
    """
    deployed = endpoint.deploy("sound")
    blob = bucket.blob(f"drifting/{endpoint.name.rpartition('/')[2]}/Split-train/wines.jsonl")
    blob.upload_from_string("".join(json.dumps(row) + "\n" for row in wines(0)))
    limits = {name: {"value": 0.3} for name in ("ph", "alcohol")}
    objective: dict[str, Any] = {
        "training_dataset": {
            "gcs_source": {"uris": [f"gs://{bucket.name}/{blob.name}"]},
            "data_format": "jsonl",
        },
        "training_prediction_skew_detection_config": {"skew_thresholds": limits},
        "prediction_drift_detection_config": {"drift_thresholds": limits},
    }
    client = v1.JobServiceClient(client_options=CLIENT_OPTIONS)
    job = client.create_model_deployment_monitoring_job(
        parent=endpoint.name.partition("/endpoints/")[0],
        model_deployment_monitoring_job={
            "display_name": "drifting",
            "endpoint": endpoint.name,
            "labels": labels,
            "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1.0}},
            "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 3600}},
            "model_deployment_monitoring_objective_configs": [
                {"deployed_model_id": deployed, "objective_config": objective}
            ],
        },
    )
    eventually(
        lambda: client.get_model_deployment_monitoring_job(name=job.name).state,
        lambda state: state == v1.JobState.JOB_STATE_RUNNING,
        SETTLE_SECONDS,
    )
    return Drifting(settings, endpoint.name, deployed, job.name)
