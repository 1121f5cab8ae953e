"""Pages of pipeline jobs: their graph, their tasks and the tasks' logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format

from localcloud.console.layout import Drawing, draw
from localcloud.console.pages import Asked, Page, Sources
from localcloud.console.wording import plain, seconds_between
from localcloud.errors import ApiError

if TYPE_CHECKING:
    from google.cloud import aiplatform_v1 as v1

_TAIL_LINES = 40
_TAIL_BYTES = 16 * 1024
_ENDED = (
    "PIPELINE_STATE_SUCCEEDED",
    "PIPELINE_STATE_FAILED",
    "PIPELINE_STATE_CANCELLED",
    "PIPELINE_STATE_PAUSED",
)


class TaskView(NamedTuple):
    """
    One task of a job, as it is now.

    :param name: its name in the graph.
    :param state: its state in the API; WAITING before it has one, NOT_TRIGGERED when it never gets one.
    :param start: when it began, or None.
    :param end: when it ended, or None.
    :param seconds: how long it took, or has taken so far, or None.
    :param error: why it failed, or nothing.
    :param parameters: its input parameters.
    :param inputs: its input artifacts by key.
    :param outputs: its output artifacts by key.
    :param log: the end of its log, or None if it has none.
    """

    name: str
    state: str
    start: Any = None
    end: Any = None
    seconds: float | None = None
    error: str = ""
    parameters: Mapping[str, Any] = {}
    inputs: Mapping[str, list[ArtifactView]] = {}
    outputs: Mapping[str, list[ArtifactView]] = {}
    log: str | None = None


class ArtifactView(NamedTuple):
    """
    An artifact.

    :param type: its schema title.
    :param uri: where its content is.
    :param metadata: its metadata.
    """

    type: str
    uri: str
    metadata: Mapping[str, Any]


def jobs(sources: Sources, asked: Asked) -> Page:
    """List the pipeline jobs."""
    return Page("pipeline_jobs.html", {"pipeline_jobs": sources.vertex.pipeline_jobs()})


def job(sources: Sources, asked: Asked) -> Page:
    """
    Show a pipeline job.

    :raises ApiError: 404 when there is no such job.
    """
    found = sources.vertex.pipeline_job(asked["region"], asked["id"])
    graph = dependencies(_spec(found))
    tasks = _tasks(sources, found, graph)
    values = {
        "job": found,
        "tasks": tasks,
        "drawing": _drawing(graph),
        "by_name": {task.name: task for task in tasks},
        "parameters": plain(found.runtime_config, "parameter_values"),
        "running": found.state.name not in _ENDED,
        "seconds": seconds_between(found.start_time, found.end_time),
    }
    return Page("pipeline_job.html", values)


def whole_log(sources: Sources, asked: Asked) -> Path:
    """
    Return the file that a task has written to.

    :raises ApiError: 404 when there is no such job, or the task has written nothing.
    """
    found = sources.vertex.pipeline_job(asked["region"], asked["id"])
    log = sources.vertex.task_log(found, asked["task"])
    if log is None:
        raise ApiError(404, "NOT_FOUND", f"Task {asked['task']} of {asked['id']} has no log.")
    return log


def dependencies(spec: Mapping[str, Any]) -> dict[str, set[str]]:
    """
    Return which task needs which, as far as the specification can be read.

    :param spec: JSON form of a pipeline specification.
    :return: by task, the tasks that must end before it starts.
    """
    try:
        tasks = spec["root"]["dag"]["tasks"]
        needed = {name: {*task.get("dependentTasks", ()), *_producers(task)} for name, task in tasks.items()}
    except (AttributeError, KeyError, TypeError):
        return {}
    # a Struct has no order: sorted, so that a graph always looks the same
    return {name: needed[name] & needed.keys() for name in sorted(needed)}


def _producers(task: Mapping[str, Any]) -> set[str]:
    sources = task.get("inputs", {}).get("artifacts", {}).values()
    outputs = [source["taskOutputArtifact"] for source in sources if "taskOutputArtifact" in source]
    return {output["producerTask"] for output in outputs}


def _spec(job: v1.PipelineJob) -> dict[str, Any]:
    spec: dict[str, Any] = json_format.MessageToDict(type(job).pb(job).pipeline_spec)
    return spec


def _drawing(graph: Mapping[str, set[str]]) -> Drawing | None:
    try:
        return draw(graph) if graph else None
    except ValueError:
        # the list of tasks says the rest
        return None


def _tasks(sources: Sources, job: v1.PipelineJob, graph: Mapping[str, set[str]]) -> list[TaskView]:
    """Return the tasks in the order of their start, those that have not begun last."""
    details = sorted(job.job_detail.task_details, key=lambda task: (task.start_time is None, task.start_time))
    begun = [_task(sources, job, detail) for detail in details]
    known = {task.name for task in begun}
    state = "NOT_TRIGGERED" if job.state.name in _ENDED else "WAITING"
    return begun + [TaskView(name, state) for name in graph if name not in known]


def _task(sources: Sources, job: v1.PipelineJob, detail: v1.PipelineTaskDetail) -> TaskView:
    log = sources.vertex.task_log(job, detail.task_name)
    given = plain(detail.execution, "metadata")
    return TaskView(
        name=detail.task_name,
        state=detail.state.name,
        start=detail.start_time,
        end=detail.end_time,
        seconds=seconds_between(detail.start_time, detail.end_time),
        error=detail.error.message,
        parameters={key.removeprefix("input:"): value for key, value in given.items()},
        inputs=_artifacts(detail.inputs),
        outputs=_artifacts(detail.outputs),
        log=_tail(log) if log else None,
    )


def _artifacts(
    lists: Mapping[str, v1.PipelineTaskDetail.ArtifactList],
) -> dict[str, list[ArtifactView]]:
    return {
        key: [ArtifactView(one.schema_title, one.uri, plain(one, "metadata")) for one in found.artifacts]
        for key, found in lists.items()
    }


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL_BYTES))
        text = file.read(_TAIL_BYTES).decode(errors="replace")
    return "\n".join(text.splitlines()[-_TAIL_LINES:])
