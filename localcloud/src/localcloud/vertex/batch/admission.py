"""The checks of a new batch prediction job; its tables are read when it runs."""

from __future__ import annotations

import re
from typing import NamedTuple

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.config import Settings
from localcloud.vertex.api.calls import unimplemented
from localcloud.vertex.endpoints.containers import check_served
from localcloud.vertex.models.registry import ModelRegistry
from localcloud.vertex.resources.names import canonical, location_of
from localcloud.vertex.resources.rules import (
    check_display_name,
    check_labels,
    check_machine,
    refuse_set,
)

_FORMAT = "bigquery"
# the proto of Model, supported_input_storage_formats and supported_output_storage_formats
_INPUT_FORMATS = ("jsonl", "csv", "tf-record", "tf-record-gzip", _FORMAT, "file-list")
_OUTPUT_FORMATS = ("jsonl", "csv", _FORMAT)
_INSTANCE_TYPES = ("", "array", "object")
_NOT_SERVED = (
    "unmanaged_container_model",
    "model_parameters",
    "generate_explanation",
    "explanation_spec",
    "encryption_spec",
)
_MODEL = re.compile(r"projects/[^/]+/locations/[^/]+/models/[^/]+")
_URI = re.compile(r"bq://(?P<project>[^./]+)(\.(?P<dataset>\w+)(\.(?P<table>[^./]+))?)?")


class TableName(NamedTuple):
    """What a ``bq://`` URI names; the table, or dataset and table, may be missing."""

    dataset: str
    table: str


def admit(job: v1.BatchPredictionJob, parent: str, settings: Settings, registry: ModelRegistry) -> v1.Model:
    """
    Check a new job against the rules of the API, and find its model.

    Source: https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions, the proto of
    BatchPredictionJob

    :param job: what the caller sent.
    :param parent: location of the job.
    :return: the version that the job's model names.
    :raises google.api_core.exceptions.GoogleAPICallError: it is not accepted; the message names the field.
    """
    check_display_name(job.display_name, "batch_prediction_job.display_name")
    check_labels(job.labels)
    refuse_set(job, *_NOT_SERVED)
    model = _model(job.model, parent, settings, registry)
    _check_input(job.input_config, model, settings)
    _check_output(job.output_config, model, settings)
    _check_instances(job.instance_config)
    _check_resources(job)
    return model


def table_name(uri: str, field: str, settings: Settings) -> TableName:
    """
    Read a ``bq://`` URI.

    :param uri: the URI.
    :param field: where it stands in the request.
    :raises google.api_core.exceptions.InvalidArgument: it is none.
    :raises google.api_core.exceptions.PermissionDenied: it names another project.
    """
    found = _URI.fullmatch(uri)
    if not found:
        raise exceptions.InvalidArgument(f"{field} {uri!r} is not bq://PROJECT.DATASET.TABLE.")
    canonical(f"projects/{found['project']}", settings)
    return TableName(found["dataset"] or "", found["table"] or "")


def _model(name: str, parent: str, settings: Settings, registry: ModelRegistry) -> v1.Model:
    if not name:
        raise exceptions.InvalidArgument("batch_prediction_job.model is required.")
    if "publishers/" in name:
        raise unimplemented("models of publishers in batch prediction")
    if not _MODEL.fullmatch(name):
        raise exceptions.InvalidArgument(f"Invalid resource name in batch_prediction_job.model: {name!r}.")
    name = canonical(name, settings)
    if location_of(name) != parent:
        raise exceptions.InvalidArgument(
            f"batch_prediction_job.model {name} and the job must be in the same location, {parent}."
        )
    model = registry.resolve(name)
    check_served(model.container_spec)
    return model


def _check_format(kind: str, given: str, known: tuple[str, ...], model: v1.Model) -> None:
    """Check the format; source of the message: https://github.com/googleapis/python-aiplatform/issues/467"""
    if given not in known:
        raise exceptions.InvalidArgument(
            f'{kind} format "{given}" is not supported for Model {model.name}.'
            f" Supported values are: [{', '.join(known)}]."
        )
    if given != _FORMAT:
        raise unimplemented(f"the {kind.lower()} format {given} of batch prediction, but {_FORMAT} alone")


def _check_input(config: v1.BatchPredictionJob.InputConfig, model: v1.Model, settings: Settings) -> None:
    _check_format("Instance", config.instances_format, _INPUT_FORMATS, model)
    if "bigquery_source" not in config:
        raise exceptions.InvalidArgument(
            f"input_config.bigquery_source is required for the instances format {_FORMAT}."
        )
    field = "input_config.bigquery_source.input_uri"
    uri = config.bigquery_source.input_uri
    if not table_name(uri, field, settings).table:
        raise exceptions.InvalidArgument(f"{field} {uri!r} is not bq://PROJECT.DATASET.TABLE.")


def _check_output(config: v1.BatchPredictionJob.OutputConfig, model: v1.Model, settings: Settings) -> None:
    _check_format("Prediction", config.predictions_format, _OUTPUT_FORMATS, model)
    if "bigquery_destination" not in config:
        raise exceptions.InvalidArgument(
            f"output_config.bigquery_destination is required for the predictions format {_FORMAT}."
        )
    table_name(
        config.bigquery_destination.output_uri, "output_config.bigquery_destination.output_uri", settings
    )


def _check_instances(config: v1.BatchPredictionJob.InstanceConfig) -> None:
    if config.instance_type not in _INSTANCE_TYPES:
        raise exceptions.InvalidArgument(
            f"instance_config.instance_type must be array or object, got {config.instance_type!r}."
        )
    if config.included_fields and config.excluded_fields:
        raise exceptions.InvalidArgument(
            "instance_config.included_fields and excluded_fields cannot both be set."
        )
    # https://github.com/googleapis/python-aiplatform/issues/4514
    if config.key_field:
        raise exceptions.InvalidArgument(f'"{_FORMAT}" output format does not support key_field.')


def _check_resources(job: v1.BatchPredictionJob) -> None:
    if "dedicated_resources" not in job:
        raise exceptions.InvalidArgument(
            "batch_prediction_job.dedicated_resources is required:"
            " a custom-trained model supports no automatic resources."
        )
    resources = job.dedicated_resources
    check_machine(resources.machine_spec)
    for name, value in (
        ("dedicated_resources.starting_replica_count", resources.starting_replica_count),
        ("dedicated_resources.max_replica_count", resources.max_replica_count),
        ("manual_batch_tuning_parameters.batch_size", job.manual_batch_tuning_parameters.batch_size),
    ):
        if value < 0:
            raise exceptions.InvalidArgument(f"{name} must not be negative: {value}.")
