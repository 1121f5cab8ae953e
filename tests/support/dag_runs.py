"""A DAG run of a live Airflow: what tests wait for, do as a person does in the UI, and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import psutil

from dev.demo.train import RUN_SECONDS
from dev.stack.airflow_api import AirflowApi
from dev.stack.processes import Processes
from localcloud.testing import eventually

ENDED = ("success", "failed")


@dataclass(frozen=True)
class DagRun:
    """
    One DAG run.

    :param airflow: client of the Airflow that it is in.
    """

    airflow: AirflowApi = field(repr=False)
    dag_id: str
    run_id: str

    # errors of a read that may pass, in a suite that stops parts of the stack
    ignored: ClassVar[tuple[type[Exception], ...]] = ()
    wait_seconds: ClassVar[int] = RUN_SECONDS
    # seconds between two reads
    every: ClassVar[float] = 0.5

    @classmethod
    def at(cls, airflow: AirflowApi, url: str) -> DagRun:
        """Return the run whose page in the UI has this URL."""
        _, dags, dag_id, runs, run_id, *_ = urlsplit(url).path.split("/")
        assert (dags, runs) == ("dags", "runs")
        return cls(airflow, dag_id, unquote(run_id))

    @property
    def url(self) -> str:
        """Return the URL of its page in the UI."""
        return f"{self.airflow.url}/dags/{self.dag_id}/runs/{self.run_id}"

    @property
    def path(self) -> str:
        """Return its path in Airflow's API."""
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    @property
    def state(self) -> str:
        """Return the present state of the run."""
        return str(self.airflow.run(self.dag_id, self.run_id)["state"])

    @property
    def states(self) -> dict[str, str]:
        """Return the present state of each task."""
        return self.airflow.task_states(self.dag_id, self.run_id)

    def task_instance(self, task_id: str, of: str = "") -> dict[str, Any]:
        """
        Return a task instance, as Airflow's API describes it.

        :param of: what of it, such as ``links``; by default the instance itself.
        """
        path = f"{self.path}/taskInstances/{task_id}{of and '/'}{of}"
        return dict(self.wait(lambda: self.airflow.call("GET", path)))

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        """Return what a task has pushed."""
        return self.task_instance(task_id, f"xcomEntries/{key}")["value"]

    def log(self, task_id: str) -> str:
        """Return the log of a task's first try."""
        return str(self.task_instance(task_id, "logs/1")["content"])

    def links(self, task_id: str) -> dict[str, str | None]:
        """Return the URL of each of a task's links, by its name."""
        return dict(self.task_instance(task_id, "links")["extra_links"])

    def try_number(self, task_id: str) -> int:
        """Return how often a task was tried."""
        return int(self.task_instance(task_id)["try_number"])

    def wait(self, read: Callable[[], Any], condition: Callable[[Any], Any] = lambda value: True) -> Any:
        """Wait until what is read meets a condition; by default, until it can be read."""
        return eventually(read, condition, self.wait_seconds, every=self.every, ignored=self.ignored)

    def wait_for_task(self, task_id: str, *states: str) -> None:
        """Wait until a task is in one of some states."""
        self.wait(lambda: self.states, lambda present: present.get(task_id) in states)

    def wait_for_try(self, task_id: str, number: int) -> None:
        """Wait until a task is tried for the n-th time."""
        self.wait(lambda: self.try_number(task_id), lambda tried: tried >= number)

    def wait_for_end(
        self, watch: Callable[[dict[str, str]], None] = lambda states: None
    ) -> tuple[str, dict[str, str]]:
        """
        Wait for the end of the run, whichever that is.

        :param watch: called with the states of the tasks while the run goes on.
        :return: its state, success or failed, and the states of its tasks.
        """

        def read() -> tuple[str, dict[str, str]]:
            states = self.states
            watch(states)
            return self.state, states

        # the states were read first, so a task may have ended since
        state, _ = self.wait(read, lambda seen: seen[0] in ENDED)
        return state, self.states

    def mark(self, state: str) -> None:
        """Mark the run, as the UI does."""
        self.airflow.call("PATCH", self.path, {"state": state})

    def mark_task(self, task_id: str, state: str) -> None:
        """Mark a task, as the UI does."""
        self.airflow.call("PATCH", f"{self.path}/taskInstances/{task_id}", {"new_state": state})

    def clear(self, *task_ids: str) -> None:
        """Clear tasks as the UI does, with its option for the downstream tasks."""
        body = {
            "dag_run_id": self.run_id,
            "task_ids": list(task_ids),
            "include_downstream": True,
            "only_failed": False,
            "dry_run": False,
        }
        self.airflow.call("POST", f"/dags/{self.dag_id}/clearTaskInstances", body)

    def worker(self, task_id: str, processes: Processes) -> psutil.Process:
        """
        Return the process that executes a task.

        :param processes: of the stack.
        """
        # Airflow puts the id of the task instance into the title of the process
        title = f"airflow worker -- {self.task_instance(task_id)['id']}"
        (process,) = [
            process for process in processes.members() if " ".join(process.cmdline()).strip() == title
        ]
        return process
