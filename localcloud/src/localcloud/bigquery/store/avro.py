"""Rows in Avro: the schema of columns, and values as its writer takes them."""

from __future__ import annotations

from typing import Any

from localcloud.bigquery.store.types import RECORD, Field

# Source: https://cloud.google.com/bigquery/docs/exporting-data#avro_export_details and
# https://cloud.google.com/bigquery/docs/reference/storage#avro_schema_details
_TYPES: dict[str, Any] = {
    "INTEGER": "long",
    "FLOAT": "double",
    "BOOLEAN": "boolean",
    "STRING": "string",
    "BYTES": "bytes",
    "TIMESTAMP": {"type": "long", "logicalType": "timestamp-micros"},
    "DATE": {"type": "int", "logicalType": "date"},
    "TIME": {"type": "long", "logicalType": "time-micros"},
    "DATETIME": {"type": "string", "logicalType": "datetime"},
    "NUMERIC": {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": 9},
}


def avro_record(fields: list[Field], name: str) -> dict[str, Any]:
    """
    Return the schema of a row.

    :param name: of the record; those of the RECORD columns in it begin with it.
    """
    columns = [
        {"name": field["name"], "type": _type(field, f"{name}_{index}")} for index, field in enumerate(fields)
    ]
    return {"type": "record", "name": name, "fields": columns}


def avro_row(row: dict[str, Any], fields: list[Field]) -> dict[str, Any]:
    """
    Return a row as Avro's writer takes it.

    :param row: values by column, as Arrow gives them.
    """
    return {field["name"]: _value(row[field["name"]], field) for field in fields}


def _type(field: Field, name: str) -> Any:
    kind = avro_record(field["fields"], name) if field["type"] == RECORD else _TYPES[field["type"]]
    if field["mode"] == "REPEATED":
        return {"type": "array", "items": kind}
    return kind if field["mode"] == "REQUIRED" else ["null", kind]


def _value(value: Any, field: Field) -> Any:
    if field["mode"] == "REPEATED":
        return [_scalar(part, field) for part in value or []]
    return None if value is None else _scalar(value, field)


def _scalar(value: Any, field: Field) -> Any:
    if field["type"] == RECORD:
        return avro_row(value, field["fields"])
    return value.isoformat() if field["type"] == "DATETIME" else value
