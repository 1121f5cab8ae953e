"""What happens to the red wines' model, by the real operators, without hours of training."""

from __future__ import annotations

import json
import random
import uuid
from typing import Any

from airflow.sdk import DAG
from google.api import httpbody_pb2
from google.cloud import aiplatform_v1, storage
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator
from vertex_mlops.runs.pipeline_results import PipelineResult

from dev.demo.publish import read_spec
from dev.demo.train import WINE as TRAINED_WINE
from dev.demo.train import Demo
from dev.demo.wine_data import bigquery_client, load_wine, read_wine
from dev.faults.replay import renamed
from localcloud.clients.monitor import run_window
from localcloud.testing import SampleModel
from tests.plugins.monitoring.monitoring_jobs import run, settle
from tests.plugins.operators.rollout.rollouts import Rollout
from tests.plugins.operators.served_models import CLIENT_OPTIONS
from tests.plugins.runs.pipelines import carrier, pipeline, producer
from tests.support.dag_runs import DagRun
from tests.support.flow import TEARDOWN
from tests.support.published import upload_spec
from tests.support.task_context import context_of
from tests.support.wine_model import TARGET

WINE = "red"
RETRAINING = f"wine_retraining_{WINE}"
ROLLBACK = f"wine_rollback_{WINE}"
DRIFT = "wine_drift"
REQUESTS = 1000


class Story:
    """
    Acts on the red wines' model as the tasks of their DAGs do, in runs that Airflow knows.

    :param demo: the stack.
    :param exported: stands for each model and its examples.
    """

    def __init__(self, demo: Demo, exported: SampleModel) -> None:
        self.demo = demo
        self.settings = demo.settings
        self.airflow = demo.stack.airflow
        self.place = {"project_id": self.settings.cloud.project, "region": self.settings.region}
        load_wine(self.settings, WINE)
        self.parts = self._publish()
        self.labels = {"wine": WINE, "table": f"{self.settings.dataset}-{WINE}_wine"}
        self.bucket = storage.Client(project=self.settings.cloud.project).bucket(self.settings.bucket)
        self.rows = read_wine(WINE)
        self.exported = exported
        self.rollout = Rollout(self.place, f"wine-{WINE}", self.parts, "")
        self.monitoring_job = ""
        # the same wines in every run of the tests
        self.random = random.Random(2009)

    def _publish(self) -> dict[str, Any]:
        """Publish a pipeline which says that requests to :predict name their features; give its parts."""
        spec = renamed(read_spec(self.settings, TRAINED_WINE), f"wine-{WINE}")
        spec["dataContract"]["default_signature"] = "serving_raw"
        upload_spec(self.settings, WINE, spec)
        return {"data_contract": spec["dataContract"], "serving": spec["serving"]}

    def begin(self, dag_id: str) -> str:
        """Trigger a run of a paused DAG: it is there, and nothing of it runs."""
        return self.airflow.trigger(dag_id)

    def end(self, dag_id: str, run_id: str, state: str = "success") -> None:
        """Mark a run as ended."""
        # Airflow would wait for a teardown that has not run
        if dag_id == RETRAINING:
            self.airflow.call(
                "PATCH", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{TEARDOWN}", {"new_state": "success"}
            )
        self.airflow.call("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", {"state": state})

    def train(self, run_id: str, *, blessed: bool, reason: str = "", **metrics: float) -> PipelineResult:
        """Run a pipeline job of a run, which says these things of its model."""
        artifacts = pipeline(
            producer("ModelCard", "model_card", "system.Artifact", page=f"gs://{self.bucket.name}/card.html"),
            producer("Evaluator", "blessing", "tfx.ModelBlessing", blessed=int(blessed)),
            producer(
                "MetricsReporter",
                "metrics",
                "tfx.Metrics",
                reason=reason,
                model_uri=self.exported.model,
                **metrics,
            ),
            carrier(**self.parts),
        )
        blob = self.bucket.blob(f"specs/{uuid.uuid4()}.json")
        blob.upload_from_string(json.dumps(artifacts))
        with DAG(RETRAINING, schedule=None):
            operator = RunPipelineJobOnceOperator(
                task_id="train",
                display_name=f"wine-{WINE}",
                template_path=f"gs://{self.bucket.name}/{blob.name}",
                pipeline_root=f"gs://{self.bucket.name}/pages",
                parameter_values={"input_config": "{}"},
                labels=self.labels | {"data_version": str(self.data_version)},
                poll_interval=1,
                **self.place,  # type: ignore[arg-type]
            )
        result: PipelineResult = operator.execute(context_of(operator, run_id))
        return result

    @property
    def data_version(self) -> int:
        """Return when the table last changed."""
        table = bigquery_client(self.settings).get_table(self.settings.table(WINE))
        return int(table.to_api_repr()["lastModifiedTime"])

    def roll_out(self, result: PipelineResult) -> None:
        """Roll a model out to 100 %."""
        self.rollout.results[result["name"]] = result
        self.serve(self.rollout.upload(result["name"]))

    def version(self, number: int) -> str:
        """Return the resource name of a version."""
        return f"{self.rollout.parent}/models/{self.rollout.name}@{number}"

    def serve(self, version: str) -> None:
        """Promote a version, and monitor it."""
        deployed = self.rollout.deploy(version)
        self.rollout.shift(deployed, 100)
        self.rollout.promote(version)
        watch = CreateOrUpdateModelMonitoringJobOperator(
            task_id="monitor",
            endpoint=deployed["endpoint"],
            deployed_model_id=deployed["deployed_model_id"],
            training_examples=self.exported.examples.removesuffix("/Split-train/*"),
            pipeline_job=self.rollout.job_of(version),
            display_name=f"wine-{WINE}",
            settings=MonitoringSettings(sampling_rate=1.0),
            labels=self.labels,
            poll_interval=1,
            **self.place,
        )
        result = run(watch)
        settle(self.place, result)
        self.monitoring_job = result["name"]
        self.rollout.retire(deployed)

    def ask(self, alcohol: float = 0.0) -> None:
        """Send requests for some wines, ``alcohol`` per cent stronger than they are, and analyse them."""
        drawn = self.random.choices(self.rows, k=REQUESTS)
        rows = [{**row, "alcohol": row["alcohol"] + alcohol} for row in drawn]
        instances = [{name: [value] for name, value in row.items() if name != TARGET} for row in rows]
        body = json.dumps({"signature_name": "serving_raw", "instances": instances}).encode()
        client = aiplatform_v1.PredictionServiceClient(client_options=CLIENT_OPTIONS)
        client.raw_predict(
            endpoint=self.rollout.endpoint().name,
            http_body=httpbody_pb2.HttpBody(content_type="application/json", data=body),
        )
        run_window(self.settings.cloud, self.monitoring_job)

    def look_for_drift(self) -> None:
        """Run the drift DAG once; the DAG that it triggers is paused."""
        self.airflow.unpause(DRIFT)
        DagRun(self.airflow, DRIFT, self.airflow.trigger(DRIFT)).wait_for_end()
        self.airflow.call("PATCH", f"/dags/{DRIFT}", {"is_paused": True})
