"""One real stack for all modules: localcloud, Airflow, the compiled pipeline, a training and a retraining."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.cloud import aiplatform_v1

from dev.configured import ConfiguredSettings
from dev.demo import DAG_ID, NEW_ROWS, WINE, Demo
from dev.demo_drift import NEVER
from dev.report import RunRow
from dev.vertex_state import query_jobs
from dev.wine_data import append_vintage
from tests.conftest import free_port
from tests.demo_stack import running_demo
from tests.e2e.drift_wines import add_wine, configure
from tests.e2e.gate_wine import GATE_WINE


@dataclass(frozen=True)
class SkippedRun:
    """What a run on unchanged data did: the states of its tasks, and the jobs that are new since."""

    states: dict[str, str]
    new_pipeline_jobs: set[str]
    new_queries: set[str]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give the one stack of this suite."""
    settings = ConfiguredSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    settings.write_dags(_configure)
    with running_demo(settings) as demo:
        yield demo


def _configure(content: dict[str, Any]) -> None:
    for wine in content["wines"].values():
        # a tick would start a run that no test knows of
        wine["schedule"] = NEVER
    configure(content)
    add_wine(content, GATE_WINE)


@pytest.fixture(scope="session")
def first_run(demo: Demo) -> str:
    """Begin the first training; its minutes are time for runs that train nothing."""
    demo.stack.airflow.unpause(DAG_ID)
    return demo.stack.airflow.trigger(DAG_ID)


@pytest.fixture(scope="session")
def first(demo: Demo, first_run: str) -> RunRow:
    """Train, deploy and monitor the first model."""
    return demo.training("first", first_run)


@pytest.fixture(scope="session")
def trained(demo: Demo, first: RunRow) -> aiplatform_v1.PipelineJob:
    """The job of the first training."""
    return demo.vertex.pipeline_job(first.pipeline_job)


@pytest.fixture(scope="session")
def skipped(demo: Demo, first: RunRow) -> SkippedRun:
    """Run again with unchanged data."""
    pipeline_jobs = {job.name for job in demo.vertex.pipeline_jobs(WINE)}
    queries = {job.job_id for job in query_jobs(demo.settings)}
    run_id = demo.stack.airflow.trigger(DAG_ID)
    assert demo.follow(run_id)["state"] == "success"
    return SkippedRun(
        states=demo.stack.airflow.task_states(DAG_ID, run_id),
        new_pipeline_jobs={job.name for job in demo.vertex.pipeline_jobs(WINE)} - pipeline_jobs,
        new_queries={job.job_id for job in query_jobs(demo.settings)} - queries,
    )


@pytest.fixture(scope="session")
def third(demo: Demo, skipped: SkippedRun) -> RunRow:
    """Append rows and train again, the only run that there is meanwhile."""
    append_vintage(demo.settings, WINE, NEW_ROWS, seed=2)
    demo.report.slot_samples.clear()
    return demo.retrain("third")
