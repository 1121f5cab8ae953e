"""Files that load jobs read: CSV, JSON lines, Avro and Parquet, to Arrow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.jobs.schema_detection import detect, detect_csv
from localcloud.bigquery.store.encoding import InvalidRowError, decode, decode_row
from localcloud.bigquery.store.types import Field, arrow_schema, demand_flat, normalise_schema


@dataclass
class Batch:
    """The content of one file."""

    fields: list[Field]
    data: pa.Table
    bad: int = 0


def read(data: bytes, config: dict[str, Any], fields: list[Field] | None) -> Batch:
    """
    Read a file.

    :param config: ``configuration.load``.
    :param fields: the schema to read it by; the file's own, or a detected one, if None.
    :raises ApiError: 400 for a file that cannot be read so, 501 for another format.
    """
    form = (config.get("sourceFormat") or "CSV").upper()
    if form != "NEWLINE_DELIMITED_JSON":
        demand_flat(fields or [], f"a load of {form}")
    if form == "CSV":
        return _read_csv(data, config, fields)
    if form == "NEWLINE_DELIMITED_JSON":
        return _read_json(data, config, fields)
    if form == "AVRO":
        return _fit(_read_avro(data, config), fields)
    if form == "PARQUET":
        return _fit(_read_parquet(data), fields)
    raise unsupported(f"the sourceFormat {form}")


def broken(message: str) -> Exception:
    """Create the error for a file that cannot be read."""
    return failure("invalid", f"Error while reading data, error message: {message}")


def _decode_rows(rows: Iterable[dict[str, Any]], config: dict[str, Any], fields: list[Field]) -> Batch:
    ignore = bool(config.get("ignoreUnknownValues"))
    allowed = int(config.get("maxBadRecords") or 0)
    good, bad = [], 0
    for number, row in enumerate(rows, start=1):
        try:
            good.append(decode_row(row, fields, ignore))
        except InvalidRowError as error:
            bad += 1
            if bad > allowed:
                raise broken(f"Row {number}, field {error.column}: {error} (max bad: {allowed})") from error
    return Batch(fields, pa.Table.from_pylist(good, schema=arrow_schema(fields)), bad)


def _read_csv(data: bytes, config: dict[str, Any], fields: list[Field] | None) -> Batch:
    encoding = config.get("encoding") or "UTF-8"
    try:
        text = data.decode({"UTF-8": "utf-8-sig", "ISO-8859-1": "latin-1"}.get(encoding, encoding))
    except (LookupError, UnicodeDecodeError) as error:
        raise broken(f"not {encoding}: {error}") from error
    delimiter = {"tab": "\t", "\\t": "\t"}.get(
        config.get("fieldDelimiter") or ",", config.get("fieldDelimiter") or ","
    )
    quote = config.get("quote", '"')
    style = {"quotechar": quote} if quote else {"quoting": csv.QUOTE_NONE}
    lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **style) if row]
    skip = int(config.get("skipLeadingRows") or 0)
    if config.get("autodetect"):
        detected, skip = detect_csv(lines, skip)
        fields = fields or normalise_schema(detected)
    if fields is None:
        raise failure("invalid", "No schema specified on job or table.")
    return _decode_rows(_csv_rows(lines[skip:], config, fields), config, fields)


def _csv_rows(
    lines: list[list[str]], config: dict[str, Any], fields: list[Field]
) -> Iterator[dict[str, Any]]:
    null = config.get("nullMarker") or ""
    for number, line in enumerate(lines, start=1):
        if len(line) < len(fields) and not config.get("allowJaggedRows"):
            raise broken(f"CSV row {number} has {len(line)} columns, the schema {len(fields)}")
        if len(line) > len(fields) and not config.get("ignoreUnknownValues"):
            raise broken(f"CSV row {number} has {len(line)} columns, too many for the schema's {len(fields)}")
        row = {}
        for field, value in zip(fields, line, strict=False):
            empty_text = value == "" and null == "" and field["type"] in ("STRING", "BYTES")
            row[field["name"]] = None if value == null and not empty_text else value
        yield row


def _read_json(data: bytes, config: dict[str, Any], fields: list[Field] | None) -> Batch:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(data.decode("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise broken(f"JSON parsing error in row {number}: {error}") from error
        if not isinstance(row, dict):
            raise broken(f"JSON row {number} is not an object")
        rows.append(row)
    if fields is None:
        if not config.get("autodetect"):
            raise failure("invalid", "No schema specified on job or table.")
        # keys are not case-sensitive: the first spelling names the column
        names = {name.lower(): name for row in reversed(rows) for name in reversed(row)}
        lowered = [{name.lower(): value for name, value in row.items()} for row in rows]
        detected = [
            {"name": names[key], "type": detect(row.get(key) for row in lowered)}
            for key in dict.fromkeys(key for row in lowered for key in row)
        ]
        fields = normalise_schema(detected)
    return _decode_rows(rows, config, fields)


def _read_avro(data: bytes, config: dict[str, Any]) -> Batch:
    try:
        reader = fastavro.reader(io.BytesIO(data))
        schema: Any = reader.writer_schema
        fields = normalise_schema([_avro_field(field, config) for field in schema["fields"]])
        rows: list[Any] = list(reader)
        for name in [field["name"] for field in fields if field["type"] == "DATETIME"]:
            for row in rows:
                row[name] = decode(row[name], "DATETIME")
    except (ValueError, EOFError, StopIteration) as error:
        raise broken(f"The Apache Avro library failed to read the file: {error}") from error
    return Batch(fields, pa.Table.from_pylist(rows, schema=arrow_schema(fields)))


_AVRO = {"int": "INTEGER", "long": "INTEGER", "float": "FLOAT", "double": "FLOAT"}
_AVRO |= {"boolean": "BOOLEAN", "string": "STRING", "enum": "STRING", "bytes": "BYTES", "fixed": "BYTES"}
_AVRO_LOGICAL = {"timestamp-micros": "TIMESTAMP", "timestamp-millis": "TIMESTAMP", "date": "DATE"}
_AVRO_LOGICAL |= {"time-micros": "TIME", "time-millis": "TIME", "decimal": "NUMERIC", "datetime": "DATETIME"}


def _avro_field(field: dict[str, Any], config: dict[str, Any]) -> Field:
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    real = [kind for kind in kinds if kind != "null"]
    kind = real[0] if len(real) == 1 else "union"
    logical = kind.get("logicalType") if isinstance(kind, dict) else None
    name = kind["type"] if isinstance(kind, dict) else kind
    if logical and not config.get("useAvroLogicalTypes"):
        raise unsupported("Avro logical types without useAvroLogicalTypes")
    type_name = _AVRO_LOGICAL.get(logical) if logical else _AVRO.get(name)
    if type_name is None:
        raise unsupported(f"the Avro type {logical or name} ({field['name']})")
    return {"name": field["name"], "type": type_name, "mode": "NULLABLE" if "null" in kinds else "REQUIRED"}


def _read_parquet(data: bytes) -> Batch:
    try:
        table = pq.read_table(io.BytesIO(data))
    except (pa.ArrowInvalid, OSError) as error:
        raise broken(f"not a Parquet file: {error}") from error
    fields = normalise_schema([_parquet_field(column) for column in table.schema])
    return Batch(fields, table.cast(arrow_schema(fields)))


_PARQUET = [
    (pa.types.is_integer, "INTEGER"),
    (pa.types.is_floating, "FLOAT"),
    (pa.types.is_boolean, "BOOLEAN"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t), "STRING"),
    (lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t), "BYTES"),
    (lambda t: pa.types.is_timestamp(t) and t.tz is not None, "TIMESTAMP"),
    (pa.types.is_timestamp, "DATETIME"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME"),
    (pa.types.is_decimal, "NUMERIC"),
    (pa.types.is_null, "STRING"),
]


def _parquet_field(column: pa.Field) -> Field:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    for test, name in _PARQUET:
        if test(kind):
            return {"name": column.name, "type": name, "mode": "NULLABLE"}
    raise unsupported(f"the Parquet type {kind} ({column.name})")


_WIDENING = {("INTEGER", "FLOAT"), ("INTEGER", "NUMERIC")}


def _fit(batch: Batch, fields: list[Field] | None) -> Batch:
    """Read a file that carries its schema by the schema that the job asks for."""
    if fields is None:
        return batch
    own = {field["name"].lower(): field for field in batch.fields}
    columns: dict[str, Any] = {}
    for field, target in zip(fields, arrow_schema(fields), strict=True):
        found = own.pop(field["name"].lower(), None)
        if found is None:
            columns[field["name"]] = pa.nulls(batch.data.num_rows, target.type)
            continue
        if field["mode"] == "REPEATED":
            raise unsupported(f"REPEATED columns of files that carry their schema ({field['name']})")
        column = batch.data[found["name"]]
        change = (found["type"], field["type"])
        if change[0] != change[1] and column.null_count < len(column) and change not in _WIDENING:
            raise broken(f"column {field['name']} has type {change[0]}, the schema says {change[1]}")
        columns[field["name"]] = column.cast(target.type)
    if own:
        raise broken(f"no such field: {next(iter(own.values()))['name']}.")
    return Batch(fields, pa.table(columns, schema=arrow_schema(fields)))
