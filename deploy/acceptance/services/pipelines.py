"""Probes of Vertex AI Pipelines."""

from __future__ import annotations

import json
from typing import Any

from deploy.acceptance.bench import PIPELINE_SECONDS, REQUEST_SECONDS, Bench
from deploy.acceptance.probes import NotHeldError, Probe, hold
from deploy.acceptance.removal import LABEL


def _list(bench: Bench, *conditions: str) -> list[str]:
    conditions = (f'labels.{LABEL}="{bench.run}"', *conditions)
    request = {
        "parent": bench.project.parent,
        "filter": " AND ".join(conditions),
        "order_by": "create_time desc",
    }
    jobs = bench.project.pipelines.list_pipeline_jobs(request=request, timeout=REQUEST_SECONDS)
    return [job.name.rpartition("/")[2] for job in jobs]


def _list_at_once(bench: Bench) -> str:
    job_id = bench.working_job
    hold(job_id in _list(bench, f"labels.{LABEL}:*"), f"{job_id} was submitted, and is not listed yet")
    return "a job is listed by its label right after its submission"


def _submit_again(bench: Bench) -> str:
    from google.api_core.exceptions import AlreadyExists

    job = bench.job(bench.working_job, "")
    try:
        job.submit(service_account=bench.project.service_account, create_request_timeout=REQUEST_SECONDS)
    except AlreadyExists:
        return "ALREADY_EXISTS"
    raise NotHeldError(f"a second job with the id {job.job_id} was accepted")


def _spec(bench: Bench) -> str:
    from google.protobuf import json_format

    job = bench.ended(bench.working_job)
    found = _parameters(json_format.MessageToDict(type(job).pb(job).pipeline_spec))
    submitted = json.loads((bench.material / "pipeline.json").read_text())["pipelineSpec"]
    hold(found == _parameters(submitted), f"the tasks of the job have the parameters {str(found)[:300]}")
    return "the job returns its tasks, with the constants of their parameters"


def _parameters(spec: dict[str, Any]) -> dict[str, Any]:
    # the rest is not the file's: the SDK sets the caching of each task
    tasks = spec.get("root", {}).get("dag", {}).get("tasks", {})
    return {name: task.get("inputs", {}).get("parameters") for name, task in tasks.items()}


def _metadata(bench: Bench) -> dict[str, Any]:
    job = bench.ended(bench.working_job)
    state, error = job.state.name, " ".join(job.error.message.split())
    hold(state == "PIPELINE_STATE_SUCCEEDED", f"{job.name} ended as {state}: {error or _task_error(job)}")
    (artifact,) = (
        artifact for task in job.job_detail.task_details for artifact in task.outputs["metrics"].artifacts
    )
    return {"schema_title": artifact.schema_title, **dict(artifact.metadata or {})}


def _task_output(bench: Bench) -> str:
    found = _metadata(bench)
    hold(found.get("figure") == 1.5, f"the artifact of the job's task has the metadata {found}")
    hold(found["schema_title"] == "tfx.Metrics", f"its schema_title is {found['schema_title']!r}")
    return "the task wrote executor_output.json, and the job shows the artifact's properties"


def _placeholder(bench: Bench) -> str:
    found, wanted = _metadata(bench).get("job"), f"/pipelineJobs/{bench.working_job}"
    hold(str(found).endswith(wanted), f"the task was given {found!r}")
    return f"the task was given {found}"


def _reference(bench: Bench) -> str:
    found = _metadata(bench).get("reference")
    hold(found == "$(AIP_STORAGE_URI)", f"the task was given {found!r}")
    return f"the task was given {found}"


def _task_error(job: Any) -> str:
    return " ".join(
        f"{task.task_name}: {' '.join(task.error.message.split())}"
        for task in job.job_detail.task_details
        if task.error.message
    )


def _failed_task(bench: Bench) -> str:
    from google.cloud.aiplatform_v1.types import PipelineTaskDetail

    job = bench.ended(bench.failing_job)
    hold(job.state.name == "PIPELINE_STATE_FAILED", f"the job ended as {job.state.name}")
    states = {PipelineTaskDetail.State(task.state).name for task in job.job_detail.task_details}
    hold("FAILED" in states, f"no task is FAILED, but {', '.join(sorted(states))}")
    text = _task_error(job)
    hold(bool(text), "the failed task has no error message")
    return text[:300]


def _newest_of_state(bench: Bench) -> str:
    bench.ended(bench.working_job)
    wanted = [bench.working_job]

    def look() -> tuple[str, bool | None]:
        found = _list(bench, 'state="PIPELINE_STATE_SUCCEEDED"')
        return f"listed as succeeded: {', '.join(found) or 'none'}", found == wanted or None

    bench.wait("the list of succeeded jobs", look, 60)
    return "a job that succeeded is listed by label and state, newest first"


def _cancel_ended(bench: Bench) -> str:
    from google.api_core.exceptions import FailedPrecondition

    job = bench.ended(bench.working_job)
    try:
        bench.project.pipelines.cancel_pipeline_job(name=job.name, timeout=REQUEST_SECONDS)
    except FailedPrecondition as error:
        return f"FAILED_PRECONDITION: {error.message}"
    raise NotHeldError("the cancellation of a job that has ended was accepted")


def _submission(bench: Bench) -> str:
    names = ", ".join((bench.working_job, bench.failing_job))
    return f"submitted {names}; they have {PIPELINE_SECONDS:.0f} s"


SUBMISSIONS = (
    Probe(
        "pipeline-submit",
        "A pipeline that TFX compiled is accepted, run as the account pipeline from the deployed image",
        _submission,
    ),
    Probe("pipeline-list", "A job is listed by its label at once after its submission", _list_at_once),
    Probe("pipeline-again", "A second job with the same id is rejected with ALREADY_EXISTS", _submit_again),
)
RESULTS = (
    Probe("pipeline-spec", "A job returns the pipelineSpec that it was submitted with", _spec),
    Probe(
        "task-output",
        "A task may write executor_output.json where Vertex AI expects it, and the job shows its content",
        _task_output,
    ),
    Probe("task-placeholder", "A constant parameter may be the placeholder of the job's name", _placeholder),
    Probe("task-reference", "$(NAME) in a parameter of a task is unchanged", _reference),
    Probe("task-error", "The job's failed task has a message that says why", _failed_task),
    Probe("pipeline-newest", "Jobs are listed by label and state, newest first", _newest_of_state),
    Probe("cancel-ended", "Cancelling a job that has ended is FAILED_PRECONDITION", _cancel_ended),
)
