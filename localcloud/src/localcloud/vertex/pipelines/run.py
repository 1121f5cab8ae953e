"""Runs one pipeline job: starts its tasks in order, and updates its record."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from google.rpc import code_pb2, status_pb2  # type: ignore[import-untyped]

from localcloud.vertex.pipelines.lineage import Outputs
from localcloud.vertex.pipelines.record import JobRecord, JobState, TaskState
from localcloud.vertex.pipelines.spec import Container, PipelineSpec, TaskSpec
from localcloud.vertex.pipelines.tasks import Result, TaskFailedError, TaskRunner, TaskStoppedError

log = logging.getLogger(__name__)


class JobRun:
    """
    Run the tasks of one job in the order of its graph, several at a time.

    :param spec: the graph.
    :param record: the job as its clients see it.
    :param runner: executes single tasks.
    :param slots: how many containers run at once, over all jobs.
    :param fail_fast: start no further task once one has failed; otherwise only those that need it.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        record: JobRecord,
        runner: TaskRunner,
        slots: threading.Semaphore,
        *,
        fail_fast: bool,
    ) -> None:
        self._spec = spec
        self._record = record
        self._runner = runner
        self._slots = slots
        self._fail_fast = fail_fast
        self._outputs: dict[str, Outputs] = {}
        self._errors: dict[str, str] = {}
        self._cancelled = threading.Event()
        self._abandoned = threading.Event()

    def cancel(self) -> None:
        """Stop the tasks; the job ends CANCELLED."""
        self._cancelled.set()
        self._runner.stop()

    def abandon(self) -> None:
        """Stop the tasks because localcloud stops; the record stays as it is for a later run."""
        self._abandoned.set()
        self._runner.stop()

    def run(self) -> None:
        """Run to the end, whatever happens."""
        try:
            self._outputs, self._errors = self._record.begin()
            if self._record.cancelling():
                self.cancel()
            self._run_tasks()
            if not self._abandoned.is_set():
                self._finish()
        except Exception as error:
            self._runner.stop()
            log.exception("a pipeline job failed inside localcloud")
            text = f"localcloud failed: {type(error).__name__}: {error}"
            self._record.finish(JobState.PIPELINE_STATE_FAILED, _status(code_pb2.INTERNAL, text))

    def _run_tasks(self) -> None:
        started = {*self._outputs, *self._errors}
        running: set[Future[None]] = set()
        with ThreadPoolExecutor(max(1, len(self._spec.tasks)), thread_name_prefix="task") as threads:
            while True:
                for task in self._ready(started):
                    started.add(task.name)
                    running.add(threads.submit(self._run_task, task))
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
        if not self._abandoned.is_set():
            for name in self._spec.tasks.keys() - started:
                self._record.add_task(name, TaskState.NOT_TRIGGERED)

    def _ready(self, started: set[str]) -> list[TaskSpec]:
        stopped = self._cancelled.is_set() or self._abandoned.is_set()
        if stopped or (self._fail_fast and self._errors):
            return []
        return [
            task
            for task in self._spec.tasks.values()
            if task.name not in started and task.after <= self._outputs.keys()
        ]

    def _run_task(self, task: TaskSpec) -> None:
        task_id = self._record.add_task(task.name)
        inputs = self._inputs(task)
        try:
            result = self._do(task, inputs, task_id)
        except TaskFailedError as error:
            self._errors[task.name] = str(error)
            status = _status(code_pb2.FAILED_PRECONDITION, str(error))
            self._record.end_task(task.name, TaskState.FAILED, error=status)
        except TaskStoppedError:
            if self._cancelled.is_set():
                self._record.end_task(task.name, TaskState.CANCELLED)
        else:
            self._record.complete_task(task.name, result)
            self._outputs[task.name] = result.outputs

    def _do(self, task: TaskSpec, inputs: Outputs, task_id: str) -> Result:
        executor = task.executor
        parameters = self._runner.parameters(task)
        if not isinstance(executor, Container):
            self._record.start_task(task.name, resolver=True, inputs=inputs, parameters=parameters)
            return self._runner.resolve(executor, inputs)
        with self._slots:
            self._record.start_task(task.name, resolver=False, inputs=inputs, parameters=parameters)
            return self._runner.execute(task, executor, inputs, task_id)

    def _inputs(self, task: TaskSpec) -> Outputs:
        found = {}
        for key, producer in task.artifacts.items():
            artifact = self._outputs[producer.task].get(producer.output)
            if artifact is not None:
                found[key] = artifact
        return found

    def _finish(self) -> None:
        if self._cancelled.is_set():
            status = _status(code_pb2.CANCELLED, "The pipeline job was cancelled.")
            self._record.finish(JobState.PIPELINE_STATE_CANCELLED, status)
        elif self._errors:
            status = _status(code_pb2.FAILED_PRECONDITION, _failure(self._errors))
            self._record.finish(JobState.PIPELINE_STATE_FAILED, status)
        else:
            self._record.finish(JobState.PIPELINE_STATE_SUCCEEDED)


def _failure(errors: Mapping[str, str]) -> str:
    names = ", ".join(errors)
    details = "\n".join(errors.values())
    return f"The DAG failed because some tasks failed. The failed tasks are: [{names}].\n{details}"


def _status(code: int, message: str) -> status_pb2.Status:
    return status_pb2.Status(code=code, message=message)
