"""A wine model with the eleven features, deployed and monitored, and requests to it."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from tests.vertex.monitoring.monitored import (
    CONFIGS,
    OUTPUTS,
    TARGET,
    Monitored,
    Row,
)
from tests.vertex.vertex_clients import BUCKET, Clients
from tests.wines import read_wines

from localcloud.testing import (
    Cloud,
    MakeOnce,
    SampleModel,
    eventually,
    export_sample_model,
    upload_sample_model,
)


@pytest.fixture(scope="session")
def white_wines() -> list[Row]:
    """Return the 4,898 white wines of UCI."""
    return read_wines()


@pytest.fixture(scope="session")
def exported(
    pipeline_python: Path, bucket: storage.Bucket, white_wines: list[Row], make_once: MakeOnce
) -> SampleModel:
    """Export model and examples in the pipeline environment, four of five wines, and upload them."""
    rows = [row for number, row in enumerate(white_wines) if number % 5]

    def export(folder: Path) -> None:
        export_sample_model(pipeline_python, folder, rows, label=TARGET, outputs=OUTPUTS)

    return upload_sample_model(bucket, make_once("white-wine", export))


@pytest.fixture(scope="session")
def monitor(
    cloud: Cloud,
    clients: Clients,
    parent: str,
    exported: SampleModel,
    new_endpoint: Callable[..., v1.Endpoint],
    new_model: Callable[..., v1.UploadModelResponse],
    deploy: Callable[..., v1.DeployedModel],
) -> Callable[..., Monitored]:
    """Deploy the wine model to an endpoint of its own and monitor it; keywords set fields of the job."""
    model = new_model(artifact_uri=exported.model).model

    def start(thresholds: dict[str, float], default: float | None = None, **fields: Any) -> Monitored:
        endpoint = new_endpoint().name
        deployed = deploy(endpoint, model, {"0": 100})
        limits = {name: {"value": value} for name, value in thresholds.items()}
        skew: dict[str, Any] = {"skew_thresholds": limits}
        drift: dict[str, Any] = {"drift_thresholds": limits}
        if default is not None:
            skew["default_skew_threshold"] = drift["default_drift_threshold"] = {"value": default}
        training = {
            "gcs_source": {"uris": [exported.examples]},
            "data_format": "tf-record",
            "target_field": TARGET,
        }
        objective = {
            "training_dataset": training,
            "training_prediction_skew_detection_config": skew,
            "prediction_drift_detection_config": drift,
        }
        job = {
            "display_name": f"wine-{uuid.uuid4().hex[:8]}",
            "endpoint": endpoint,
            "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1.0}},
            "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 3600}},
            "stats_anomalies_base_directory": {"output_uri_prefix": f"gs://{BUCKET}/monitoring"},
            CONFIGS: [{"deployed_model_id": deployed.id, "objective_config": objective}],
            **fields,
        }
        created = clients.jobs.create_model_deployment_monitoring_job(
            parent=parent, model_deployment_monitoring_job=job
        )
        monitored = Monitored(cloud, clients, endpoint, created.name)
        eventually(lambda: monitored.read().state, lambda state: state == v1.JobState.JOB_STATE_RUNNING)
        return monitored

    return start


@pytest.fixture
def draw(white_wines: list[Row]) -> Callable[..., list[Row]]:
    """Draw wines at random, the same ones in every run of a test; ``alcohol`` is added to theirs."""
    source = random.Random(2009)

    def rows(count: int, alcohol: float = 0.0) -> list[Row]:
        chosen = source.choices(white_wines, k=count)
        return [{**row, "alcohol": row["alcohol"] + alcohol} for row in chosen]

    return rows
