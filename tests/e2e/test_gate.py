"""Anomalies that stop a pipeline; on real data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from google.cloud import aiplatform_v1

from dev.demo.publish import read_spec
from dev.demo.train import WINE as TRAINED_WINE
from dev.demo.train import Demo
from dev.demo.wine_data import bigquery_client
from dev.faults.replay import renamed
from tests.e2e.demo_runs import finish
from tests.e2e.gate_wine import GATE_WINE, load_gate_wine
from tests.support.dag_runs import DagRun
from tests.support.published import upload_spec

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]
WINE = GATE_WINE
DAG_ID = f"wine_retraining_{WINE}"
# above the alcohol of any wine, and above the maximum of the pipeline's schema
ODD_ALCOHOL = 60.0


@dataclass(frozen=True)
class Stopped:
    """A run that an invalid example has stopped, and its pipeline job."""

    run: DagRun
    job: aiplatform_v1.PipelineJob


def trigger(demo: Demo) -> Stopped:
    """Trigger the DAG and wait for its end, successful or not."""
    before = {job.name for job in demo.vertex.pipeline_jobs(WINE)}
    demo.stack.airflow.unpause(DAG_ID)
    run = finish(demo, DAG_ID, demo.stack.airflow.trigger(DAG_ID))
    (job,) = [job for job in demo.vertex.pipeline_jobs(WINE) if job.name not in before]
    return Stopped(run, demo.vertex.pipeline_job(job.name))


def task_states(job: aiplatform_v1.PipelineJob) -> dict[str, str]:
    return {task.task_name: task.state.name for task in job.job_detail.task_details}


def registered(demo: Demo) -> list[Any]:
    client = aiplatform_v1.ModelServiceClient(client_options={"api_endpoint": demo.vertex.host})
    models = client.list_models(parent=demo.vertex.parent)
    return [model for model in models if model.display_name == f"wine-{WINE}"]


@pytest.fixture(scope="module")
def stopped(demo: Demo, first_run: str) -> Stopped:
    """Train on an impossible wine, which passes the check of the table since its contract is widened."""
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
    return trigger(demo)


def test_an_anomaly_stops_the_run_with_the_feature_named(stopped: Stopped) -> None:
    assert stopped.run.state == "failed"
    assert stopped.run.states["check_data"] == "success"
    assert stopped.run.states["train"] == "failed"
    log = stopped.run.log("train")
    assert "task ExampleValidator: " in log
    assert "alcohol in the split " in log


def test_no_model_is_trained_on_odd_examples(demo: Demo, stopped: Stopped) -> None:
    states = task_states(stopped.job)

    assert states["ExampleValidator"] == "FAILED"
    ran = {task for task, state in states.items() if state == "SUCCEEDED"}
    assert not ran & {"Trainer", "Evaluator", "MetricsReporter", "ModelCard"}
    assert {stopped.run.states[task] for task in ("gate", "upload", "deploy")} == {"upstream_failed"}
    assert registered(demo) == []
