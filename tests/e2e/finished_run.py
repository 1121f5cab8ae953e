"""DAG runs that a test waits for, and what they leave to be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dev.demo.train import RUN_SECONDS, Demo


@dataclass(frozen=True)
class FinishedRun:
    """
    A run that has ended.

    :param state: of the run, ``success`` or ``failed``.
    :param states: of its tasks.
    """

    demo: Demo = field(repr=False)
    dag_id: str
    run_id: str
    state: str
    states: dict[str, str]

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        """Return what a task has pushed."""
        return self._task_instance(task_id, f"xcomEntries/{key}")["value"]

    def log(self, task_id: str) -> str:
        """Return the log of a task's first try."""
        return str(self._task_instance(task_id, "logs/1")["content"])

    def links(self, task_id: str) -> dict[str, str | None]:
        """Return the URL of each of a task's links, by its name."""
        return dict(self._task_instance(task_id, "links")["extra_links"])

    def _task_instance(self, task_id: str, of: str) -> dict[str, Any]:
        return task_instance(self.demo, self.dag_id, self.run_id, task_id, of)


def task_instance(demo: Demo, dag_id: str, run_id: str, task_id: str, of: str) -> dict[str, Any]:
    """Return something of a task instance, as Airflow's API has it."""
    path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/{of}"
    return dict(demo.stack.airflow.call("GET", path))


def finish(
    demo: Demo, dag_id: str, run_id: str, watch: Callable[[dict[str, str]], None] = lambda states: None
) -> FinishedRun:
    """
    Wait for the end of a run, whichever that is.

    :param watch: called with the states of the tasks while the run goes on.
    """

    def probe() -> tuple[str, FinishedRun | None]:
        demo.stack.check()
        states = demo.stack.airflow.task_states(dag_id, run_id)
        watch(states)
        state = demo.stack.airflow.run(dag_id, run_id)["state"]
        ended = state in ("success", "failed")
        return f"{dag_id}: {states}", FinishedRun(demo, dag_id, run_id, state, states) if ended else None

    return demo.progress.wait(f"run {run_id}", probe, timeout=RUN_SECONDS, every=0.5)
