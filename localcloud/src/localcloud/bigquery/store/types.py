"""Column types: their names in BigQuery, in DuckDB and in Arrow, and the rules of a schema."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pyarrow as pa

from localcloud.bigquery.failures import failure, unsupported

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
_LEGACY_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "DECIMAL": "NUMERIC"}
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
    :raises ApiError: 501 if localcloud has no such type.
    """
    name = _LEGACY_NAMES.get(type_name.upper(), type_name.upper())
    if name not in TYPES:
        raise unsupported(f"the type {type_name}")
    return name


def from_duckdb(type_name: str, column: str) -> Field:
    """
    Return the field that a DuckDB expression makes.

    :param type_name: as DuckDB's DESCRIBE prints it.
    :param column: the column, for the field's name and for the error.
    :raises ApiError: 501 for structs and whatever else has no column type here.
    """
    scalar = type_name.removesuffix("[]")
    name = "NUMERIC" if scalar.startswith("DECIMAL") else _FROM_DUCKDB.get(scalar)
    if name is None:
        raise unsupported(f"a result column of type {type_name} ({column}); structs are not served")
    return {"name": column, "type": name, "mode": "NULLABLE" if scalar == type_name else "REPEATED"}


def duckdb_type(field: Field) -> str:
    """Return the type of a field's column in DuckDB."""
    return TYPES[field["type"]].duckdb + ("[]" if field["mode"] == "REPEATED" else "")


def size_of(field: Field) -> str:
    """Return the SQL of the bytes of a field's value as BigQuery bills them; arrays cost what is in them."""
    name, size = quote(field["name"]), TYPES[field["type"]].size
    if field["mode"] != "REPEATED":
        return size.format(name)
    return f"list_sum(list_transform({name}, lambda value: {size.format('value')}))"


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
    if field.get("description"):
        normal["description"] = field["description"]
    return normal


def quote(name: str) -> str:
    """Quote an identifier for DuckDB."""
    return '"' + name.replace('"', '""') + '"'


def arrow_schema(fields: list[Field]) -> pa.Schema:
    """Return the Arrow schema of a table's columns."""
    return pa.schema([(field["name"], _arrow_type(field)) for field in fields])


def _arrow_type(field: Field) -> pa.DataType:
    scalar = TYPES[field["type"]].arrow
    return pa.list_(scalar) if field["mode"] == "REPEATED" else scalar
