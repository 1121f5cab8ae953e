"""How a run names its Vertex AI pipeline job, and what it reads from the finished one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from vertex_mlops.retries import REQUEST_SECONDS, patiently

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook
    from airflow.sdk.types import RuntimeTaskInstanceProtocol
    from google.cloud.aiplatform_v1.types import Artifact, PipelineJob

# label of a pipeline job: state of the table it learned from, in milliseconds since the epoch
DATA_VERSION_LABEL = "data_version"
# label of a pipeline job: how many rows that table had
ROW_COUNT_LABEL = "row_count"
# label of a pipeline job: the DAG run that it belongs to, as run_label tells it
RUN_LABEL = "airflow_run"
# label of a pipeline job: what its DAG run was caused by, "drift" or one of Airflow's run types
TRIGGER_LABEL = "trigger"

# XCom of the task that runs a job: for how many seconds after its last sign a submission may still arrive
SUBMISSION_KEY = "pipeline_submission_seconds"
# XCom of the same task: id of the job that it waits for; from then on it submits nothing
JOB_ID_KEY = "pipeline_job_id"

# Names of states of a job: the enum would load all types of Vertex AI with every parse of a DAG file.
SUCCEEDED = "PIPELINE_STATE_SUCCEEDED"
PAUSED = "PIPELINE_STATE_PAUSED"
# A paused job is not among them: it goes on when a person resumes it.
ENDED_STATES = frozenset({SUCCEEDED, "PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLED"})
# a job in one of these will never succeed
DEAD_STATES = frozenset({"PIPELINE_STATE_FAILED", "PIPELINE_STATE_CANCELLING", "PIPELINE_STATE_CANCELLED"})
# nothing is left to wait for or to cancel
OVER_STATES = ENDED_STATES | DEAD_STATES

# verdict on a model of which too few rows tell anything
NOT_JUDGED = "not judged"

# name of the state of a task of a job
_TASK_FAILED = "FAILED"
# what TFX and what Kubeflow Pipelines call an artifact whose properties are figures
_METRICS_SCHEMAS = ("tfx.Metrics", "system.Metrics")

_MAX_ID_LENGTH = 127
_DIGEST_LENGTH = 16
_ATTEMPT_LENGTH = 6
# leaves room for attempt_id
LONGEST_FIRST_ID = _MAX_ID_LENGTH - _ATTEMPT_LENGTH

_LIST_PATIENCE = 300.0


class PipelineResult(TypedDict):
    """
    What the DAG needs to know of a pipeline job that succeeded.

    :param name: resource name of the job.
    :param state: name of its state.
    :param data_version: label of the same name.
    :param blessed: verdict of the Evaluator; None if there was none.
    :param verdict: ``blessed``, ``not blessed``, or ``not judged`` if the rows allow neither; empty if the
        pipeline does not tell.
    :param reason: why the model was not blessed; empty if it was, or if the pipeline does not tell.
    :param evidence: by how much the model differs from what it was compared with; empty if that is not known.
    :param champion_version: resource name of the version that the model was compared with, like
        ``.../models/m@3``; empty if it was none of the registry's, None if the pipeline does not tell.
    :param metrics: figures of the evaluation by name; empty if the pipeline reports none.
    :param model_uri: ``gs://`` folder of the model as a model server takes it.
    :param known_answers: what the model answers to each known instance of the data contract, by output.
    :param model_card: ``gs://`` URI of the page that is the model card; None if the pipeline makes none.
    :param training_examples: ``gs://`` folder of the examples, one subfolder for each split.
    :param evaluation: ``gs://`` folder of the evaluation.
    """

    name: str
    state: str
    data_version: str | None
    blessed: bool | None
    verdict: str
    reason: str
    evidence: str
    champion_version: str | None
    metrics: dict[str, float]
    model_uri: str | None
    known_answers: list[dict[str, float]]
    model_card: str | None
    training_examples: str | None
    evaluation: str | None


def pipeline_job_id(*, dag_id: str, run_id: str, task_id: str, map_index: int | None) -> str:
    """
    Id of the pipeline job of one task instance: the same on each try, another for each task instance.

    The readable part is cut and cleaned; the digest of the whole identity keeps ids apart.
    Vertex AI takes ``[a-z][-a-z0-9]*``, shorter than 128 characters; room is left for :func:`attempt_id`.
    """
    digest = _digest(dag_id, run_id, task_id, map_index)
    words = re.sub(r"[^a-z0-9]+", "-", f"{dag_id}-{run_id}".lower()).strip("-")
    if not re.match(r"[a-z]", words):
        words = f"run-{words}"
    readable = words[: LONGEST_FIRST_ID - _DIGEST_LENGTH - 1].strip("-")
    return f"{readable}-{digest}"


def job_id_of_task(ti: RuntimeTaskInstanceProtocol, task_id: str) -> str:
    """
    Id of the pipeline job of a task of a run.

    :param ti: a task instance of the same run and with the same map index.
    :param task_id: of the task that runs the job.
    """
    return pipeline_job_id(dag_id=ti.dag_id, run_id=ti.run_id, task_id=task_id, map_index=ti.map_index)


def run_label(ti: RuntimeTaskInstanceProtocol) -> str:
    """
    Value of the label ``airflow_run`` of every pipeline job of a DAG run.

    :param ti: a task instance of the run.
    """
    return run_label_of(ti.dag_id, ti.run_id)


def run_label_of(dag_id: str, run_id: str) -> str:
    """
    Value of the label ``airflow_run``, for who has no task instance of the run.

    :param dag_id: of the run.
    :param run_id: of the run.
    """
    return _digest(dag_id, run_id)


def attempt_id(job_id: str, attempt: int) -> str:
    """
    Id of the n-th job of a task instance.

    :param job_id: id of the first one.
    :param attempt: 1 for the first one.
    """
    return job_id if attempt == 1 else f"{job_id}-{attempt}"


def attempt_number(job_id: str, first_id: str) -> int | None:
    """
    Which attempt of a task instance a job is; None if it is none.

    :param job_id: id of the job.
    :param first_id: id of the first attempt.
    """
    if job_id == first_id:
        return 1
    number = re.fullmatch(r"-([1-9][0-9]*)", job_id.removeprefix(first_id))
    return int(number[1]) if number and job_id == attempt_id(first_id, int(number[1])) else None


def list_attempts(
    hook: PipelineJobHook, *, project_id: str, region: str, first_id: str, run: str
) -> list[int]:
    """
    Numbers of a task instance's jobs that are there, in order; one that was deleted leaves a gap.

    :param hook: asks Vertex AI.
    :param project_id: of the jobs.
    :param region: of the jobs.
    :param first_id: id of the first attempt.
    :param run: of the jobs, as :func:`run_label` tells it.
    """
    jobs = hook.list_pipeline_jobs(
        project_id=project_id,
        region=region,
        filter=f'labels.{RUN_LABEL}="{run}"',
        retry=patiently(_LIST_PATIENCE),
        timeout=REQUEST_SECONDS,
    )
    numbers = (attempt_number(resource_id(job.name), first_id) for job in jobs)
    return sorted(number for number in numbers if number)


def label_filter(labels: Mapping[str, str], *conditions: str) -> str:
    """
    Give the filter of a list call for what has all these labels.

    :param labels: by their keys.
    :param conditions: more of them, as the API takes them.
    """
    return " AND ".join([*(f'labels.{key}="{value}"' for key, value in labels.items()), *conditions])


def resource_id(name: str) -> str:
    """Last part of a resource name: ``7`` for ``projects/1/locations/europe-west1/endpoints/7``."""
    return name.rpartition("/")[-1]


def read_result(job: PipelineJob) -> PipelineResult:
    """
    Read the outputs of a finished TFX pipeline from the job's task details.

    A resolver also has outputs of the type ModelBlessing, and Transform of the type Examples: the name
    of the output tells them apart.
    """
    blessing = _output(job, "blessing", "tfx.ModelBlessing")
    examples = _output(job, "examples", "tfx.Examples")
    evaluation = _output(job, "evaluation", "tfx.ModelEvaluation")
    report = _output(job, "metrics", *_METRICS_SCHEMAS)
    card = _output(job, "model_card")
    return PipelineResult(
        name=job.name,
        state=job.state.name,
        data_version=job.labels.get(DATA_VERSION_LABEL),
        blessed=_property(blessing, "blessed") == 1 if blessing else None,
        verdict=_property(report, "verdict") or "",
        reason=_property(report, "reason") or "",
        evidence=_property(report, "evidence") or "",
        champion_version=_property(report, "champion_version"),
        metrics=_metrics(job),
        model_uri=_property(report, "model_uri"),
        known_answers=json.loads(_property(report, "known_answers") or "[]"),
        model_card=_property(card, "page"),
        training_examples=examples.uri if examples else None,
        evaluation=evaluation.uri if evaluation else None,
    )


def failure(job: PipelineJob) -> str:
    """One line that says how a job ended, which task failed, and its error."""
    failed = [
        f"task {task.task_name}: {_one_line(task.error.message)}"
        for task in job.job_detail.task_details
        if task.state.name == _TASK_FAILED
    ]
    causes = failed or [_one_line(job.error.message)] * bool(job.error.message)
    return f"{job.name} ended as {job.state.name}" + "".join(f"; {cause}" for cause in causes)


def failure_cause(job: PipelineJob) -> str:
    """Return the error of a job as :func:`failure` tells it; empty if it may still succeed, or has."""
    return failure(job).partition("; ")[2] if job.state.name in DEAD_STATES else ""


def _digest(*identity: str | int | None) -> str:
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:_DIGEST_LENGTH]


def _metrics(job: PipelineJob) -> dict[str, float]:
    metadata: list[Any] = [
        artifact.metadata or {}
        for task in job.job_detail.task_details
        for output in task.outputs.values()
        for artifact in output.artifacts
        if artifact.schema_title in _METRICS_SCHEMAS
    ]
    # each number of a Struct is a double
    return {
        name: value for figures in metadata for name, value in figures.items() if isinstance(value, float)
    }


def _output(job: PipelineJob, name: str, *schema_titles: str) -> Artifact | None:
    for task in job.job_detail.task_details:
        if name in task.outputs:
            for artifact in task.outputs[name].artifacts:
                if not schema_titles or artifact.schema_title in schema_titles:
                    return artifact
    return None


def _property(artifact: Artifact | None, name: str) -> Any:
    # proto-plus shows a Struct as a mapping, and an empty one as None
    metadata: Any = (artifact and artifact.metadata) or {}
    return metadata.get(name)


def _one_line(text: str) -> str:
    return " ".join(text.split())
