"""The context that Airflow executes a task in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

REGION = "europe-west1"
Upload = Callable[[dict[str, Any]], str]


@dataclass
class TaskInstance:
    """A task instance that keeps its XComs to itself."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    xcoms: dict[str, Any] = field(default_factory=dict)
    states: dict[str, str | None] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    first_reschedule: datetime | None = None
    try_number: int = 1
    max_tries: int = 0
    # the XComs, by key, of the task that runs the pipeline job in other runs, by their ids
    other_runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    # how many runs of other DAGs are under way, by the id of the DAG
    under_way: dict[str, int] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(
        self, task_ids: str, key: str, map_indexes: int | None = None, run_id: str | None = None
    ) -> Any:
        """Return what a task has pushed; the tasks of a test share their task instance."""
        return self.other_runs[run_id].get(key) if run_id else self.xcoms.get(key)

    def get_task_breadcrumbs(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return how long each task took; 0 s if Airflow was told its end before it began."""
        return [
            {"task_id": task_id, "map_index": self.map_index, "duration": seconds}
            for task_id, seconds in self.durations.items()
        ]

    def get_dr_count(self, dag_id: str, states: list[str]) -> int:
        """Return how many runs of a DAG are queued or running."""
        return self.under_way.get(dag_id, 0) if states == ["queued", "running"] else 0

    def get_first_reschedule_date(self, context: Any) -> datetime | None:
        return self.first_reschedule

    def get_task_states(
        self, dag_id: str, run_ids: list[str] | None = None, task_ids: list[str] | None = None
    ) -> dict[str, Any]:
        """Return the states of the tasks of the run, or of some tasks in all runs, as Airflow's API does."""
        if run_ids is None:
            return {run_id: dict.fromkeys(task_ids or [], "success") for run_id in self.other_runs}
        return {self.run_id: self.states} if (self.dag_id, [self.run_id]) == (dag_id, run_ids) else {}


def context_of(operator: Any, run_id: str | None = None) -> Any:
    """Return the context that Airflow executes an operator in; each call is another run by default."""
    from airflow.utils.types import DagRunType

    dag_id = operator.dag.dag_id if operator.has_dag() else "adhoc"
    ti = TaskInstance(dag_id=dag_id, run_id=run_id or f"manual__{uuid.uuid4()}", task_id=operator.task_id)
    return {
        "ti": ti,
        "task": operator,
        "params": {},
        "dag_run": SimpleNamespace(run_type=DagRunType.MANUAL, run_after=datetime.now(UTC)),
        "triggering_asset_events": {},
    }
