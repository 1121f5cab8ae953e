"""The record of a pipeline job while it runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from google.cloud.aiplatform_v1.types import (
    Artifact,
    Execution,
    PipelineJob,
    PipelineState,
    PipelineTaskDetail,
    PipelineTaskExecutorDetail,
)
from google.rpc import status_pb2  # type: ignore[import-untyped]

from localcloud.vertex.api.calls import now
from localcloud.vertex.pipelines.lineage import Lineage, Outputs
from localcloud.vertex.pipelines.tasks import Result
from localcloud.vertex.resources.store import ResourceStore

# the client library gives its enums no types
JobState: Any = PipelineState
TaskState: Any = PipelineTaskDetail.State
_ExecutionState: Any = Execution.State

TERMINAL_STATES = frozenset(
    {
        JobState.PIPELINE_STATE_SUCCEEDED,
        JobState.PIPELINE_STATE_FAILED,
        JobState.PIPELINE_STATE_CANCELLED,
    }
)
# an int64 in the API
_TASK_IDS = 2**63
_DONE = frozenset({TaskState.SUCCEEDED, TaskState.SKIPPED})
_EXECUTION_STATES = {
    TaskState.RUNNING: _ExecutionState.RUNNING,
    TaskState.SUCCEEDED: _ExecutionState.COMPLETE,
    TaskState.SKIPPED: _ExecutionState.CACHED,
    TaskState.FAILED: _ExecutionState.FAILED,
    TaskState.CANCELLED: _ExecutionState.CANCELLED,
}


class JobRecord:
    """
    One pipeline job in the store, changed by the threads that run its tasks.

    :param store: keeps it.
    :param name: resource name of the job.
    :param lineage: names its executions.
    """

    def __init__(self, store: ResourceStore, name: str, lineage: Lineage) -> None:
        self._store = store
        self._name = name
        self._lineage = lineage

    def begin(self) -> tuple[dict[str, Outputs], dict[str, str]]:
        """
        Mark the job RUNNING.

        :return: outputs of the tasks that an interrupted run had finished, and errors of those that had
            failed; the others are forgotten.
        """
        with self._store.transaction():
            job = self._store.get(self._name, PipelineJob)
            tasks = job.job_detail.task_details
            finished = [task for task in tasks if task.state in _DONE]
            failed = [task for task in tasks if task.state == TaskState.FAILED]
            job.job_detail.task_details = [*finished, *failed]
            if job.state == JobState.PIPELINE_STATE_PENDING:
                job.state = JobState.PIPELINE_STATE_RUNNING
                job.start_time = now()
            self._save(job)
        outputs = {
            task.task_name: {
                key: value.artifacts[0] for key, value in task.outputs.items() if value.artifacts
            }
            for task in finished
        }
        return outputs, {task.task_name: task.error.message for task in failed}

    def cancelling(self) -> bool:
        """Return whether a client has asked to cancel the job."""
        return self._store.get(self._name, PipelineJob).state == JobState.PIPELINE_STATE_CANCELLING

    def finish(self, state: int, error: status_pb2.Status | None = None) -> None:
        """
        Mark the end of the job.

        :param state: a terminal state.
        :param error: why it failed or was cancelled.
        """

        def change(job: PipelineJob) -> None:
            job.state = JobState(state)
            job.end_time = now()
            if error is not None:
                job.error = error

        self._update(change)

    def add_task(self, name: str, state: int = TaskState.PENDING) -> str:
        """
        Add a task.

        :param name: its name in the graph.
        :param state: PENDING, or NOT_TRIGGERED for a task that never gets its turn.
        :return: its id.
        """
        task_id = secrets.randbelow(_TASK_IDS)
        detail = PipelineTaskDetail(task_id=task_id, task_name=name, create_time=now(), state=state)
        if state == TaskState.NOT_TRIGGERED:
            detail.end_time = detail.create_time
        detail.pipeline_task_status.append(_status(state))
        self._update(lambda job: job.job_detail.task_details.append(detail))
        return str(task_id)

    def start_task(self, name: str, *, resolver: bool, inputs: Outputs, parameters: dict[str, Any]) -> None:
        """
        Record that a task runs, and its inputs.

        :param name: its name in the graph.
        :param resolver: whether it looks artifacts up and runs no container.
        :param inputs: its input artifacts.
        :param parameters: its input parameters.
        """

        def change(detail: PipelineTaskDetail) -> None:
            detail.start_time = now()
            detail.inputs = _lists(inputs)
            detail.execution = Execution(
                name=self._lineage.new_execution_name(),
                display_name=name,
                schema_title="system.ResolverExecution" if resolver else "system.ContainerExecution",
                schema_version="0.0.1",
                create_time=now(),
                metadata={f"input:{key}": value for key, value in parameters.items()},
            )
            if not resolver:
                detail.executor_detail = PipelineTaskExecutorDetail(container_detail={})
            _move(detail, TaskState.RUNNING)

        self._update_task(name, change)

    def complete_task(self, name: str, result: Result) -> None:
        """
        Record that a task has succeeded and publish its outputs, both or neither.

        :param name: its name in the graph.
        :param result: what it made or found.
        """
        cached = bool(result.key) and not result.made

        def change(detail: PipelineTaskDetail) -> None:
            detail.end_time = now()
            detail.outputs = _lists(result.outputs)
            _move(detail, TaskState.SKIPPED if cached else TaskState.SUCCEEDED)

        with self._store.transaction():
            if result.made:
                self._lineage.publish(result.outputs)
                if result.key:
                    self._lineage.remember(result.key, result.outputs)
            self._update_task(name, change)

    def end_task(self, name: str, state: int, error: status_pb2.Status | None = None) -> None:
        """
        Record that a task has ended without success.

        :param name: its name in the graph.
        :param state: a terminal state.
        :param error: why it failed.
        """

        def change(detail: PipelineTaskDetail) -> None:
            detail.end_time = now()
            if error is not None:
                detail.error = error
            _move(detail, state)

        self._update_task(name, change)

    def _update_task(self, name: str, change: Callable[[PipelineTaskDetail], None]) -> None:
        def apply(job: PipelineJob) -> None:
            change(next(task for task in job.job_detail.task_details if task.task_name == name))

        self._update(apply)

    def _update(self, change: Callable[[PipelineJob], None]) -> None:
        with self._store.transaction():
            job = self._store.get(self._name, PipelineJob)
            change(job)
            self._save(job)

    def _save(self, job: PipelineJob) -> None:
        job.update_time = now()
        self._store.put(self._name, job)


def _move(detail: PipelineTaskDetail, state: int) -> None:
    detail.state = TaskState(state)
    detail.pipeline_task_status.append(_status(state))
    if state in _EXECUTION_STATES and "execution" in detail:
        detail.execution.state = _ExecutionState(_EXECUTION_STATES[state])
        detail.execution.update_time = now()


def _status(state: int) -> PipelineTaskDetail.PipelineTaskStatus:
    return PipelineTaskDetail.PipelineTaskStatus(update_time=now(), state=state)


def _lists(artifacts: Outputs) -> dict[str, PipelineTaskDetail.ArtifactList]:
    return {
        key: PipelineTaskDetail.ArtifactList(artifacts=[Artifact(artifact)])
        for key, artifact in artifacts.items()
    }
