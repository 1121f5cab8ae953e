"""The rows that a batch prediction job reads, as instances and as it writes them back."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.bigquery.api.client import InProcessClient
from localcloud.bigquery.store.types import Field
from localcloud.vertex.api.calls import unimplemented
from localcloud.vertex.batch.admission import TableName

PREDICTION = "prediction"
ERRORS = "errors"
_MULTI_REGIONS = {"US": "us-", "EU": "europe-"}
# https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions, section BigQuery
_TO_JSON: dict[str, Callable[[str], Any]] = {
    "STRING": str,
    "INTEGER": int,
    "FLOAT": float,
    "NUMERIC": float,
    "BOOLEAN": "true".__eq__,
    "TIMESTAMP": lambda value: re.sub(r"(.+)T(.+)Z", r"\1 \2+00:00", value),
    "DATE": str,
    "TIME": str,
    "DATETIME": str,
}
Row = dict[str, Any]


class Source(NamedTuple):
    """
    A table that was read.

    :param fields: its columns.
    :param rows: its rows, as ``insertAll`` takes them.
    """

    fields: list[Field]
    rows: list[Row]


def read_source(bigquery: InProcessClient, name: TableName) -> Source:
    """
    Read a whole table.

    :raises ApiError: it does not exist, or is a view.
    :raises google.api_core.exceptions.MethodNotImplemented: it has a column of the output's name.
    """
    fields, rows = bigquery.read(name.dataset, name.table, timestamps="ISO8601_STRING")
    for field in fields:
        if field["name"].lower() in (PREDICTION, ERRORS):
            raise unimplemented(f"batch prediction for a table with a column {field['name']}")
    return Source(
        fields,
        [
            {field["name"]: _content(cell["v"]) for field, cell in zip(fields, row, strict=True)}
            for row in rows
        ],
    )


def chosen_fields(source: Source, config: v1.BatchPredictionJob.InstanceConfig) -> list[Field]:
    """
    Return the columns that are sent to the model, in the order of an array.

    :raises google.api_core.exceptions.InvalidArgument: the table lacks one that is named.
    :raises google.api_core.exceptions.MethodNotImplemented: no JSON is documented for a column's type.
    """
    by_name = {field["name"]: field for field in source.fields}
    for name in (*config.included_fields, *config.excluded_fields):
        if name not in by_name:
            raise exceptions.InvalidArgument(
                f"instance_config names the field {name}, which the table lacks."
            )
    names = config.included_fields or [name for name in by_name if name not in config.excluded_fields]
    for name in names:
        if by_name[name]["type"] not in _TO_JSON:
            raise unimplemented(
                f"batch prediction with the column {name} of type {by_name[name]['type']}: exclude it"
            )
    return [by_name[name] for name in names]


def instances_of(rows: Sequence[Row], fields: Sequence[Field], *, as_objects: bool) -> list[Any]:
    """
    Create the instances of a request.

    :param rows: rows of a source.
    :param fields: what of them is sent.
    :param as_objects: whether each instance is an object, else it is an array.
    """
    made = [{field["name"]: _to_json(row[field["name"]], field) for field in fields} for row in rows]
    return made if as_objects else [list(instance.values()) for instance in made]


def check_location(bigquery: InProcessClient, dataset: str, region: str) -> None:
    """
    Check that a dataset is in the region of the job, or in the multi-region around it.

    Source: https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions, "Limitations"

    :raises ApiError: there is no such dataset.
    :raises google.api_core.exceptions.FailedPrecondition: it is elsewhere.
    """
    location = bigquery.location(dataset)
    if location != region and not region.startswith(_MULTI_REGIONS.get(location, region + " ")):
        raise exceptions.FailedPrecondition(
            f"Dataset {dataset} is in {location}: it must be in the region of the model, {region},"
            " or in its multi-region."
        )


def _content(value: Any) -> Any:
    return [part["v"] for part in value] if isinstance(value, list) else value


def _to_json(value: Any, field: Field) -> Any:
    read = _TO_JSON[field["type"]]
    if isinstance(value, list):
        return [read(part) for part in value]
    return None if value is None else read(value)
