"""Column types: their names in BigQuery, in DuckDB and in Arrow, and the rules of a schema."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from localcloud.bigquery.errors import failure, unsupported

Field = dict[str, Any]


class ColumnType(NamedTuple):
    """One type; ``size`` is the SQL of a value's bytes as BigQuery bills them, ``{}`` being the column."""

    name: str
    duckdb: str
    arrow: pa.DataType
    size: str


# Legacy names as keys: tables.get answers with these, and Beam knows no others.
# Source of the sizes: https://cloud.google.com/bigquery/pricing#data
TYPES = {
    "INTEGER": ColumnType("INT64", "BIGINT", pa.int64(), "8"),
    "FLOAT": ColumnType("FLOAT64", "DOUBLE", pa.float64(), "8"),
    "BOOLEAN": ColumnType("BOOL", "BOOLEAN", pa.bool_(), "1"),
    "STRING": ColumnType("STRING", "VARCHAR", pa.string(), "2 + strlen({})"),
    "BYTES": ColumnType("BYTES", "BLOB", pa.binary(), "2 + octet_length({})"),
    "TIMESTAMP": ColumnType("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", pa.timestamp("us", tz="UTC"), "8"),
    "DATETIME": ColumnType("DATETIME", "TIMESTAMP", pa.timestamp("us"), "8"),
    "DATE": ColumnType("DATE", "DATE", pa.date32(), "8"),
    "TIME": ColumnType("TIME", "TIME", pa.time64("us"), "8"),
    "NUMERIC": ColumnType("NUMERIC", "DECIMAL(38,9)", pa.decimal128(38, 9), "16"),
}
RECORD = "RECORD"
_LEGACY_NAMES = {
    **{"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "DECIMAL": "NUMERIC", "STRUCT": RECORD},
}
# Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema.FIELDS.type
_NOT_SERVED = {"BIGDECIMAL", "BIGNUMERIC", "FOREIGN", "GEOGRAPHY", "INTERVAL", "JSON", "RANGE"}
_FROM_DUCKDB = {
    **{column.duckdb: name for name, column in TYPES.items()},
    **dict.fromkeys(
        ["TINYINT", "SMALLINT", "INTEGER", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"],
        "INTEGER",
    ),
    "FLOAT": "FLOAT",
    '"NULL"': "INTEGER",
}
_NAME = re.compile(r"[\w&%=+:'<>#| -]{1,300}")
_RESERVED_PREFIXES = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")
_KNOWN_KEYS = {"name", "type", "mode", "description", "fields", "policyTags"}


def legacy_name(type_name: str) -> str:
    """
    Return a type's legacy name.

    :param type_name: any of the type's names, in any case.
    :raises ApiError: 400 if BigQuery has no such type, 501 if localcloud has not.
    """
    name = _LEGACY_NAMES.get(type_name.upper(), type_name.upper())
    if name in _NOT_SERVED:
        raise unsupported(f"the type {type_name}")
    if name not in TYPES and name != RECORD:
        # without "type" in https://github.com/googleapis/nodejs-bigquery/issues/77
        raise failure("invalid", f"Invalid value for type: {type_name} is not a valid value")
    return name


def from_duckdb(type_name: str, column: str) -> Field:
    """
    Return the field that a DuckDB expression makes.

    :param type_name: as DuckDB's DESCRIBE prints it.
    :param column: the column, for the field's name and for the error.
    :raises ApiError: 501 for structs and whatever else has no column type here.
    """
    scalar = type_name.removesuffix("[]")
    mode = "NULLABLE" if scalar == type_name else "REPEATED"
    if scalar.startswith("STRUCT"):
        return {"name": column, "type": RECORD, "mode": mode, "fields": _struct_fields(scalar, column)}
    name = "NUMERIC" if scalar.startswith("DECIMAL") else _FROM_DUCKDB.get(scalar)
    if name is None:
        raise unsupported(f"a result column of type {type_name} ({column})")
    return {"name": column, "type": name, "mode": mode}


def _struct_fields(type_name: str, column: str) -> list[Field]:
    if "[][]" in type_name:
        raise failure("invalidQuery", f"Cannot construct array with element type ARRAY ({column})")
    children = [(str(name), str(kind)) for name, kind in duckdb.type(type_name).children]
    return [from_duckdb(kind, name or f"_field_{i}") for i, (name, kind) in enumerate(children, start=1)]


def googlesql_type(field: Field) -> str:
    """Return the type of a field as GoogleSQL writes it, such as ``ARRAY<STRUCT<a INT64>>``."""
    if field["type"] == RECORD:
        inner = ", ".join(f"{part['name']} {googlesql_type(part)}" for part in field["fields"])
        name = f"STRUCT<{inner}>"
    else:
        name = TYPES[field["type"]].name
    return f"ARRAY<{name}>" if field["mode"] == "REPEATED" else name


def duckdb_type(field: Field) -> str:
    """Return the type of a field's column in DuckDB."""
    if field["type"] == RECORD:
        inner = ", ".join(f"{quote(part['name'])} {duckdb_type(part)}" for part in field["fields"])
        name = f"STRUCT({inner})"
    else:
        name = TYPES[field["type"]].duckdb
    return name + ("[]" if field["mode"] == "REPEATED" else "")


def size_of(field: Field) -> str:
    """Return the SQL of the bytes of a field's value as BigQuery bills them; arrays cost what is in them."""
    return _size(field, quote(field["name"]), 0)


def _size(field: Field, value: str, depth: int) -> str:
    if field["mode"] == "REPEATED":
        part = f"v{depth}"
        single = _size({**field, "mode": "NULLABLE"}, part, depth + 1)
        return f"list_sum(list_transform({value}, lambda {part}: {single}))"
    if field["type"] != RECORD:
        return TYPES[field["type"]].size.format(value)
    parts = (_size(part, f"{value}.{quote(part['name'])}", depth) for part in field["fields"])
    return "(0" + "".join(f" + coalesce({part}, 0)" for part in parts) + ")"


def normalise_schema(fields: list[Field]) -> list[Field]:
    """
    Check a schema and give every field its legacy type name and its mode.

    :param fields: ``schema.fields`` as a client sent it.
    :raises ApiError: 400 for a bad or repeated name, 501 for what localcloud cannot store.
    """
    seen: set[str] = set()
    normal = []
    for field in fields:
        normal.append(_normalise_field(field))
        lowered = field["name"].lower()
        if lowered in seen:
            raise failure("invalid", f"Field {field['name']} already exists in schema")
        seen.add(lowered)
    return normal


def _normalise_field(field: Field) -> Field:
    name = field.get("name", "")
    if not _NAME.fullmatch(name) or name.upper().startswith(_RESERVED_PREFIXES):
        raise failure("invalid", f'Invalid field name "{name}".')
    if "type" not in field:
        raise failure("required", f"Field {name} is missing its type")
    mode = (field.get("mode") or "NULLABLE").upper()
    if mode not in ("NULLABLE", "REQUIRED", "REPEATED"):
        raise failure("invalid", f"Field {name} has the invalid mode {mode}")
    unknown = {key for key, value in field.items() if value} - _KNOWN_KEYS
    if unknown or (field.get("policyTags") or {}).get("names"):
        raise unsupported(f"{', '.join(sorted(unknown)) or 'policyTags'} of a column ({name})")
    normal = {"name": name, "type": legacy_name(field["type"]), "mode": mode}
    if normal["type"] == RECORD:
        normal["fields"] = _nested(field)
    if field.get("description"):
        normal["description"] = field["description"]
    return normal


def _nested(field: Field) -> list[Field]:
    if not field.get("fields"):
        raise failure("invalid", f"Field {field['name']} is type RECORD but has no schema")
    fields = normalise_schema(field["fields"])
    if any(part["mode"] == "REQUIRED" for part in fields):
        raise unsupported(f"REQUIRED fields of a RECORD ({field['name']})")
    return fields


def demand_flat(fields: list[Field], what: str) -> None:
    """
    Refuse RECORD columns where they are not served.

    :param what: what does not take them, by the name its user knows.
    :raises ApiError: 501 that names the column.
    """
    for field in fields:
        if field["type"] == RECORD:
            raise unsupported(f"RECORD columns in {what} ({field['name']})")


def check_evolution(name: str, present: list[Field], fields: list[Field]) -> None:
    """
    Refuse a new schema that is more than an addition.

    :param name: the table, as its user knows it.
    :param present: its columns.
    :param fields: the columns that it is to have.
    :raises ApiError: 400 that names the column.
    """
    new = {field["name"].lower(): field for field in fields}
    problem = None
    for old in present:
        field = new.pop(old["name"].lower(), None)
        if field is None:
            problem = f"Field {old['name']} is missing in new schema"
        elif field["type"] != old["type"]:
            problem = f"Field {old['name']} has changed type from {old['type']} to {field['type']}"
        elif field["type"] == RECORD and googlesql_type(field) != googlesql_type(old):
            raise unsupported(f"a change of the fields of a RECORD column ({field['name']})")
        elif field["mode"] != old["mode"] and "REPEATED" in (field["mode"], old["mode"]):
            problem = f"Field {old['name']} has changed mode from {old['mode']} to {field['mode']}"
        elif field["mode"] == "REQUIRED" != old["mode"]:
            problem = f"Field {old['name']} has changed mode from NULLABLE to REQUIRED"
    for field in new.values():
        if field["mode"] == "REQUIRED":
            problem = f"Cannot add required fields to an existing schema. (field: {field['name']})"
    if problem:
        raise failure("invalid", f"Provided Schema does not match Table {name}. {problem}")


def quote(name: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def arrow_schema(fields: list[Field]) -> pa.Schema:
    """Return the Arrow schema of a table's columns."""
    return pa.schema([(field["name"], _arrow_type(field)) for field in fields])


def _arrow_type(field: Field) -> pa.DataType:
    if field["type"] == RECORD:
        scalar: pa.DataType = pa.struct([(part["name"], _arrow_type(part)) for part in field["fields"]])
    else:
        scalar = TYPES[field["type"]].arrow
    return pa.list_(scalar) if field["mode"] == "REPEATED" else scalar
