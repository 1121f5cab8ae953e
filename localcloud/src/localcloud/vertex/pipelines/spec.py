"""
The part of a compiled pipeline (PipelineSpec 2.1.0) that localcloud runs, parsed and checked completely.

Source: https://github.com/kubeflow/pipelines/blob/master/api/v2alpha1/pipeline_spec.proto
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, NoReturn

from google.api_core import exceptions

from localcloud.vertex.api.calls import unimplemented
from localcloud.vertex.pipelines.queries import ArtifactQuery
from localcloud.vertex.worker.errors import UnsupportedCommandError
from localcloud.vertex.worker.pool import module_of

SCHEMA_VERSION = "2.1.0"
EXECUTOR_INPUT = "{{$}}"
# the only placeholder that is supported as the value of a parameter
JOB_NAME = "{{$.pipeline_job_resource_name}}"
# a task's log is a file of its name; what Vertex AI takes is not documented
_TASK_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_TITLE = re.compile(r"^title:\s*(\S+)", re.MULTILINE)
_EXECUTOR_CLASS = "--executor_class_path"
# what a command would hand on to, by the argument that asks for it
_ELSEWHERE = {
    "--runner=DataflowRunner": "Dataflow",
    "tfx.extensions.google_cloud_ai_platform.trainer.executor.GenericExecutor": "JobService.CreateCustomJob",
}


@dataclass(frozen=True)
class Command:
    """A container command: ``{{$}}`` among its arguments stands for the ExecutorInput JSON."""

    command: tuple[str, ...]
    args: tuple[str, ...]


@dataclass(frozen=True)
class Container:
    """
    An executor that runs a command.

    :param image: container image; it names the pipeline environment here.
    :param main: what it runs.
    :param hook: what runs before the cache is asked and may change parameters, or None.
    :param environment: its variables.
    """

    image: str
    main: Command
    hook: Command | None
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Resolver:
    """An executor that picks the latest artifact for each of its outputs."""

    queries: Mapping[str, ArtifactQuery]


@dataclass(frozen=True)
class Producer:
    """An output of another task."""

    task: str
    output: str


@dataclass(frozen=True)
class RuntimeParameter:
    """A parameter of the whole pipeline, by name."""

    name: str


@dataclass(frozen=True)
class TaskSpec:
    """
    One task of the graph.

    :param name: its name in the graph.
    :param artifacts: where each input artifact comes from.
    :param parameters: each input parameter: a constant or a parameter of the pipeline.
    :param input_types: artifact type of each input, as the specification spells it.
    :param output_types: artifact type of each output, as the specification spells it.
    :param after: tasks that must have ended well before this one starts.
    :param executor: what it does.
    :param cached: whether an earlier result for the same inputs may stand for it.
    """

    name: str
    artifacts: Mapping[str, Producer]
    parameters: Mapping[str, RuntimeParameter | Any]
    input_types: Mapping[str, Mapping[str, str]]
    output_types: Mapping[str, Mapping[str, str]]
    after: frozenset[str]
    executor: Container | Resolver
    cached: bool


@dataclass(frozen=True)
class PipelineSpec:
    """
    A whole pipeline.

    :param name: name of the pipeline; its runs share artifacts and cache.
    :param parameters: definition of each parameter that a job passes.
    :param tasks: by name, each after those that it needs; where there is a choice, the one with the longest
        chain of tasks behind it comes first, since the run lasts as long as its longest chain.
    """

    name: str
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tasks: Mapping[str, TaskSpec] = field(default_factory=dict)

    def modules(self) -> list[str]:
        """Return the Python modules that its containers run, in the order of the tasks."""
        found: dict[str, None] = {}
        for task in self.tasks.values():
            if isinstance(task.executor, Container):
                found.update(dict.fromkeys(_modules(task.executor)))
        return list(found)


def parse(spec: Mapping[str, Any]) -> PipelineSpec:
    """
    Read a specification.

    :param spec: its JSON form.
    :raises google.api_core.exceptions.InvalidArgument: it is malformed.
    :raises google.api_core.exceptions.MethodNotImplemented: it uses what localcloud does not run.
    """
    version = spec.get("schemaVersion")
    if version != SCHEMA_VERSION:
        raise unimplemented(f"pipeline_spec.schemaVersion {version!r}, only {SCHEMA_VERSION!r}")
    try:
        return _parse(spec)
    except (KeyError, AttributeError, TypeError) as error:
        raise exceptions.InvalidArgument(f"Invalid pipeline_spec: {type(error).__name__} {error}.") from error


def title_of(artifact_type: Mapping[str, str]) -> str:
    """
    Return the schema title of an artifact type, such as ``tfx.Model``.

    :param artifact_type: ``schemaTitle`` or a YAML ``instanceSchema``.
    """
    if "schemaTitle" in artifact_type:
        return artifact_type["schemaTitle"]
    found = _TITLE.search(artifact_type.get("instanceSchema", ""))
    return found.group(1) if found else "system.Artifact"


def _parse(spec: Mapping[str, Any]) -> PipelineSpec:
    root = spec["root"]
    if "artifacts" in root.get("inputDefinitions", {}):
        raise unimplemented("input artifacts of a whole pipeline")
    if "dag" not in root:
        raise unimplemented("a pipeline_spec whose root is not a dag")
    tasks = {name: _task(spec, name, task) for name, task in root["dag"]["tasks"].items()}
    name = spec["pipelineInfo"]["name"]
    given = root.get("inputDefinitions", {}).get("parameters", {})
    parameters = {name: {**definition} for name, definition in given.items()}
    _check_references(tasks, parameters)
    try:
        return PipelineSpec(name, parameters, {task: tasks[task] for task in _in_order(tasks)})
    except CycleError as error:
        raise exceptions.InvalidArgument(f"Invalid pipeline_spec: {error.args[1]} is a cycle.") from error


def _in_order(tasks: Mapping[str, TaskSpec]) -> list[str]:
    """Put each task after those that it needs, and of those that can run at once the longest chain first."""
    order = list(TopologicalSorter({task.name: sorted(task.after) for task in tasks.values()}).static_order())
    behind = dict.fromkeys(order, 0)
    for name in reversed(order):
        for needed in tasks[name].after:
            behind[needed] = max(behind[needed], behind[name] + 1)
    return sorted(order, key=lambda name: -behind[name])


def _check_references(tasks: Mapping[str, TaskSpec], parameters: Mapping[str, Any]) -> None:
    for task in tasks.values():
        for producer in task.artifacts.values():
            if producer.output not in getattr(tasks.get(producer.task), "output_types", {}):
                _malformed(task.name, f"no task {producer.task!r} has an output {producer.output!r}")
        for missing in task.after - tasks.keys():
            _malformed(task.name, f"it comes after {missing!r}, which does not exist")
        for value in task.parameters.values():
            if isinstance(value, RuntimeParameter) and value.name not in parameters:
                _malformed(task.name, f"the pipeline has no parameter {value.name!r}")


def _task(spec: Mapping[str, Any], name: str, task: Mapping[str, Any]) -> TaskSpec:
    if not _TASK_NAME.fullmatch(name):
        _malformed(repr(name), f"its name must match {_TASK_NAME.pattern}")
    component = spec["components"][task["componentRef"]["name"]]
    _refuse_task_features(name, task, component)
    inputs = task.get("inputs", {})
    artifacts = {key: _producer(name, key, value) for key, value in inputs.get("artifacts", {}).items()}
    definitions = component.get("inputDefinitions", {}).get("artifacts", {})
    outputs = component.get("outputDefinitions", {}).get("artifacts", {})
    return TaskSpec(
        name=name,
        artifacts=artifacts,
        parameters={key: _value(name, key, value) for key, value in inputs.get("parameters", {}).items()},
        input_types={key: definitions[key]["artifactType"] for key in artifacts},
        output_types={key: value["artifactType"] for key, value in outputs.items()},
        after=frozenset(task.get("dependentTasks", [])) | {source.task for source in artifacts.values()},
        executor=_executor(name, spec["deploymentSpec"]["executors"][component["executorLabel"]]),
        cached=bool(task.get("cachingOptions", {}).get("enableCache")),
    )


def _refuse_task_features(name: str, task: Mapping[str, Any], component: Mapping[str, Any]) -> None:
    policy = task.get("triggerPolicy", {})
    features = {
        "a sub-dag": "dag" in component,
        "a loop (iterator)": bool({"artifactIterator", "parameterIterator", "iteratorPolicy"} & task.keys()),
        "a condition (triggerPolicy.condition)": "condition" in policy,
        "an exit handler (triggerPolicy.strategy)": policy.get("strategy", "ALL_UPSTREAM_TASKS_SUCCEEDED")
        != "ALL_UPSTREAM_TASKS_SUCCEEDED",
        "a retryPolicy": "retryPolicy" in task,
        "output parameters": "parameters" in component.get("outputDefinitions", {}),
    }
    for feature, used in features.items():
        if used:
            _refuse(name, feature)


def _producer(task: str, key: str, source: Mapping[str, Any]) -> Producer:
    if "taskOutputArtifact" not in source:
        _refuse(task, f"input artifact {key!r} from {'/'.join(source)}")
    output = source["taskOutputArtifact"]
    return Producer(output["producerTask"], output["outputArtifactKey"])


def _value(task: str, key: str, source: Mapping[str, Any]) -> RuntimeParameter | Any:
    if "componentInputParameter" in source and "parameterExpressionSelector" not in source:
        return RuntimeParameter(source["componentInputParameter"])
    if "constant" not in source.get("runtimeValue", {}):
        _refuse(task, f"input parameter {key!r} from {'/'.join(source)}")
    constant = source["runtimeValue"]["constant"]
    if "{{$" in str(constant) and constant != JOB_NAME:
        _refuse(task, f"a placeholder in the constant of input parameter {key!r}")
    return constant


def _executor(task: str, executor: Mapping[str, Any]) -> Container | Resolver:
    if "resolver" in executor:
        queries = executor["resolver"]["outputArtifactQueries"]
        return Resolver({key: ArtifactQuery(query["filter"]) for key, query in queries.items()})
    if "container" not in executor:
        _refuse(task, f"an executor of kind {'/'.join(executor)}")
    container = executor["container"]
    hook = container.get("lifecycle", {}).get("preCacheCheck")
    return Container(
        image=container["image"],
        main=_command(task, container),
        hook=_command(task, hook) if hook else None,
        environment={variable["name"]: variable["value"] for variable in container.get("env", [])},
    )


def _command(task: str, container: Mapping[str, Any]) -> Command:
    command = Command(tuple(container.get("command", ())), tuple(container.get("args", ())))
    for part in (*command.command, *command.args):
        if "{{$" in part and part != EXECUTOR_INPUT:
            _refuse(task, f"the placeholder {part!r}")
        if part in _ELSEWHERE:
            _refuse(task, f"{_ELSEWHERE[part]}, which {part} needs")
    try:
        module_of(command.command)
    except UnsupportedCommandError as error:
        raise exceptions.MethodNotImplemented(f"Task {task}: {error}") from error
    return command


def _modules(container: Container) -> list[str]:
    commands = [command for command in (container.hook, container.main) if command]
    modules = [module_of(command.command)[0] for command in commands]
    arguments = container.main.args
    if _EXECUTOR_CLASS in arguments[:-1]:
        path = arguments[arguments.index(_EXECUTOR_CLASS) + 1]
        modules.append(path.rpartition(".")[0])
    return modules


def _refuse(task: str, feature: str) -> NoReturn:
    raise unimplemented(f"{feature} (task {task})")


def _malformed(task: str, why: str) -> NoReturn:
    raise exceptions.InvalidArgument(f"Invalid pipeline_spec: task {task}: {why}.")
