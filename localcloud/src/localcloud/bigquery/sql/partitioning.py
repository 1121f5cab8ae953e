"""How a table is laid out: partitions, clusters, and whether queries must name partitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.store.types import Field

LAYOUT = ("timePartitioning", "rangePartitioning", "clustering", "requirePartitionFilter")
_TIME_UNITS = ("DAY", "HOUR", "MONTH", "YEAR")
_TIME_TYPES = ("DATE", "TIMESTAMP", "DATETIME")
# Source: https://cloud.google.com/bigquery/docs/clustered-tables#limitations
_UNCLUSTERED_TYPES = ("FLOAT", "BYTES", "TIME", "RECORD")
_MOST_CLUSTER_COLUMNS = 4


def read_layout(body: Mapping[str, Any], fields: list[Field]) -> dict[str, Any]:
    """
    Read how a table or the destination of a job is laid out.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table and
    https://cloud.google.com/bigquery/docs/partitioned-tables

    :param body: a table's resource, or the configuration of a load or query job.
    :param fields: the columns of the table.
    :return: those of ``LAYOUT`` that are set.
    :raises ApiError: 400 for columns that cannot be partitioned or clustered by, 501 for an expiration.
    """
    columns = {field["name"].lower(): field for field in fields}
    time, numbers = body.get("timePartitioning") or {}, body.get("rangePartitioning") or {}
    layout: dict[str, Any] = {}
    if time and numbers:
        raise failure("invalid", "Only one of timePartitioning and rangePartitioning may be set")
    if time:
        layout["timePartitioning"] = _time(time, columns)
    if numbers:
        layout["rangePartitioning"] = _range(numbers, columns)
    clusters = (body.get("clustering") or {}).get("fields") or []
    if clusters:
        layout["clustering"] = {"fields": _clusters(clusters, columns)}
    if body.get("requirePartitionFilter") or time.get("requirePartitionFilter"):
        if not (time or numbers):
            raise failure("invalid", "requirePartitionFilter can only be set on partitioned tables")
        layout["requirePartitionFilter"] = True
    return layout


def check_same_partitions(present: Mapping[str, Any], wanted: Mapping[str, Any], problem: str) -> None:
    """
    Refuse to partition a table that exists in another way.

    :param present: what its owner has set.
    :param wanted: as :func:`read_layout` gives it.
    :param problem: what the message says first.
    :raises ApiError: 400 that names both ways.
    """
    have, want = _words(present), _words(wanted)
    if have != want:
        message = f"{problem}. Expected partitioning specification {have}, but input is {want}"
        raise failure("invalid", message)


def partition_columns(layout: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns by which queries can leave out partitions."""
    if "rangePartitioning" in layout:
        return [layout["rangePartitioning"]["field"]]
    time = layout.get("timePartitioning")
    if time is None:
        return []
    return [time["field"]] if "field" in time else ["_PARTITION_LOAD_TIME", *pseudo_columns(layout)]


def pseudo_columns(layout: Mapping[str, Any]) -> dict[str, str]:
    """
    Return the columns that a table has but does not list, with their types: those of ingestion time.

    Source: https://cloud.google.com/bigquery/docs/querying-partitioned-tables#query_an_ingestion-time_partitioned_table
    """
    time = layout.get("timePartitioning")
    if time is None or "field" in time:
        return {}
    # a table partitioned by hour, month or year has no _PARTITIONDATE
    days = {"_PARTITIONDATE": "DATE"} if time["type"] == "DAY" else {}
    return days | {"_PARTITIONTIME": "TIMESTAMP"}


def _time(given: Mapping[str, Any], columns: Mapping[str, Field]) -> dict[str, Any]:
    unit = str(given.get("type", "DAY")).upper()
    if unit not in _TIME_UNITS:
        raise failure("invalid", f"Invalid value for timePartitioning.type: {unit}")
    if str(given.get("expirationMs") or "0") != "0":
        raise unsupported("expirationMs of a timePartitioning")
    if not given.get("field"):
        return {"type": unit}
    column = _partition_column(given["field"], columns)
    if column["type"] not in _TIME_TYPES:
        message = (
            "The field specified for time partitioning can only be of type TIMESTAMP, DATE or DATETIME. "
            f"The type found is: {column['type']}."
        )
        raise failure("invalid", message)
    if (column["type"], unit) == ("DATE", "HOUR"):
        raise failure("invalid", "A DATE column cannot be partitioned by HOUR")
    return {"type": unit, "field": column["name"]}


def _range(given: Mapping[str, Any], columns: Mapping[str, Field]) -> dict[str, Any]:
    column = _partition_column(given.get("field", ""), columns)
    if column["type"] != "INTEGER":
        message = (
            "The field specified for range partitioning can only be of type INTEGER. "
            f"The type found is: {column['type']}."
        )
        raise failure("invalid", message)
    bounds = given.get("range") or {}
    try:
        start, end, interval = (int(bounds[key]) for key in ("start", "end", "interval"))
    except (KeyError, ValueError) as error:
        raise failure("invalid", "rangePartitioning.range needs start, end and interval") from error
    if interval <= 0 or start >= end:
        raise failure("invalid", f"Invalid range partitioning: [{start}, {end}) by {interval}")
    span = {"start": str(start), "end": str(end), "interval": str(interval)}
    return {"field": column["name"], "range": span}


def _partition_column(name: str, columns: Mapping[str, Field]) -> Field:
    column = columns.get(name.lower())
    if column is None:
        raise failure(
            "invalid", f"The field specified for partitioning cannot be found in the schema: {name}"
        )
    if column["mode"] == "REPEATED":
        raise failure("invalid", f"The field specified for partitioning cannot be repeated: {name}")
    return column


def _clusters(names: list[str], columns: Mapping[str, Field]) -> list[str]:
    if len(names) > _MOST_CLUSTER_COLUMNS:
        raise failure("invalid", f"At most {_MOST_CLUSTER_COLUMNS} columns may be specified for clustering")
    found = []
    for name in names:
        column = columns.get(name.lower())
        if column is None:
            raise failure(
                "invalid", f"The field specified for clustering cannot be found in the schema: {name}"
            )
        if column["mode"] == "REPEATED" or column["type"] in _UNCLUSTERED_TYPES:
            raise failure(
                "invalid", f"{name} has type {column['type']}, which is not supported for clustering"
            )
        found.append(column["name"])
    return found


def _words(layout: Mapping[str, Any]) -> str:
    if time := layout.get("timePartitioning"):
        return f"interval(type:{time['type']},field:{time.get('field', '')})"
    if numbers := layout.get("rangePartitioning"):
        span = numbers["range"]
        bounds = f"start:{span['start']},end:{span['end']},interval:{span['interval']}"
        return f"range(field:{numbers['field']},{bounds})"
    return "none"
