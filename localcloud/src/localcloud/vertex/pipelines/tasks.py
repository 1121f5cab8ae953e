"""One task of a pipeline job: its inputs, its container or resolver, its outputs."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from google.cloud.aiplatform_v1.types import Artifact
from google.protobuf import json_format

from localcloud.storage.objects import ObjectStore
from localcloud.vertex.pipelines.lineage import Lineage, Outputs, cache_key
from localcloud.vertex.pipelines.spec import (
    EXECUTOR_INPUT,
    JOB_NAME,
    Command,
    Container,
    Resolver,
    RuntimeParameter,
    TaskSpec,
    title_of,
)
from localcloud.vertex.worker.errors import ChildStoppedError, WorkerError
from localcloud.vertex.worker.pool import Task, TaskExit, WorkerPool

_OUTPUT_FILE = "executor_output.json"
_LAST_LINES = 12
_LAST_CHARACTERS = 4000


class TaskFailedError(Exception):
    """A task failed; the message says why and has the end of its log."""


class TaskStoppedError(Exception):
    """A task was stopped because its job was."""


class Result(NamedTuple):
    """
    The outputs of a task for downstream tasks.

    :param outputs: by output name.
    :param key: under which later executions find it; empty if it is not to be used again.
    :param made: whether this execution made it, rather than an earlier one.
    """

    outputs: Outputs
    key: str
    made: bool


@dataclass(frozen=True)
class Job:
    """
    What the tasks of one job share.

    :param name: resource name of the job.
    :param root: folder of the run, ``gs://``.
    :param parameters: value of every parameter of the pipeline.
    :param environment: variables that Vertex gives to a task.
    :param logs: folder of the tasks' logs.
    :param mount: folder that stands for ``/gcs``, where a container sees the buckets.
    """

    name: str
    root: str
    parameters: Mapping[str, Any]
    environment: Mapping[str, str]
    logs: Path
    mount: Path


@dataclass
class Execution:
    """
    One execution of a container task.

    :param task: what is executed.
    :param inputs: its input artifacts; one that a resolver did not find is missing.
    :param parameters: its input parameters; the hook may change them.
    :param outputs: its output artifacts; the command fills in their metadata.
    :param output_file: where the command writes its ExecutorOutput: not ``gs://`` but a path below
        the mount, in a folder that the command makes.

    Source: https://cloud.google.com/vertex-ai/docs/training/cloud-storage-file-system;
    kfp/dsl/executor.py makes the folder and calls open().
    """

    task: TaskSpec
    inputs: Outputs
    parameters: dict[str, Any]
    outputs: Outputs
    output_file: Path

    def executor_input(self) -> str:
        """Return the ExecutorInput JSON that ``{{$}}`` stands for."""
        inputs = {
            key: {"artifacts": [_runtime(self.inputs[key], type_)] if key in self.inputs else []}
            for key, type_ in self.task.input_types.items()
        }
        outputs = {
            key: {"artifacts": [_runtime(artifact, self.task.output_types[key])]}
            for key, artifact in self.outputs.items()
        }
        return json.dumps(
            {
                "inputs": {"parameterValues": self.parameters, "artifacts": inputs},
                "outputs": {"artifacts": outputs, "outputFile": str(self.output_file)},
            }
        )

    def apply(self, executor_output: Mapping[str, Any]) -> None:
        """Apply what a command has written to the output file."""
        self.parameters.update(executor_output.get("parameterValues", {}))
        for key, written in executor_output.get("artifacts", {}).items():
            artifact = self.outputs[key]
            for one in written.get("artifacts", [])[:1]:
                artifact.uri = one.get("uri", artifact.uri)
                _set_metadata(artifact, {**metadata_of(artifact), **one.get("metadata", {})})


class TaskRunner:
    """
    Execute the tasks of one job, each on the thread that asks.

    :param job: what they share.
    :param lineage: artifacts of the pipeline.
    :param pool: runs container commands.
    :param objects: gets what the commands write below the mount.
    """

    def __init__(self, job: Job, lineage: Lineage, pool: WorkerPool, objects: ObjectStore) -> None:
        self._job = job
        self._lineage = lineage
        self._pool = pool
        self._objects = objects
        self._lock = threading.Lock()
        self._running: set[Task] = set()
        self._stopped = False

    def stop(self) -> None:
        """Kill the running tasks and reject new ones."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for task in running:
            task.cancel()

    def parameters(self, task: TaskSpec) -> dict[str, Any]:
        """Return the values of a task's input parameters."""
        return {key: self._value(value) for key, value in task.parameters.items()}

    def resolve(self, resolver: Resolver, inputs: Outputs) -> Result:
        """
        Find the artifacts that a resolver asks for.

        :param resolver: its queries.
        :param inputs: what the queries may refer to.
        :return: artifacts that are there; an output for which there is none is missing.
        """
        found = {}
        for key, query in resolver.queries.items():
            test = query.test(inputs)
            artifact = self._lineage.latest(test) if test else None
            if artifact is not None:
                found[key] = artifact
        return Result(found, "", made=False)

    def execute(self, task: TaskSpec, container: Container, inputs: Outputs, task_id: str) -> Result:
        """
        Run a container task, unless a cached result is used.

        :param task: the task.
        :param container: its executor.
        :param inputs: its input artifacts.
        :param task_id: id of this execution.
        :return: its outputs, not published yet, or an earlier execution's.
        :raises TaskFailedError: a command failed.
        :raises TaskStoppedError: the job was stopped.
        """
        folder = f"{self._job.root}/{task.name}_{task_id}"
        outputs = {
            key: self._lineage.new_artifact(key, title_of(type_), f"{folder}/{key}")
            for key, type_ in task.output_types.items()
        }
        output_file = self._job.mount / folder.removeprefix("gs://") / _OUTPUT_FILE
        execution = Execution(task, inputs, self.parameters(task), outputs, output_file)
        if container.hook:
            self._run(container.hook, container, execution)
        key = _key(container, execution) if task.cached else ""
        earlier = self._lineage.cached(key) if key else None
        if earlier is not None:
            return Result(earlier, key, made=False)
        self._run(container.main, container, execution)
        return Result(outputs, key, made=True)

    def _value(self, value: RuntimeParameter | Any) -> Any:
        if isinstance(value, RuntimeParameter):
            return self._job.parameters[value.name]
        return self._job.name if value == JOB_NAME else value

    def _run(self, command: Command, container: Container, execution: Execution) -> None:
        log = self._job.logs / f"{execution.task.name}.log"
        args = [execution.executor_input() if part == EXECUTOR_INPUT else part for part in command.args]
        environment = {**self._job.environment, **container.environment}
        try:
            ended = self._wait(self._pool.start_task(command.command, args, environment, log))
        except ChildStoppedError as error:
            raise TaskStoppedError(str(error)) from error
        except WorkerError as error:
            if self._stopped:
                raise TaskStoppedError(str(error)) from error
            raise TaskFailedError(f"Task {execution.task.name} failed: {error}") from error
        if ended.code:
            raise TaskFailedError(f"Task {execution.task.name} failed: {_why(ended.code)}. {_tail(log)}")
        with log.open("a") as file:
            print(f"{ended.cpu_seconds:.1f} s of CPU, {ended.max_rss_bytes >> 20} MiB", file=file)
        if execution.output_file.exists():
            self._take_over(execution)

    def _take_over(self, execution: Execution) -> None:
        """Read the output file and move it into the bucket, where the mount would have put it."""
        written = execution.output_file.read_bytes()
        self._objects.write(f"gs://{execution.output_file.relative_to(self._job.mount)}", written)
        execution.output_file.unlink()
        execution.apply(json.loads(written))

    def _wait(self, task: Task) -> TaskExit:
        with self._lock:
            stopped = self._stopped
            self._running.add(task)
        if stopped:
            task.cancel()
        try:
            return task.wait()
        finally:
            with self._lock:
                self._running.discard(task)


def metadata_of(artifact: Artifact) -> dict[str, Any]:
    """Return an artifact's metadata as plain JSON values."""
    metadata = Artifact.pb(artifact).metadata
    return json_format.MessageToDict(metadata)


def _set_metadata(artifact: Artifact, metadata: Mapping[str, Any]) -> None:
    target = Artifact.pb(artifact).metadata
    target.Clear()
    target.update(metadata)


def _runtime(artifact: Artifact, type_: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "type": dict(type_),
        "uri": artifact.uri,
        "metadata": metadata_of(artifact),
    }


def _key(container: Container, execution: Execution) -> str:
    command = {
        "image": container.image,
        "command": container.main.command,
        "args": container.main.args,
        "environment": dict(container.environment),
    }
    inputs = {key: artifact.name for key, artifact in execution.inputs.items()}
    return cache_key(command, execution.parameters, inputs, list(execution.outputs))


def _why(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"


def _tail(log: Path) -> str:
    text = log.read_text(errors="replace").strip() if log.exists() else ""
    lines = "\n".join(text.splitlines()[-_LAST_LINES:])[-_LAST_CHARACTERS:]
    return f"The end of {log}:\n{lines}" if lines else f"{log} is empty."
