"""The state of a DAG run: its tasks, their tries, their XComs."""

from __future__ import annotations

import uuid
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, TriggerRule
from airflow.sdk.api.datamodels._generated import AssetEventDagRunReference, DagRun, DagRunState, DagRunType

SUCCESS, FAILED, SKIPPED, UPSTREAM_FAILED = "success", "failed", "skipped", "upstream_failed"
DEFERRED, RESCHEDULED, RETRY = "deferred", "up_for_reschedule", "up_for_retry"
# terminal states
DONE = frozenset({SUCCESS, FAILED, SKIPPED, UPSTREAM_FAILED})
# it has started, and continues later
WAITING = frozenset({DEFERRED, RESCHEDULED, RETRY})


@dataclass
class Instance:
    """
    One task of a run.

    :param retries: of the task.
    :param state: as Airflow names it; None before it runs.
    :param try_number: of the present try; 0 before the first.
    :param max_tries: number of the last try that is followed by another if it fails.
    :param next_method: by which a deferred task is resumed.
    :param trigger: class and arguments of the trigger that a deferred task waits for.
    :param reschedules: start of each execution that was rescheduled.
    :param executed: how often it was executed, in all tries.
    """

    retries: int
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    state: str | None = None
    try_number: int = 0
    max_tries: int = field(init=False)
    next_method: str | None = None
    next_kwargs: dict[str, Any] = field(default_factory=dict)
    trigger: tuple[str, dict[str, Any]] | None = None
    reschedules: list[datetime] = field(default_factory=list)
    executed: int = 0

    def __post_init__(self) -> None:
        self.max_tries = self.retries

    def end(self, state: str | None) -> None:
        """End a try, and drop what it waits for."""
        self.state = state
        self.next_method, self.next_kwargs, self.trigger = None, {}, None

    def clear(self) -> None:
        """Clear the task: it runs again, with all its retries."""
        self.end(None)
        self.max_tries = self.try_number + self.retries


@dataclass(repr=False, eq=False)
class Run:
    """
    One run of a DAG.

    :param dag: as its file declares it.
    :param run_id: of the run.
    :param kind: of Airflow's kinds of runs.
    :param conf: that it was triggered with.
    :param events: of assets, that caused it.
    :param trains: result of its training: one of MODELS of tests/sequences/trainings.py.
    :param triggered: when.
    """

    dag: DAG
    run_id: str
    kind: DagRunType = DagRunType.MANUAL
    conf: dict[str, Any] = field(default_factory=dict)
    events: list[AssetEventDagRunReference] = field(default_factory=list)
    trains: str = ""
    triggered: datetime = field(default_factory=lambda: datetime.now(UTC))
    tasks: dict[str, Instance] = field(init=False)
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tasks = {task.task_id: Instance(task.retries or 0) for task in self.dag.tasks}

    def __repr__(self) -> str:
        return f"{self.dag.dag_id} {self.run_id}"

    def copy(self) -> Run:
        """Return a copy of the run that continues independently; the DAG is shared."""
        other = replace(self, xcoms=dict(self.xcoms))
        for task_id, task in self.tasks.items():
            other.tasks[task_id] = copy(task)
            other.tasks[task_id].reschedules = list(task.reschedules)
        return other

    @property
    def states(self) -> dict[str, str | None]:
        """Return the state of each task."""
        return {task_id: task.state for task_id, task in self.tasks.items()}

    @property
    def state(self) -> str:
        """Return the state of the run, by its last tasks and by a teardown that failed."""
        if any(task.state not in DONE for task in self.tasks.values()):
            return "running"
        judges = [task for task in self.dag.tasks if self._judges(task)]
        failed = any(self.tasks[task.task_id].state in (FAILED, UPSTREAM_FAILED) for task in judges)
        return FAILED if failed else SUCCESS

    def _judges(self, task: Any) -> bool:
        if task.is_teardown:
            return bool(task.on_failure_fail_dagrun)
        return all(self.dag.get_task(after).is_teardown for after in task.downstream_task_ids)

    def result(self, task_id: str, key: str = "return_value") -> Any:
        """Return an XCom; None if there is none."""
        return self.xcoms.get((task_id, key))

    def below(self, task_id: str) -> list[str]:
        """Return the downstream tasks of a task, in the order of the flow."""
        found = {task.task_id for task in self.dag.get_task(task_id).get_flat_relatives(upstream=False)}
        return [task_id for task_id in self.order if task_id in found]

    @property
    def order(self) -> list[str]:
        """Return all tasks, each after those that it waits for."""
        return [task.task_id for task in self.dag.topological_sort()]

    def ready(self) -> list[str]:
        """Set the states of tasks that will not run by their trigger rules, and return those that can run."""
        found = []
        for task_id in self.order:
            task = self.tasks[task_id]
            if task.state is None:
                task.state = self._by_its_rule(task_id)
                if task.state is None and self._may_run(task_id):
                    found.append(task_id)
            elif task.state in WAITING:
                found.append(task_id)
        return found

    def _upstream(self, task_id: str) -> list[str | None]:
        return [self.tasks[before].state for before in self.dag.get_task(task_id).upstream_task_ids]

    def _by_its_rule(self, task_id: str) -> str | None:
        # Airflow: airflow/ti_deps/deps/trigger_rule_dep.py
        rule, before = self.dag.get_task(task_id).trigger_rule, self._upstream(task_id)
        has_failed = FAILED in before or UPSTREAM_FAILED in before
        if rule == TriggerRule.ALL_SUCCESS:
            return UPSTREAM_FAILED if has_failed else SKIPPED if SKIPPED in before else None
        if rule == TriggerRule.ONE_FAILED:
            return SKIPPED if DONE.issuperset(before) and not has_failed else None
        if rule == TriggerRule.ALL_DONE:
            return None
        raise NotImplementedError(
            f"{task_id} has the trigger rule {rule.value}, which this runner does not know"
        )

    def _may_run(self, task_id: str) -> bool:
        rule, before = self.dag.get_task(task_id).trigger_rule, self._upstream(task_id)
        if rule == TriggerRule.ONE_FAILED:
            return FAILED in before or UPSTREAM_FAILED in before
        return DONE.issuperset(before)

    def as_told_to_tasks(self) -> DagRun:
        """Return the run as Airflow passes it to a task."""
        return DagRun(
            dag_id=self.dag.dag_id,
            run_id=self.run_id,
            logical_date=None,
            data_interval_start=None,
            data_interval_end=None,
            run_after=self.triggered,
            start_date=self.triggered,
            end_date=None,
            run_type=self.kind,
            state=DagRunState.RUNNING,
            conf=self.conf,
            consumed_asset_events=self.events,
            partition_key=None,
        )
