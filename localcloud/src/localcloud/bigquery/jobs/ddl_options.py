"""PARTITION BY, CLUSTER BY and OPTIONS of a CREATE statement, as the REST API writes them."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported

# Options that only describe, by their names in the REST API.
DESCRIPTIVE = ("description", "friendlyName")
_OPTIONS = {
    "description": "description",
    "friendly_name": "friendlyName",
    "require_partition_filter": "requirePartitionFilter",
}
_TRUNCATIONS = (exp.DateTrunc, exp.DatetimeTrunc, exp.TimestampTrunc)
_INGESTION = ("_PARTITIONDATE", "_PARTITIONTIME")


def read_options(statement: exp.Expr) -> dict[str, Any]:
    """
    Read what a CREATE statement says next to columns and query.

    Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#partition_expression

    :return: keys of a table's resource.
    :raises ApiError: 400 for another PARTITION BY than BigQuery has, 501 for what is not served.
    """
    read: dict[str, Any] = {}
    properties = statement.args.get("properties")
    for part in properties.expressions if properties else []:
        if isinstance(part, exp.PartitionedByProperty):
            read |= _partitions(part.this)
        elif isinstance(part, exp.ClusterProperty):
            read["clustering"] = {"fields": [column.name for column in part.expressions]}
        elif type(part) is exp.Property and part.name.lower() in _OPTIONS:
            read[_OPTIONS[part.name.lower()]] = _value(part.args["value"])
        else:
            kind = statement.args["kind"]
            raise unsupported(f"{part.sql('bigquery')} of CREATE {kind}")
    return read


def _partitions(by: exp.Expr) -> dict[str, Any]:
    if isinstance(by, exp.RangeBucket):
        series = by.expression
        if not isinstance(series, exp.GenerateSeries):
            raise failure("invalidQuery", f"PARTITION BY expects GENERATE_ARRAY: {by.sql('bigquery')}")
        span = {"start": series.args["start"], "end": series.args["end"], "interval": series.args.get("step")}
        bounds = {key: value.sql("bigquery") if value else "1" for key, value in span.items()}
        return {"rangePartitioning": {"field": by.this.name, "range": bounds}}
    unit = "DAY"
    if isinstance(by, _TRUNCATIONS):
        unit, by = by.args["unit"].name.upper(), by.this
    elif isinstance(by, exp.Date | exp.TsOrDsToDate):
        by = by.this
    if not isinstance(by, exp.Column | exp.Identifier):
        raise failure("invalidQuery", f"PARTITION BY expression is not supported: {by.sql('bigquery')}")
    field = {} if by.name.upper() in _INGESTION else {"field": by.name}
    return {"timePartitioning": {"type": unit, **field}}


def _value(node: exp.Expr) -> Any:
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal) and node.is_string:
        return node.this
    raise failure("invalidQuery", f"Invalid value of an option: {node.sql('bigquery')}")
