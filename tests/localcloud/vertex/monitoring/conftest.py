"""A wine model that takes the eleven features, deployed, monitored and asked."""

from __future__ import annotations

import json
import random
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.api import httpbody_pb2
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage

from dev.wine_data import read_wine
from localcloud.monitor import run_window
from tests.conftest import Cloud, MakeOnce
from tests.localcloud.vertex.conftest import BUCKET, Clients, upload_folder

CONFIGS = "model_deployment_monitoring_objective_configs"
TARGET = "quality"
SKEW = v1.ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_SKEW
DRIFT = v1.ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_DRIFT
Row = dict[str, Any]
_EXAMPLES = "data_tfrecord-00000-of-00001.gz"

# The two signatures of the pipeline's models, and the training split as ExampleGen writes it.
_EXPORT = """
import base64, json, sys
import tensorflow as tf

rows = [json.loads(line) for line in open(sys.argv[1])]
names = [name for name in rows[0] if name != "quality"]

def answer(alcohol):
    return {"good": alcohol / 20, "grade": alcohol / 2}

class Wine(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(self, examples):
        spec = {name: tf.io.FixedLenFeature([1], tf.float32) for name in names}
        return answer(tf.io.parse_example(examples, spec)["alcohol"])

    @tf.function(input_signature=[{name: tf.TensorSpec([None, 1], tf.float32, name=name) for name in names}])
    def serving_raw(self, features):
        return answer(features["alcohol"])

def example(row):
    features = {}
    for name, value in row.items():
        feature = features[name] = tf.train.Feature()
        if name == "quality":
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()

wine = Wine()
signatures = {"serving_default": wine.serving_default, "serving_raw": wine.serving_raw}
tf.saved_model.save(wine, sys.argv[2], signatures=signatures)
with tf.io.TFRecordWriter(sys.argv[3], tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
    for row in rows:
        writer.write(example(row))
print(base64.b64encode(example(rows[0])).decode())
"""


@dataclass(frozen=True)
class Exported:
    """
    What the pipeline leaves.

    :param model: folder of the model.
    :param examples: pattern of the files that it learned from.
    :param example: one of them, in base64.
    """

    model: str
    examples: str
    example: str


@pytest.fixture(scope="session")
def white_wines() -> list[Row]:
    """Return the 4,898 white wines of UCI."""
    return read_wine("white")


@pytest.fixture(scope="session")
def exported(cloud: Cloud, bucket: storage.Bucket, white_wines: list[Row], make_once: MakeOnce) -> Exported:
    """Export model and examples in the pipeline environment, four of five wines, and upload them."""
    python = cloud.settings.pipeline_python
    if not python.exists():
        pytest.skip(f"the pipeline environment is not installed: {python}")
    rows = [row for number, row in enumerate(white_wines) if number % 5]
    return _upload(bucket, make_once("white-wine", lambda folder: _export(python, rows, folder)))


def answer(alcohol: float) -> dict[str, float]:
    """Return what the model says of a wine."""
    return {"good": alcohol / 20, "grade": alcohol / 2}


def export_wine(python: Path, bucket: storage.Bucket, rows: Sequence[Row], folder: Path) -> Exported:
    """Export a model and the rows that it knows, and upload both below the folder's name."""
    _export(python, rows, folder)
    return _upload(bucket, folder)


def _export(python: Path, rows: Sequence[Row], folder: Path) -> None:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = [folder / "rows.jsonl", folder / "model", folder / _EXAMPLES]
    done = subprocess.run(
        [python, "-c", _EXPORT, *paths], capture_output=True, text=True, timeout=300, check=True
    )
    (folder / "example").write_text(done.stdout.split()[-1])


def _upload(bucket: storage.Bucket, folder: Path) -> Exported:
    place = folder.name
    # for either container, as the Trainer leaves it
    for target in ("model", "model/1"):
        upload_folder(bucket, folder / "model", f"{place}/{target}")
    bucket.blob(f"{place}/Split-train/{_EXAMPLES}").upload_from_filename(str(folder / _EXAMPLES))
    below = f"gs://{bucket.name}/{place}"
    return Exported(f"{below}/model", f"{below}/Split-train/*", (folder / "example").read_text())


class Monitored:
    """
    An endpoint with one deployed model and its monitoring job.

    :param cloud: the localcloud that runs it.
    :param clients: what asks it.
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
        """Id of the deployed model."""
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
        """Analyse what was asked since the last window; give a line for each feature that was measured."""
        return run_window(self._cloud.settings, self.job)

    def search(self, *objectives: Any, **fields: Any) -> list[v1.ModelMonitoringStatsAnomalies]:
        """Search what was computed, all pages."""
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


@pytest.fixture(scope="session")
def monitor(
    cloud: Cloud,
    clients: Clients,
    parent: str,
    exported: Exported,
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
        end = time.monotonic() + 30
        while monitored.read().state != v1.JobState.JOB_STATE_RUNNING:
            assert time.monotonic() < end, "the job does not run"
            time.sleep(0.1)
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
