"""The stack of the fault suite: the real DAG with shorter waits, and a pipeline of seconds."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.cloud import storage

from deploy.composer import specs
from dev.demo.publish import read_spec
from dev.faults.replay import made_by, replay
from dev.stack.settings import REPOSITORY, StackSettings

WINE = "white"
DAG_ID = f"wine_retraining_{WINE}"

# dead processes are detected after seconds, not minutes; everything else is Airflow's default
NOTICED = {
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
}
# replacements in the copy of the DAGs
CHANGED = {
    "wine_steps.py": {'"retry_delay": timedelta(minutes=1)': '"retry_delay": timedelta(seconds=10)'},
    "wine_config.yaml": {
        # no model may be rejected because the machine is busy
        "max_latency_ms: 1000": "max_latency_ms: 60000",
    },
}


@dataclass(frozen=True)
class FaultSettings(StackSettings):
    """A stack that serves a copy of dags/, and detects dead processes soon."""

    @property
    def dags(self) -> Path:
        """Return the folder of the copy."""
        return self.root / "dags"

    def environment(self) -> dict[str, str]:
        """Build the environment in which every process of the stack runs."""
        return super().environment() | NOTICED | {"AIRFLOW__CORE__DAGS_FOLDER": str(self.dags)}


def copy_dags(folder: Path) -> None:
    """
    Copy the DAGs, with shorter waits and a latency limit for a busy machine.

    :param folder: is made.
    :raises ValueError: the original does not contain the text to replace.
    """
    shutil.copytree(REPOSITORY / "dags", folder)
    for name, changes in CHANGED.items():
        path = folder / name
        text = path.read_text()
        for original, changed in changes.items():
            if text.count(original) != 1:
                raise ValueError(f"{name} does not hold {original!r} once")
            text = text.replace(original, changed)
        path.write_text(text)


def publish(settings: StackSettings, spec: dict[str, Any]) -> None:
    """Switch new runs of the DAG to a compiled pipeline."""
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    specs.publish(bucket, WINE, json.dumps(spec).encode())


@dataclass(frozen=True)
class Pipelines:
    """
    The two pipelines that a case can run.

    :param full: as it was compiled.
    :param quick: replays a finished job of it.
    """

    full: dict[str, Any]
    quick: dict[str, Any]

    @classmethod
    def of(cls, settings: StackSettings, job: Any, gate: Path) -> Pipelines:
        """
        Create both from the published pipeline.

        :param job: a finished job of the full one.
        :param gate: see :func:`dev.faults.replay.replay`.
        """
        full = read_spec(settings, WINE)
        return cls(full=full, quick=replay(full, made_by(job), gate))
