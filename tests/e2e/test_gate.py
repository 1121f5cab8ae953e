"""What stops a pipeline, and what the first model of a wine is judged by; on real data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from google.cloud import aiplatform_v1, storage

from dev.demo import RUN_SECONDS, Demo
from dev.publish import publish_pipeline, read_spec
from dev.wine_data import bigquery_client
from tests.e2e.gate_wine import GATE_WINE, load_gate_wine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
WINE = GATE_WINE
DAG_ID = f"wine_retraining_{WINE}"
# stronger than any wine, and than what the schema of the pipeline allows
ODD_ALCOHOL = 60.0
FIGURES = {"auc", "accuracy", "mad", "examples"}


@dataclass(frozen=True)
class Ended:
    """A run that has ended, the states of its tasks, and the pipeline job that it has submitted."""

    run_id: str
    state: str
    states: dict[str, str]
    job: aiplatform_v1.PipelineJob


def run(demo: Demo) -> Ended:
    """Trigger the DAG and wait for its end, whichever that is."""
    before = {job.name for job in demo.vertex.pipeline_jobs(WINE)}
    airflow = demo.stack.airflow
    airflow.unpause(DAG_ID)
    run_id = airflow.trigger(DAG_ID)

    def probe() -> tuple[str, str | None]:
        demo.stack.check()
        state = airflow.run(DAG_ID, run_id)["state"]
        return f"{airflow.task_states(DAG_ID, run_id)}", state if state in ("success", "failed") else None

    state = demo.progress.wait(f"run {run_id}", probe, timeout=RUN_SECONDS, every=0.5)
    (job,) = [job for job in demo.vertex.pipeline_jobs(WINE) if job.name not in before]
    return Ended(run_id, state, airflow.task_states(DAG_ID, run_id), demo.vertex.pipeline_job(job.name))


def task_states(job: aiplatform_v1.PipelineJob) -> dict[str, str]:
    return {task.task_name: task.state.name for task in job.job_detail.task_details}


def registered(demo: Demo) -> list[Any]:
    client = aiplatform_v1.ModelServiceClient(client_options={"api_endpoint": demo.vertex.host})
    models = client.list_models(parent=demo.vertex.parent)
    return [model for model in models if model.display_name == f"wine-{WINE}"]


@pytest.fixture(scope="module")
def stopped(demo: Demo) -> Ended:
    """A wine that cannot be gets past the check of the table, whose contract is too wide for once."""
    load_gate_wine(demo.settings)
    publish_pipeline(demo.settings, demo.progress, WINE)
    spec = read_spec(demo.settings, WINE)
    spec["dataContract"]["columns"]["alcohol"]["max"] = ODD_ALCOHOL
    bucket = storage.Client(project=demo.settings.cloud.project).bucket(demo.settings.bucket)
    bucket.blob(f"specs/wine-{WINE}.json").upload_from_string(json.dumps(spec))
    table = demo.settings.table(WINE)
    columns = ", ".join(f"`{name}`" for name in spec["dataContract"]["columns"])
    values = columns.replace("`alcohol`", str(ODD_ALCOHOL))
    bigquery_client(demo.settings).query(
        f"INSERT INTO `{table}` ({columns}) SELECT {values} FROM `{table}` LIMIT 1"
    ).result()
    return run(demo)


def test_an_anomaly_stops_the_run_with_the_feature_named(demo: Demo, stopped: Ended) -> None:
    assert stopped.state == "failed"
    assert stopped.states["check_data"] == "success"
    assert stopped.states["train"] == "failed"
    path = f"/dags/{DAG_ID}/dagRuns/{stopped.run_id}/taskInstances/train/logs/1"
    log = str(demo.stack.airflow.call("GET", path)["content"])
    assert "task ExampleValidator: " in log
    assert "alcohol in the split " in log


def test_no_model_is_trained_on_odd_examples(demo: Demo, stopped: Ended) -> None:
    states = task_states(stopped.job)

    assert states["ExampleValidator"] == "FAILED"
    ran = {task for task, state in states.items() if state == "SUCCEEDED"}
    assert not ran & {"Trainer", "Evaluator", "MetricsReporter", "ModelCard"}
    assert {stopped.states[task] for task in ("gate", "upload", "deploy")} == {"upstream_failed"}
    assert registered(demo) == []


@pytest.fixture(scope="module")
def first(demo: Demo, stopped: Ended) -> Ended:
    """The first model that there ever is, on the real wines alone."""
    bigquery_client(demo.settings).query(
        f"DELETE FROM `{demo.settings.table(WINE)}` WHERE alcohol = {ODD_ALCOHOL}"
    ).result()
    publish_pipeline(demo.settings, demo.progress, WINE)
    return run(demo)


def test_the_first_model_is_judged_against_the_majority(demo: Demo, first: Ended) -> None:
    figures = demo.stack.airflow.xcom(DAG_ID, first.run_id, "train")["metrics"]

    assert set(figures) == FIGURES | {f"baseline_{name}" for name in FIGURES}
    assert figures["baseline_auc"] == pytest.approx(0.5)
    assert figures["baseline_examples"] == figures["examples"]
    assert figures["mad"] < figures["baseline_mad"]


def test_a_first_model_that_is_better_than_the_majority_serves(demo: Demo, first: Ended) -> None:
    assert first.state == "success", first.states
    assert demo.stack.airflow.xcom(DAG_ID, first.run_id, "train")["blessed"] is True
    (model,) = registered(demo)
    assert "champion" in model.version_aliases
    deployed = demo.stack.airflow.xcom(DAG_ID, first.run_id, "deploy")
    assert demo.vertex.serving(deployed["endpoint"]).traffic == {deployed["deployed_model_id"]: 100}
