"""A live Airflow with the example DAGs; that of a pipeline job once deferred and once waiting on a worker."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.progress import Progress
from dev.settings import StackSettings
from dev.stack import Stack
from tests.conftest import free_port
from tests.plugins.contracts import CONTRACT
from tests.plugins.live.runs import Run, Runs
from tests.plugins.operators.conftest import Endpoint, Models, open_endpoint, register_models
from tests.plugins.pipelines import pipeline, step

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "docs" / "operators" / "example_dags"
EXAMPLE = EXAMPLES / "example_pipeline_job.py"
Start = Callable[..., Run]


@dataclass(frozen=True)
class ExampleSettings(StackSettings):
    """A stack that serves the DAGs of a folder of its own."""

    def environment(self) -> dict[str, str]:
        """Build the environment in which every process of the stack runs."""
        return super().environment() | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.root / "dags"),
            "AIRFLOW__CORE__PARALLELISM": "4",
            # longer than verify waits on its worker
            "LOCALCLOUD_METRIC_DELAY": "12",
        }


def _write_dags(folder: Path) -> None:
    folder.mkdir(parents=True)
    text = EXAMPLE.read_text()
    waiting = text.replace("deferrable=True", "deferrable=False").replace("example_", "waiting_")
    assert waiting.count("deferrable=False") == 1
    (folder / "deferred.py").write_text(text)
    (folder / "waiting.py").write_text(waiting)
    for other in EXAMPLES.glob("*.py"):
        if other != EXAMPLE:
            shutil.copy(other, folder)


def _publish(settings: StackSettings, gate: Path) -> None:
    from google.cloud import storage

    # the pipeline's one task runs for as long as there is no file of this name
    until_open = f"while not os.path.exists({str(gate)!r}): time.sleep(0.2)"
    spec = pipeline(step("Gate", "import os, time", until_open)) | {"dataContract": CONTRACT}
    bucket = storage.Client(project=settings.cloud.project).create_bucket(settings.bucket, location="EU")
    bucket.blob("specs/example.json").upload_from_string(json.dumps(spec))


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

    def trigger(dag_id: str, **conf: Any) -> Run:
        runs.stack.airflow.unpause(dag_id)
        body = {"logical_date": None, "conf": conf}
        run_id = runs.stack.airflow.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"]
        return Run(runs, dag_id, run_id)

    return trigger
