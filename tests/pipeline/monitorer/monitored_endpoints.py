"""An endpoint to monitor, and what the Monitorer gets from the tasks before it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import tfx
from google.cloud import aiplatform_v1 as v1
from tfx.types import standard_artifacts
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from wine_pipeline.monitorer.executor import wanted_job
from wine_pipeline.monitorer.jobs import MonitoringClient

# isort: split
import tensorflow_data_validation as tfdv  # after TFX

REGION = "europe-west1"
CLIENT_OPTIONS = {"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}
SERVING_IMAGE = "europe-docker.pkg.dev/vertex-ai/prediction/tf2-cpu.2-15:latest"
TABLE = "wine-local.wine_quality.white_wine"
ROWS = {"ph": [3.0, 3.5], "alcohol": [9.0, 14.0], "quality": [5, 7], "good": [0, 1]}
LABELS = {"wine": "white", "table": "wine_quality-white_wine"}
SETTINGS = MonitoringSettings(
    skew_threshold=0.3,
    drift_threshold=0.2,
    feature_skew_thresholds={"ph": 0.1},
    sampling_rate=0.5,
    interval_hours=6,
    log_ttl_days=7,
    emails=["cellar@example.com"],
)


def register(folder: str) -> str:
    """Register another Model of the same SavedModel, as the Pusher does in every run."""
    model = {
        "display_name": "sound",
        "artifact_uri": folder,
        "container_spec": {"image_uri": SERVING_IMAGE},
    }
    client = v1.ModelServiceClient(client_options=CLIENT_OPTIONS)
    parent = client.common_location_path("wine-local", REGION)
    return client.upload_model(parent=parent, model=model).result().model


@dataclass
class Endpoint:
    """An endpoint of its own for a test, and its monitoring job."""

    name: str
    client: v1.EndpointServiceClient
    jobs: v1.JobServiceClient

    def deploy(self, model: str, traffic: int = 100) -> str:
        """Deploy a model next to the one that serves, and return its id."""
        current = self.read().traffic_split
        split = {"0": traffic} | {id_: share * (100 - traffic) // 100 for id_, share in current.items()}
        machine = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
        deployed = self.client.deploy_model(
            endpoint=self.name,
            deployed_model={"model": model, "dedicated_resources": machine},
            traffic_split=split,
        ).result()
        return deployed.deployed_model.id

    def read(self) -> v1.Endpoint:
        return self.client.get_endpoint(name=self.name)

    def job(self) -> v1.ModelDeploymentMonitoringJob:
        """Return the monitoring job that the endpoint names."""
        return self.jobs.get_model_deployment_monitoring_job(name=self.read().model_deployment_monitoring_job)

    def close(self) -> None:
        """Delete the monitoring job and stop every model server."""
        if name := self.read().model_deployment_monitoring_job:
            self.jobs.pause_model_deployment_monitoring_job(name=name)
            self.jobs.delete_model_deployment_monitoring_job(name=name).result()
        while deployed := sorted(one.id for one in self.read().deployed_models):
            first, *others = deployed
            # a model can only be undeployed when it has no traffic, or is the last one
            split = {others[0]: 100} if others else {}
            self.client.undeploy_model(
                request={"endpoint": self.name, "deployed_model_id": first, "traffic_split": split}
            ).result()


def changed(**changes: Any) -> MonitoringSettings:
    return MonitoringSettings(**SETTINGS.model_dump() | changes)


def measure(rows: dict[str, list[Any]], folder: Path) -> standard_artifacts.ExampleStatistics:
    """Leave the statistics of rows as StatisticsGen does."""
    artifact = standard_artifacts.ExampleStatistics()
    artifact.uri = str(folder / "statistics")
    artifact.splits = ["train"]
    artifact.set_string_custom_property("tfx_version", tfx.__version__)
    split = folder / "statistics" / "Split-train"
    split.mkdir(parents=True, exist_ok=True)
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(rows))
    (split / "FeatureStats.pb").write_bytes(statistics.SerializeToString())
    return artifact


def push(model: str | None) -> standard_artifacts.PushedModel:
    """Leave what the Pusher leaves; None stands for a model that was not blessed."""
    artifact = standard_artifacts.PushedModel()
    artifact.set_int_custom_property("pushed", int(model is not None))
    if model is not None:
        artifact.set_string_custom_property("pushed_destination", model)
    return artifact


def objectives(job: v1.ModelDeploymentMonitoringJob) -> dict[str, v1.ModelMonitoringObjectiveConfig]:
    return {
        config.deployed_model_id: config.objective_config
        for config in job.model_deployment_monitoring_objective_configs
    }


def values(thresholds: Any) -> dict[str, float]:
    return {name: threshold.value for name, threshold in thresholds.items()}


def wanted(client: MonitoringClient, model: str, **changes: Any) -> v1.ModelDeploymentMonitoringJob:
    parameters = {
        "display_name": "wine-white",
        "target_field": "quality",
        "training_table": TABLE,
        "settings": changed(feature_skew_thresholds={}, **changes).model_dump_json(),
        "labels": "{}",
    }
    return wanted_job(client.find_deployment(model), {"ph": 3.2}, parameters)
