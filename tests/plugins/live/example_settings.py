"""The stack that runs the example DAGs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dev.stack.settings import StackSettings
from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.live.runs import ExampleRun
from tests.plugins.runs.pipelines import pipeline, step

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLES = REPOSITORY / "docs" / "operators" / "example_dags"
EXAMPLE = EXAMPLES / "example_pipeline_job.py"
Start = Callable[..., ExampleRun]


@dataclass(frozen=True)
class ExampleSettings(StackSettings):
    """A stack that serves the DAGs of a folder of its own."""

    def environment(self) -> dict[str, str]:
        """Build the environment in which every process of the stack runs."""
        return super().environment() | {
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.root / "dags"),
            # longer than verify waits on its worker
            "LOCALCLOUD_METRIC_DELAY": "12",
            # longer than Airflow takes to start a task
            "LOCALCLOUD_MONITORING_DELAY": "40",
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
