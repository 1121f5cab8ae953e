"""DAG runs of the example, and the pipeline jobs that they own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from google.cloud.aiplatform_v1 import PipelineServiceClient

from dev.stack.airflow_api import AirflowApiError
from dev.stack.stack import AIRFLOW_COMPONENTS, Stack
from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import eventually
from tests.support.dag_runs import DagRun

DEFERRED = "example_pipeline_job"
WAITING = "waiting_pipeline_job"
WAIT_SECONDS = 150
# Airflow has stopped a worker by then, and the teardown has looked once
LATE_SECONDS = 25.0


def wait(read: Callable[[], Any], condition: Callable[[Any], bool]) -> Any:
    """Wait until something is as wanted, whatever Airflow's API says meanwhile."""
    return eventually(read, condition, WAIT_SECONDS, every=0.5, ignored=(AirflowApiError,))


@dataclass
class Runs:
    """
    What a person does in the UI, and what comes of it.

    :param stack: of Airflow and localcloud.
    :param gate: while this file is missing, the pipelines run.
    """

    stack: Stack
    gate: Path

    def start(self, dag_id: str) -> ExampleRun:
        """Trigger a run, and wait until its job runs and its task waits for it."""
        (run,) = self._start(dag_id)
        return run

    def start_both(self) -> tuple[ExampleRun, ExampleRun]:
        """Run both DAGs, one run of each at a time: their waits overlap."""
        deferred, waiting = self._start(DEFERRED, WAITING)
        return deferred, waiting

    def _start(self, *dag_ids: str) -> list[ExampleRun]:
        runs = [self.trigger(dag_id) for dag_id in dag_ids]
        for run in runs:
            run.wait_for_task("train", run.at_work)
            run.wait_for_jobs("PIPELINE_STATE_RUNNING")
        return runs

    def start_with_a_late_job(self, dag_id: str) -> ExampleRun:
        """Trigger a run, and wait until its submission is on its way and will take a while."""
        faults = Faults(self.stack.settings.cloud.state)
        faults.add(Fault("PipelineService.CreatePipelineJob", latency=LATE_SECONDS))
        run = self.trigger(dag_id)
        wait(faults.pending, lambda pending: pending == [])
        return run

    def trigger(self, dag_id: str) -> ExampleRun:
        """Trigger a run whose pipeline comes to no end yet."""
        self.gate.unlink(missing_ok=True)
        self.stack.airflow.unpause(dag_id)
        return self.run(dag_id, self.stack.airflow.trigger(dag_id))

    def run(self, dag_id: str, run_id: str) -> ExampleRun:
        """Return a run that was triggered."""
        return ExampleRun(self.stack.airflow, dag_id, run_id, self.stack)

    def open_gate(self) -> None:
        """Let the pipelines end."""
        self.gate.touch()

    def restart(self, component: str) -> None:
        """Stop a component of Airflow as a roll-out does, and start it again."""
        process = self.stack.processes.running()[component]
        process.terminate()
        psutil.wait_procs([process], timeout=60)
        self.stack.processes.start(
            component,
            AIRFLOW_COMPONENTS[component],
            environment=self.stack.settings.environment(),
            directory=Path.cwd(),
        )


@dataclass(frozen=True)
class ExampleRun(DagRun):
    """A run of an example, and the pipeline jobs that it owns."""

    stack: Stack = field(repr=False)

    ignored = (AirflowApiError,)
    wait_seconds = WAIT_SECONDS

    @property
    def at_work(self) -> str:
        """Return the state of the task while its job runs."""
        return "deferred" if self.dag_id == DEFERRED else "running"

    def jobs(self) -> list[tuple[str, str]]:
        """Return id and state of each of its pipeline jobs, the oldest first."""
        settings = self.stack.settings
        client = PipelineServiceClient(
            client_options={"api_endpoint": f"{settings.region}-aiplatform.googleapis.com"}
        )
        parent = client.common_location_path(settings.cloud.project, settings.region)
        words = "".join(letter if letter.isalnum() else "-" for letter in self.run_id.lower())
        stem = f"{self.dag_id.replace('_', '-')}-{'-'.join(filter(None, words.split('-')))}"
        found = client.list_pipeline_jobs(parent=parent)
        mine = [job for job in found if job.name.rpartition("/")[-1].startswith(stem)]
        return [
            (job.name.rpartition("/")[-1], job.state.name)
            for job in sorted(mine, key=lambda job: job.create_time)
        ]

    def wait_for_jobs(self, *wanted: str) -> list[str]:
        """Wait until its jobs are in these states, the oldest first; return their ids."""
        states: Collection[str] = list(wanted)
        found = self.wait(self.jobs, lambda jobs: [state for _, state in jobs] == states)
        return [job_id for job_id, _ in found]
