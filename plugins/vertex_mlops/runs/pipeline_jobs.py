"""Ids, labels and states of Vertex AI pipeline jobs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from vertex_mlops.contract.retries import REQUEST_SECONDS, transient_retry

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook
    from airflow.sdk.types import RuntimeTaskInstanceProtocol
    from google.cloud.aiplatform_v1.types import PipelineJob

# label of a pipeline job: the DAG run that it belongs to, as run_label tells it
RUN_LABEL = "airflow_run"
# label of a pipeline job: what its DAG run was caused by, "drift" or one of Airflow's run types
TRIGGER_LABEL = "trigger"

# XCom of the task that runs a job: for how many seconds after its last sign a submission may still arrive
SUBMISSION_KEY = "pipeline_submission_seconds"
# XCom of the same task: id of the job that it waits for; from then on it submits nothing
JOB_ID_KEY = "pipeline_job_id"


_MAX_ID_LENGTH = 127
_DIGEST_LENGTH = 16
_ATTEMPT_LENGTH = 6
# leaves room for attempt_id
LONGEST_FIRST_ID = _MAX_ID_LENGTH - _ATTEMPT_LENGTH

_LIST_RETRY_SECONDS = 300.0


def pipeline_job_id(*, dag_id: str, run_id: str, task_id: str, map_index: int | None) -> str:
    """
    Build the pipeline job id of a task instance: the same on each try, another for each task instance.

    The readable part is cut and cleaned; the digest of the whole identity keeps ids apart.
    Vertex AI takes ``[a-z][-a-z0-9]*``, shorter than 128 characters; room is left for :func:`attempt_id`.

    :return: the id.
    """
    digest = _digest(dag_id, run_id, task_id, map_index)
    words = re.sub(r"[^a-z0-9]+", "-", f"{dag_id}-{run_id}".lower()).strip("-")
    if not re.match(r"[a-z]", words):
        words = f"run-{words}"
    readable = words[: LONGEST_FIRST_ID - _DIGEST_LENGTH - 1].strip("-")
    return f"{readable}-{digest}"


def job_id_of_task(ti: RuntimeTaskInstanceProtocol, task_id: str) -> str:
    """
    Build the pipeline job id of a task of a run.

    :param ti: a task instance of the same run and with the same map index.
    :param task_id: ID of the task that runs the job.
    :return: the id.
    """
    return pipeline_job_id(dag_id=ti.dag_id, run_id=ti.run_id, task_id=task_id, map_index=ti.map_index)


def run_label(ti: RuntimeTaskInstanceProtocol) -> str:
    """
    Return the value of the label ``airflow_run`` of every pipeline job of a DAG run.

    :param ti: a task instance of the run.
    :return: the value.
    """
    return run_label_of(ti.dag_id, ti.run_id)


def run_label_of(dag_id: str, run_id: str) -> str:
    """
    Return the value of the label ``airflow_run`` without a task instance of the run.

    :param dag_id: ID of the DAG of the run.
    :param run_id: ID of the run.
    :return: the value.
    """
    return _digest(dag_id, run_id)


def task_label(ti: RuntimeTaskInstanceProtocol, task_id: str) -> str:
    """
    Return the value of a label that identifies a task instance, whatever its try.

    :param ti: a task instance of the same run and with the same map index.
    :param task_id: ID of the task.
    :return: the value.
    """
    return _digest(ti.dag_id, ti.run_id, task_id, ti.map_index)


def attempt_id(job_id: str, attempt: int) -> str:
    """
    Build the id of the n-th job of a task instance.

    :param job_id: id of the first one.
    :param attempt: 1 for the first one.
    :return: the id.
    """
    return job_id if attempt == 1 else f"{job_id}-{attempt}"


def attempt_number(job_id: str, first_id: str) -> int | None:
    """
    Read the number of an attempt from the id of its job.

    :param job_id: id of the job.
    :param first_id: id of the first attempt.
    :return: the number; None if it is no attempt of this task instance.
    """
    if job_id == first_id:
        return 1
    number = re.fullmatch(r"-([1-9][0-9]*)", job_id.removeprefix(first_id))
    return int(number[1]) if number and job_id == attempt_id(first_id, int(number[1])) else None


def list_attempts(
    hook: PipelineJobHook, *, project_id: str, region: str, first_id: str, run: str
) -> list[int]:
    """
    List the attempts of a task instance that exist; one that was deleted leaves a gap.

    :param hook: hook of the region.
    :param project_id: project of the jobs.
    :param region: region of the jobs.
    :param first_id: id of the first attempt.
    :param run: value of their label ``airflow_run``, see :func:`run_label`.
    :return: their numbers, in order.
    """
    jobs = hook.list_pipeline_jobs(
        project_id=project_id,
        region=region,
        filter=f'labels.{RUN_LABEL}="{run}"',
        retry=transient_retry(_LIST_RETRY_SECONDS),
        timeout=REQUEST_SECONDS,
    )
    numbers = (attempt_number(resource_id(job.name), first_id) for job in jobs)
    return sorted(number for number in numbers if number)


def differing_labels(job: PipelineJob, wanted: Mapping[str, str | None]) -> list[str]:
    """
    Return the labels in which a job differs.

    :param job: the job.
    :param wanted: values by key; one that is None or empty is not compared.
    :return: a phrase for each label that differs.
    """
    return [
        f"{key} {job.labels.get(key)}, not {value}"
        for key, value in wanted.items()
        if value and job.labels.get(key) != value
    ]


def label_filter(labels: Mapping[str, str], *conditions: str) -> str:
    """
    Build the filter of a list request for resources that have all these labels.

    :param labels: values by key.
    :param conditions: further conditions of the filter.
    :return: the filter.
    """
    return " AND ".join([*(f'labels.{key}="{value}"' for key, value in labels.items()), *conditions])


def resource_id(name: str) -> str:
    """Return the last part of a resource name: ``7`` for ``projects/1/locations/r/endpoints/7``."""
    return name.rpartition("/")[-1]


def _digest(*identity: str | int | None) -> str:
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:_DIGEST_LENGTH]
