"""DAG runs of the example, and the pipeline jobs that they own."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from google.cloud.aiplatform_v1 import PipelineServiceClient

from dev.stack.airflow_api import AirflowApiError
from dev.stack.stack import AIRFLOW_COMPONENTS, Stack
from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import eventually

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

    def start(self, dag_id: str) -> Run:
        """Trigger a run, and wait until its job runs and its task waits for it."""
        (run,) = self._start(dag_id)
        return run

    def start_both(self) -> tuple[Run, Run]:
        """Run both DAGs, one run of each at a time: their waits overlap."""
        deferred, waiting = self._start(DEFERRED, WAITING)
        return deferred, waiting

    def _start(self, *dag_ids: str) -> list[Run]:
        runs = [self.trigger(dag_id) for dag_id in dag_ids]
        for run in runs:
            run.await_task("train", run.at_work)
            run.await_jobs("PIPELINE_STATE_RUNNING")
        return runs

    def start_with_a_late_job(self, dag_id: str) -> Run:
        """Trigger a run, and wait until its submission is on its way and will take a while."""
        faults = Faults(self.stack.settings.cloud.state)
        faults.add(Fault("PipelineService.CreatePipelineJob", latency=LATE_SECONDS))
        run = self.trigger(dag_id)
        wait(faults.pending, lambda pending: pending == [])
        return run

    def trigger(self, dag_id: str) -> Run:
        """Trigger a run whose pipeline comes to no end yet."""
        self.gate.unlink(missing_ok=True)
        self.stack.airflow.unpause(dag_id)
        return Run(self, dag_id, self.stack.airflow.trigger(dag_id))

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
class Run:
    """One DAG run."""

    runs: Runs
    dag_id: str
    run_id: str

    @property
    def _path(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    @property
    def at_work(self) -> str:
        """Return the state of the task while its job runs."""
        return "deferred" if self.dag_id == DEFERRED else "running"

    def mark_task_failed(self) -> None:
        """Mark a task as failed, as the UI does."""
        self.runs.stack.airflow.call("PATCH", f"{self._path}/taskInstances/train", {"new_state": "failed"})

    def mark_task_succeeded(self) -> None:
        """Mark a task as success, as the UI does."""
        self.runs.stack.airflow.call("PATCH", f"{self._path}/taskInstances/train", {"new_state": "success"})

    def mark_failed(self) -> None:
        """Mark a run as failed, as the UI does."""
        self.runs.stack.airflow.call("PATCH", self._path, {"state": "failed"})

    def mark_succeeded(self) -> None:
        """Mark a run as success, as the UI does."""
        self.runs.stack.airflow.call("PATCH", self._path, {"state": "success"})

    def clear_task(self) -> None:
        """Clear a task as the UI does, with its option for the downstream tasks."""
        body = {
            "dag_run_id": self.run_id,
            "task_ids": ["train"],
            "include_downstream": True,
            "only_failed": False,
            "dry_run": False,
        }
        self.runs.stack.airflow.call("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def _task_instance(self) -> dict[str, Any]:
        return dict(self.runs.stack.airflow.call("GET", f"{self._path}/taskInstances/train"))

    def try_number(self) -> int:
        """Return how often the task was tried."""
        return int(self._task_instance()["try_number"])

    def worker(self) -> psutil.Process:
        """Return the process that executes the task: its title holds the id of the task instance."""
        title = f"airflow worker -- {self._task_instance()['id']}"
        (process,) = [
            process
            for process in self.runs.stack.processes.members()
            if " ".join(process.cmdline()).strip() == title
        ]
        return process

    def states(self) -> dict[str, str]:
        """Return the state of each task."""
        return self.runs.stack.airflow.task_states(self.dag_id, self.run_id)

    def result(self, task_id: str) -> Any:
        """Return what a task returned."""
        return self.runs.stack.airflow.xcom(self.dag_id, self.run_id, task_id)

    def await_task(self, task_id: str, *wanted: str) -> None:
        """Wait until a task is in one of some states."""
        wait(self.states, lambda states: states.get(task_id) in wanted)

    def await_try(self, number: int) -> None:
        """Wait until the task is tried for the n-th time."""
        wait(self.try_number, lambda tried: tried >= number)

    def await_end(self) -> tuple[str, dict[str, str]]:
        """Wait for the end of the run; return its state and those of its tasks."""
        run = wait(
            lambda: self.runs.stack.airflow.run(self.dag_id, self.run_id),
            lambda run: run["state"] in ("success", "failed"),
        )
        return run["state"], self.states()

    def jobs(self) -> list[tuple[str, str]]:
        """Return id and state of each of its pipeline jobs, the oldest first."""
        settings = self.runs.stack.settings
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

    def await_jobs(self, *wanted: str) -> list[str]:
        """Wait until its jobs are in these states, the oldest first; return their ids."""
        states: Collection[str] = list(wanted)
        found = wait(self.jobs, lambda jobs: [state for _, state in jobs] == states)
        return [job_id for job_id, _ in found]
