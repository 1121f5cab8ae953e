"""The checks of a new pipeline job."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import CreatePipelineJobRequest, PipelineJob
from google.protobuf import json_format

from localcloud.errors import ApiError
from localcloud.storage.objects import ObjectStore
from localcloud.vertex.api.calls import now, unimplemented
from localcloud.vertex.pipelines.spec import PipelineSpec, parse

_JOB_ID = re.compile(r"[a-z][-a-z0-9]{0,127}")
_FOLDERS = {"", ".", ".."}
_NOT_SERVED = ("encryption_spec", "network", "reserved_ip_ranges", "psc_interface_config")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "STRING": lambda value: isinstance(value, str),
    "NUMBER_INTEGER": lambda value: _is_number(value) and float(value).is_integer(),
    "NUMBER_DOUBLE": _is_number,
    "BOOLEAN": lambda value: isinstance(value, bool),
    "LIST": lambda value: isinstance(value, list),
    "STRUCT": lambda value: isinstance(value, dict),
}


class Plan(NamedTuple):
    """
    A parsed pipeline job.

    :param spec: its pipeline.
    :param parameters: value of every parameter of the pipeline.
    :param root: ``gs://`` folder under which its outputs go.
    """

    spec: PipelineSpec
    parameters: dict[str, Any]
    root: str


def plan(job: PipelineJob) -> Plan:
    """
    Parse a job.

    :param job: the job, as its client sent it or as it was kept.
    :raises google.api_core.exceptions.InvalidArgument: it is malformed.
    :raises google.api_core.exceptions.MethodNotImplemented: it uses a feature that localcloud does not have.
    """
    message = PipelineJob.pb(job)
    for name in _NOT_SERVED:
        if name in job and getattr(job, name):
            raise unimplemented(f"PipelineJob.{name}")
    if not message.pipeline_spec.fields:
        raise unimplemented("a PipelineJob without a pipeline_spec (templates are not fetched)")
    config = message.runtime_config
    if config.parameters or config.input_artifacts:
        raise unimplemented("runtime_config.parameters or input_artifacts; use parameter_values")
    if not config.gcs_output_directory.startswith("gs://"):
        raise exceptions.InvalidArgument(
            f"runtime_config.gcs_output_directory must be a gs:// path, not {config.gcs_output_directory!r}."
        )
    # the folder is also a path below the mount that stands for /gcs
    if not _FOLDERS.isdisjoint(config.gcs_output_directory.removeprefix("gs://").rstrip("/").split("/")):
        raise exceptions.InvalidArgument(
            "runtime_config.gcs_output_directory must have no empty, '.' or '..' part, unlike"
            f" {config.gcs_output_directory!r}."
        )
    spec = parse(json_format.MessageToDict(message.pipeline_spec))
    values = {key: json_format.MessageToDict(value) for key, value in config.parameter_values.items()}
    return Plan(spec, _parameters(spec, values), config.gcs_output_directory.rstrip("/"))


def job_id(request: CreatePipelineJobRequest, spec: PipelineSpec) -> str:
    """
    Return the id that a new job gets.

    :param request: names it, or leaves it empty.
    :param spec: its pipeline.
    :raises google.api_core.exceptions.InvalidArgument: the id has other characters or is too long.
    """
    name = request.pipeline_job_id or f"{spec.name}-{now():%Y%m%d%H%M%S%f}"
    if not _JOB_ID.fullmatch(name):
        raise exceptions.InvalidArgument(
            f"Invalid pipeline_job_id {name!r}: it must match {_JOB_ID.pattern}."
        )
    return name


def check_bucket(root: str, objects: ObjectStore) -> None:
    """
    Check that the bucket of the outputs exists.

    :param root: ``gs://`` folder.
    :param objects: the buckets.
    :raises google.api_core.exceptions.InvalidArgument: its bucket does not exist.
    """
    bucket = root.removeprefix("gs://").partition("/")[0]
    try:
        # a prefix that no object has: only the bucket is asked for
        objects.list(f"gs://{bucket}/\x7f")
    except ApiError as error:
        if error.code != 404:
            raise
        raise exceptions.InvalidArgument(
            f"runtime_config.gcs_output_directory: the bucket {bucket!r} does not exist."
        ) from error


def _parameters(spec: PipelineSpec, values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(values.keys() - spec.parameters.keys())
    if unknown:
        raise exceptions.InvalidArgument(
            f"runtime_config.parameter_values: pipeline {spec.name!r} has no parameter {unknown[0]!r}."
        )
    found = {}
    for name, definition in spec.parameters.items():
        value = values.get(name, definition.get("defaultValue"))
        if value is None:
            raise exceptions.InvalidArgument(
                f"runtime_config.parameter_values: parameter {name!r} is required and has no value."
            )
        kind = definition.get("parameterType", "")
        if kind not in _TYPES:
            raise unimplemented(f"parameterType {kind!r} (parameter {name})")
        if not _TYPES[kind](value):
            raise exceptions.InvalidArgument(
                f"runtime_config.parameter_values: parameter {name!r} must be {kind}, not {value!r}."
            )
        found[name] = value
    return found
