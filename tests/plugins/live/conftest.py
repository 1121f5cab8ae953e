"""A live Airflow with the example DAGs; that of a pipeline job once deferred and once waiting on a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.terminal.progress import Progress
from dev.stack.stack import Stack
from localcloud.testing import free_port
from tests.plugins.live.example_settings import (
    ExampleSettings,
    Start,
    _publish,
    _write_dags,
)
from tests.plugins.live.runs import ExampleRun, Runs
from tests.plugins.operators.served_models import Endpoint, Models, open_endpoint, register_models


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Start localcloud and Airflow; stop every process at the end."""
    root = tmp_path_factory.mktemp("live")
    settings = ExampleSettings(root=root, airflow_port=free_port(), cloud_port=free_port())
    _write_dags(root / "dags")
    outside = dict(os.environ)
    settings.activate()
    stack = Stack(settings, Progress(total=1))
    try:
        stack.start()
        _publish(settings, root / "gate")
        yield Runs(stack, root / "gate")
    finally:
        stack.stop()
        os.environ.clear()
        os.environ.update(outside)


@pytest.fixture(scope="session")
def models(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Register the models that know one wine."""
    from google.cloud import storage

    settings = runs.stack.settings
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    return register_models(settings.cloud, bucket, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def endpoint(runs: Runs, models: Models) -> Iterator[Endpoint]:
    """Open an endpoint that serves nothing yet."""
    settings = runs.stack.settings
    with open_endpoint({"project_id": settings.cloud.project, "region": settings.region}, models) as endpoint:
        yield endpoint


@pytest.fixture
def start(runs: Runs) -> Start:
    """Trigger a run with parameters."""

    def trigger(dag_id: str, **conf: Any) -> ExampleRun:
        runs.stack.airflow.unpause(dag_id)
        body = {"logical_date": None, "conf": conf}
        run_id = runs.stack.airflow.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"]
        return runs.run(dag_id, run_id)

    return trigger
