"""
Airflow without its scheduler, database and processes: it executes single tasks on request.

A task is executed by Airflow's own task runner, so that templates, XComs, retries, deferrals and reschedules
are Airflow's; requests of the runner to the API server are answered from memory.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from traceback import format_exception
from typing import Any

import structlog
from airflow.sdk.api.datamodels._generated import TIRunContext
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR
from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.sdk.serde import deserialize, serialize

from tests.sequences.airflow.runs import (
    DEFERRED,
    DONE,
    FAILED,
    RESCHEDULED,
    RETRY,
    SKIPPED,
    SUCCESS,
    UPSTREAM_FAILED,
    Instance,
    Run,
)

# seconds between two polls of a trigger
_POLL_SECONDS = 0.02
# logging would take most of the time of a task
_quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)(structlog.PrintLogger(), [], {})


class Airflow:
    """
    Keeps runs, and executes their tasks one by one.

    :param dags: by their ids, as their files declare them.
    """

    def __init__(self, dags: dict[str, Any]) -> None:
        self.dags = dags
        self.runs: list[Run] = []
        # by DAG: max_active_runs is 1, so the first one runs and the others are queued
        self._queues: dict[str, list[Run]] = {}
        self.errors: list[tuple[Run, str, BaseException]] = []
        self._current: tuple[Run, str] | None = None

    def add(self, run: Run) -> Run:
        """Queue a new run."""
        self.runs.append(run)
        self.queue(run)
        return run

    def queue(self, run: Run) -> None:
        """Queue a new or ended run; it runs when the earlier runs of its DAG have ended."""
        queue = self._queues.setdefault(run.dag.dag_id, [])
        if run not in queue:
            queue.append(run)

    def running(self) -> list[Run]:
        """Return the runs that can continue: at most one of each DAG."""
        found = []
        for queue in self._queues.values():
            while queue and not queue[0].ready():
                queue.pop(0)
            found += queue[:1]
        return found

    def clear(self, run: Run, task_ids: list[str]) -> None:
        """Clear tasks of a run."""
        for task_id in task_ids:
            if run.tasks[task_id].state not in (None, *DONE):
                # the trigger of a deferred task is dropped
                run.tasks[task_id].end(None)
            run.tasks[task_id].clear()
        self.queue(run)

    def mark(self, run: Run, task_id: str, state: str) -> None:
        """
        Mark a task by hand.

        As in Airflow, downstream tasks that failed are cleared.
        """
        run.tasks[task_id].end(state)
        if state == SUCCESS:
            for after in run.below(task_id):
                if run.tasks[after].state in (FAILED, UPSTREAM_FAILED):
                    run.tasks[after].clear()
        self.queue(run)

    def mark_run_failed(self, run: Run) -> None:
        """Mark a run as failed by hand: running tasks fail, the rest except teardowns is skipped."""
        for task in run.dag.tasks:
            instance = run.tasks[task.task_id]
            if instance.state in DONE or task.is_teardown:
                continue
            instance.end(FAILED if instance.state in (DEFERRED, RESCHEDULED) else SKIPPED)

    def step(self, run: Run, task_id: str) -> str | None:
        """Execute a task once, and return its state."""
        instance = run.tasks[task_id]
        if instance.state == DEFERRED:
            _fire(instance)
        elif instance.state != RESCHEDULED:
            instance.try_number += 1
            instance.reschedules.clear()
        ti = self._prepare(run, task_id, instance)
        instance.executed += 1
        self._current = (run, task_id)
        with self._supervising():
            _, _, error = task_runner.run(ti, ti.get_template_context(), _quiet)
        if error:
            self.errors.append((run, task_id, error))
        return instance.state

    def _prepare(self, run: Run, task_id: str, instance: Instance) -> RuntimeTaskInstance:
        resumed = instance.next_method is not None
        context = TIRunContext(
            dag_run=run.as_told_to_tasks(),
            task_reschedule_count=len(instance.reschedules),
            max_tries=instance.max_tries,
            next_method=instance.next_method,
            next_kwargs=instance.next_kwargs if resumed else None,
            xcom_keys_to_clear=[] if resumed else [key for task, key in run.xcoms if task == task_id],
            should_retry=instance.max_tries != 0 and instance.try_number <= instance.max_tries,
        )
        return RuntimeTaskInstance.model_construct(
            id=instance.id,
            task_id=task_id,
            dag_id=run.dag.dag_id,
            run_id=run.run_id,
            try_number=instance.try_number,
            dag_version_id=uuid.UUID(int=0),
            map_index=-1,
            hostname="localhost",
            task=run.dag.get_task(task_id),
            bundle_instance=None,
            max_tries=instance.max_tries,
            start_date=datetime.now(UTC),
            state="running",
            _ti_context_from_server=context,
        )

    @contextmanager
    def _supervising(self) -> Iterator[None]:
        before = signal.getsignal(signal.SIGTERM)
        task_runner.SUPERVISOR_COMMS = self  # type: ignore[assignment]
        try:
            yield
        finally:
            del task_runner.SUPERVISOR_COMMS
            signal.signal(signal.SIGTERM, before)

    def send(self, msg: Any) -> Any:
        """
        Handle a task's request to Airflow's API server.

        :param msg: one of airflow.sdk.execution_time.comms.
        """
        assert self._current is not None
        if isinstance(msg, _IGNORED):
            return None
        answer = _ANSWERS.get(type(msg))
        if answer is None:
            raise NotImplementedError(f"a task sends what this runner does not know: {msg}")
        return answer(self, msg, *self._current)

    def _find(self, dag_id: str, run_id: str) -> Run:
        return next(run for run in self.runs if (run.dag.dag_id, run.run_id) == (dag_id, run_id))

    def _get_xcom(self, msg: Any, *_: Any) -> Any:
        value = self._find(msg.dag_id, msg.run_id).xcoms.get((msg.task_id, msg.key))
        return comms.XComResult(key=msg.key, value=value)

    def _get_xcom_sequence_slice(self, msg: Any, *_: Any) -> Any:
        xcoms = self._find(msg.dag_id, msg.run_id).xcoms
        key = (msg.task_id, msg.key)
        return comms.XComSequenceSliceResult(root=[xcoms[key]] if key in xcoms else [])

    def _set_xcom(self, msg: Any, *_: Any) -> None:
        self._find(msg.dag_id, msg.run_id).xcoms[msg.task_id, msg.key] = msg.value

    def _delete_xcom(self, msg: Any, *_: Any) -> None:
        self._find(msg.dag_id, msg.run_id).xcoms.pop((msg.task_id, msg.key), None)

    def _get_task_states(self, msg: Any, *_: Any) -> Any:
        states = {
            run.run_id: {
                task_id: state
                for task_id, state in run.states.items()
                if not msg.task_ids or task_id in msg.task_ids
            }
            for run in self.runs
            if run.dag.dag_id == msg.dag_id and (not msg.run_ids or run.run_id in msg.run_ids)
        }
        return comms.TaskStatesResult(task_states=states)

    def _get_task_breadcrumbs(self, msg: Any, *_: Any) -> Any:
        run = self._find(msg.dag_id, msg.run_id)
        ended = [
            {"task_id": task_id, "map_index": -1, "state": task.state, "duration": float(task.executed > 0)}
            for task_id, task in run.tasks.items()
            if task.state in DONE
        ]
        return comms.TaskBreadcrumbsResult(breadcrumbs=ended)

    def _get_task_reschedule_start_date(self, msg: Any, run: Run, task_id: str) -> Any:
        first = next(iter(run.tasks[task_id].reschedules), None)
        return comms.TaskRescheduleStartDate(start_date=first)

    def _get_dr_count(self, msg: Any, *_: Any) -> Any:
        found = [
            self._queue_state(run)
            for run in self.runs
            if run.dag.dag_id == msg.dag_id and (not msg.run_ids or run.run_id in msg.run_ids)
        ]
        return comms.DRCount(count=sum(not msg.states or state in msg.states for state in found))

    def _queue_state(self, run: Run) -> str:
        left = [other for other in self._queues.get(run.dag.dag_id, []) if other.state == "running"]
        return "queued" if run in left[1:] else run.state

    def _succeed_task(self, msg: Any, run: Run, task_id: str) -> None:
        run.tasks[task_id].end(SUCCESS)

    def _task_state(self, msg: Any, run: Run, task_id: str) -> None:
        run.tasks[task_id].end(msg.state)

    def _retry_task(self, msg: Any, run: Run, task_id: str) -> None:
        run.tasks[task_id].end(RETRY)

    def _reschedule_task(self, msg: Any, run: Run, task_id: str) -> None:
        run.tasks[task_id].end(RESCHEDULED)
        run.tasks[task_id].reschedules.append(datetime.now(UTC))

    def _defer_task(self, msg: Any, run: Run, task_id: str) -> None:
        instance = run.tasks[task_id]
        instance.state = DEFERRED
        instance.next_method, instance.next_kwargs = msg.next_method, dict(msg.next_kwargs or {})
        instance.trigger = (msg.classpath, _plain(msg.trigger_kwargs))

    def _skip_downstream_tasks(self, msg: Any, run: Run, task_id: str) -> None:
        for task in msg.tasks:
            after = run.tasks[task if isinstance(task, str) else task[0]]
            if after.state not in (SUCCESS, FAILED):
                after.end(SKIPPED)


# what the user interface shows of a task, and secrets to keep out of logs
_IGNORED = (comms.SetRenderedFields, comms.SetRenderedMapIndex, comms.MaskSecret)
_ANSWERS: dict[type, Any] = {
    comms.GetXCom: Airflow._get_xcom,
    comms.GetXComSequenceSlice: Airflow._get_xcom_sequence_slice,
    comms.SetXCom: Airflow._set_xcom,
    comms.DeleteXCom: Airflow._delete_xcom,
    comms.GetTaskStates: Airflow._get_task_states,
    comms.GetTaskBreadcrumbs: Airflow._get_task_breadcrumbs,
    comms.GetTaskRescheduleStartDate: Airflow._get_task_reschedule_start_date,
    comms.GetDRCount: Airflow._get_dr_count,
    comms.SucceedTask: Airflow._succeed_task,
    comms.TaskState: Airflow._task_state,
    comms.RetryTask: Airflow._retry_task,
    comms.RescheduleTask: Airflow._reschedule_task,
    comms.DeferTask: Airflow._defer_task,
    comms.SkipDownstreamTasks: Airflow._skip_downstream_tasks,
}


def _fire(instance: Instance) -> None:
    """Wait for a trigger as the triggerer does, and pass on its event."""
    assert instance.trigger is not None
    classpath, kwargs = instance.trigger
    if "poll_interval" in kwargs:
        kwargs = kwargs | {"poll_interval": _POLL_SECONDS}
    module, _, name = classpath.rpartition(".")
    trigger = getattr(import_module(module), name)(**kwargs)

    async def first() -> Any:
        async for event in trigger.run():
            return event
        raise AssertionError(f"{classpath} has ended without an event")

    # Airflow: airflow/models/trigger.py, submit_failure and handle_event_submit
    try:
        event = asyncio.run(first())
    except Exception as error:
        instance.next_method = TRIGGER_FAIL_REPR
        failed: Any = serialize({"error": "Trigger failure", "traceback": format_exception(error)})
        instance.next_kwargs = failed
        return
    told: Any = serialize({**_plain(instance.next_kwargs), "event": event.payload})
    instance.next_kwargs = told


def _plain(kwargs: dict[str, Any]) -> dict[str, Any]:
    found: Any = deserialize(kwargs)
    return dict(found)
