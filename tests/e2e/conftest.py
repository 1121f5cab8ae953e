"""One real stack for all modules: localcloud, Airflow, the compiled pipeline, a training and a retraining."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.cloud import aiplatform_v1

from dev.demo.report import RunRow
from dev.demo.train import DAG_ID, NEW_ROWS, WINE, Demo
from dev.demo.wine_data import append_vintage
from dev.stack.configured import ConfiguredSettings
from dev.stack.vertex_state import query_jobs
from localcloud.testing import free_port
from tests.e2e.skipped_run import SkippedRun, _configure
from tests.support.demo_stack import running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return the one stack of this suite."""
    settings = ConfiguredSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    settings.write_dags(_configure)
    with running_demo(settings) as demo:
        yield demo


@pytest.fixture(scope="session")
def first_run(demo: Demo) -> str:
    """Start the first training; runs without a training go on meanwhile."""
    demo.stack.airflow.unpause(DAG_ID)
    return demo.stack.airflow.trigger(DAG_ID)


@pytest.fixture(scope="session")
def first(demo: Demo, first_run: str) -> RunRow:
    """Train, deploy and monitor the first model."""
    return demo.training("first", first_run)


@pytest.fixture(scope="session")
def trained(demo: Demo, first: RunRow) -> aiplatform_v1.PipelineJob:
    """Return the job of the first training."""
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
