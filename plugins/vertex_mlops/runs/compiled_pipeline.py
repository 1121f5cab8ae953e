"""Compiled pipelines: the file that new runs use, jobs of it, and what a pipeline job was compiled with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from pydantic import ValidationError

from vertex_mlops.contract.config.problems import one_line
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.pipeline_states import SUCCEEDED
from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry
from vertex_mlops.contract.serving import ServingSpec
from vertex_mlops.exceptions import SpecError
from vertex_mlops.runs.pipeline_jobs import label_filter, resource_id

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook
    from google.cloud import aiplatform
    from google.cloud.aiplatform_v1.types import PipelineJob

Part = TypeVar("Part", DataContract, ServingSpec)

# the one key of a pointer
_POINTER = "spec"
_MOST_JOBS = 50
_JOB_NAME = re.compile(r"projects/([^/]+)/locations/([^/]+)/pipelineJobs/([^/]+)")


class CompiledPipeline(NamedTuple):
    """
    A compiled pipeline file.

    :param uri: ``gs://`` URI of the file itself.
    :param text: its content.
    """

    uri: str
    text: bytes


def read_compiled_pipeline(
    uri: str, gcp_conn_id: str, impersonation_chain: str | Sequence[str] | None
) -> CompiledPipeline:
    """
    Download a compiled pipeline file, or the one that a pointer names.

    A pointer is a JSON object with the one key ``spec``, the ``gs://`` URI of a compiled pipeline file. It
    lets a deployment switch new runs to another file in one step, without changing a file that runs use.

    :param uri: ``gs://bucket/object`` of the file, or of the pointer.
    :param gcp_conn_id: connection ID of Google Cloud.
    :param impersonation_chain: service accounts to impersonate.
    :raises SpecError: there is no such object, or the pointer names none.
    """
    text = _download(uri, uri, gcp_conn_id, impersonation_chain)
    target = _target(text)
    if target is None:
        return CompiledPipeline(uri, text)
    where = f"{target}, which {uri} names"
    return CompiledPipeline(target, _download(target, where, gcp_conn_id, impersonation_chain))


def build_pipeline_job(
    hook: PipelineJobHook,
    *,
    project_id: str,
    region: str,
    template_path: str,
    retry_seconds: float,
    **definition: Any,
) -> aiplatform.PipelineJob:
    """
    Build a pipeline job of a compiled pipeline file, without submitting it.

    :param hook: of the job.
    :param project_id: of the job.
    :param region: of the job.
    :param template_path: the file.
    :param retry_seconds: seconds for which reading the file is retried.
    :param definition: further arguments of ``PipelineJobHook.get_pipeline_job_object``.
    :raises SpecError: the file is not a compiled pipeline, or does not take these arguments.
    """
    from google.auth.exceptions import GoogleAuthError

    build = transient_retry(retry_seconds)(hook.get_pipeline_job_object)
    try:
        return build(template_path=template_path, project=project_id, location=region, **definition)
    except (GoogleAuthError, json.JSONDecodeError):
        # ValueErrors some of them, about the way to the file and not about its content
        raise
    except ValueError as error:
        raise SpecError(f"{template_path}: {' '.join(str(error).split())}") from error


def part_of_file(kind: type[Part], text: str | bytes, uri: str) -> Part:
    """
    Read what a compiled pipeline file says next to its ``pipelineSpec``.

    :param kind: what to read.
    :param text: content of the file.
    :param uri: where it came from, for the error message.
    :raises SpecError: the text is no JSON object with a valid value of its key.
    """
    try:
        value = json.loads(text)[kind.key]
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{uri}: not a compiled pipeline with a {kind.key}: {error}") from error
    return _validate(kind, value, uri)


def part_of_job(kind: type[Part], job: PipelineJob) -> Part:
    """
    Read what a pipeline job was compiled with.

    Vertex AI gives back the ``pipeline_spec`` of a job: ``PipelineJob.clone`` of Google's SDK, in
    https://github.com/googleapis/python-aiplatform/blob/main/google/cloud/aiplatform/pipeline_jobs.py, makes
    another job from it. What is next to the ``pipelineSpec`` in the compiled file is not part of a job, so
    the compiler also writes it into constant parameters of tasks.

    :param kind: what to read.
    :param job: as GetPipelineJob gives it.
    :raises SpecError: no task of the job has a constant parameter with a valid value.
    """
    text = _constant(job, kind.parameter)
    if text is None:
        raise SpecError(
            f"{job.name} contains no {kind.key}: no task has the constant parameter {kind.parameter};"
            " it was compiled by an older version of the pipeline: deploy, then trigger a new run with force"
        )
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SpecError(f"{job.name}: parameter {kind.parameter} is not JSON: {error}") from error
    return _validate(kind, value, job.name)


def read_pipeline_job(
    name: str, gcp_conn_id: str, impersonation_chain: str | Sequence[str] | None
) -> PipelineJob:
    """
    Read a pipeline job.

    :param name: its resource name.
    :param gcp_conn_id: connection ID of Google Cloud.
    :param impersonation_chain: service accounts to impersonate.
    :raises SpecError: there is no such job any more, or the name is none of a pipeline job.
    """
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook
    from google.api_core.exceptions import NotFound

    parts = _JOB_NAME.fullmatch(name)
    if not parts:
        raise SpecError(f"{name!r} is not a projects/PROJECT/locations/REGION/pipelineJobs/ID")
    project_id, region, job_id = parts.groups()
    hook = PipelineJobHook(gcp_conn_id=gcp_conn_id, impersonation_chain=impersonation_chain)
    try:
        return hook.get_pipeline_job(
            project_id=project_id,
            region=region,
            pipeline_job_id=job_id,
            retry=transient_retry(READ_RETRY_SECONDS),
            timeout=REQUEST_SECONDS,
        )
    except NotFound as error:
        raise SpecError(f"{name}: no such pipeline job: the settings of its model are unknown") from error


def served_names(
    hook: PipelineJobHook, *, project_id: str, region: str, labels: Mapping[str, str], **options: Any
) -> Iterator[str]:
    """
    Yield the names under which the models of a DAG's jobs are served, that of the newest job first.

    There is more than one after a deployment has changed the name. A job that carries none, or that somebody
    deletes meanwhile, is skipped.

    :param hook: asks Vertex AI.
    :param project_id: of the jobs.
    :param region: of the jobs.
    :param labels: of the jobs.
    :param options: of each request, in place of ``retry`` and ``timeout`` of every read.
    """
    from google.api_core.exceptions import NotFound

    options = {"retry": transient_retry(READ_RETRY_SECONDS), "timeout": REQUEST_SECONDS} | options
    jobs = hook.list_pipeline_jobs(
        project_id=project_id,
        region=region,
        filter=label_filter(labels, f'state="{SUCCEEDED}"'),
        order_by="create_time desc",
        **options,
    )
    seen = set()
    for listed in islice(jobs, _MOST_JOBS):
        try:
            # a list need not show the whole pipeline_spec
            job = hook.get_pipeline_job(
                project_id=project_id, region=region, pipeline_job_id=resource_id(listed.name), **options
            )
        except NotFound:
            # deleted since it was listed
            continue
        text = _constant(job, ServingSpec.parameter)
        name = json.loads(text)["name"] if text else None
        if name and name not in seen:
            seen.add(name)
            yield name


def _download(
    uri: str, where: str, gcp_conn_id: str, impersonation_chain: str | Sequence[str] | None
) -> bytes:
    from airflow.providers.google.cloud.hooks.gcs import GCSHook
    from google.api_core.exceptions import NotFound

    bucket, _, name = uri.removeprefix("gs://").partition("/")
    hook = GCSHook(gcp_conn_id=gcp_conn_id, impersonation_chain=impersonation_chain)
    try:
        content: Any = hook.download(bucket_name=bucket, object_name=name)
    except NotFound as error:
        raise SpecError(f"{where}: no such object; compile the pipeline and upload it first") from error
    return bytes(content)


def _target(text: bytes) -> str | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return str(content[_POINTER]) if isinstance(content, dict) and set(content) == {_POINTER} else None


def _constant(job: PipelineJob, parameter: str) -> str | None:
    from google.protobuf import json_format

    spec = json_format.MessageToDict(type(job).pb(job).pipeline_spec)
    for task in spec.get("root", {}).get("dag", {}).get("tasks", {}).values():
        value = task.get("inputs", {}).get("parameters", {}).get(parameter, {})
        if constant := value.get("runtimeValue", {}).get("constant"):
            return str(constant)
    return None


def _validate(kind: type[Part], value: Any, where: str) -> Part:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise SpecError(f"{where}: {one_line(error, kind, kind.key)}") from error
