"""What stops a pipeline; on real data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.cloud import aiplatform_v1

from dev.demo import RUN_SECONDS, Demo
from dev.demo import WINE as TRAINED_WINE
from dev.publish import read_spec
from dev.replay import renamed
from dev.wine_data import bigquery_client
from tests.demo_stack import upload_spec
from tests.e2e.gate_wine import GATE_WINE, load_gate_wine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
WINE = GATE_WINE
DAG_ID = f"wine_retraining_{WINE}"
# stronger than any wine, and than what the schema of the pipeline allows
ODD_ALCOHOL = 60.0


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
def stopped(demo: Demo, first_run: str) -> Ended:
    """A wine that cannot be gets past the check of the table, whose contract is too wide for once."""
    load_gate_wine(demo.settings)
    spec = renamed(read_spec(demo.settings, TRAINED_WINE), f"wine-{WINE}")
    spec["dataContract"]["columns"]["alcohol"]["max"] = ODD_ALCOHOL
    upload_spec(demo.settings, WINE, spec)
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


def test_nothing_is_learnt_from_odd_examples(demo: Demo, stopped: Ended) -> None:
    states = task_states(stopped.job)

    assert states["ExampleValidator"] == "FAILED"
    ran = {task for task, state in states.items() if state == "SUCCEEDED"}
    assert not ran & {"Transform", "Trainer", "Evaluator", "MetricsReporter"}
    assert {stopped.states[task] for task in ("gate", "upload", "deploy")} == {"upstream_failed"}
    assert registered(demo) == []
