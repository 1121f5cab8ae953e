"""Extract jobs: a table to AVRO, CSV, JSON lines or Parquet in gs://."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from collections.abc import Mapping
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.store.avro import avro_record, avro_row
from localcloud.bigquery.store.encoding import encode_float
from localcloud.bigquery.store.rows import committed
from localcloud.bigquery.store.types import RECORD, Field, demand_flat
from localcloud.bigquery.warehouse import Warehouse, required

_AVRO_CODECS = {"NONE": "null", "DEFLATE": "deflate"}
_PARQUET_CODECS = {"NONE": "none", "GZIP": "gzip", "SNAPPY": "snappy", "ZSTD": "zstd"}
_SHARD = "000000000000"


class Extracts:
    """
    Runs extract jobs.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationExtract

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def run(self, config: dict[str, Any], location: str | None) -> tuple[dict[str, Any], str]:
        """
        Write a table to an object; a ``*`` in its name becomes the number of the one shard.

        :param config: ``configuration.extract``.
        :param location: where the job must run; where the table is if None.
        :return: the job's statistics and its location.
        :raises ApiError: 404 for a table or bucket that is missing, 400 for a bucket elsewhere, 501 for
            another format.
        """
        source = required(config, "sourceTable")
        self._warehouse.check_project(source.get("projectId"))
        names = required(source, "datasetId"), required(source, "tableId")
        table = self._warehouse.catalog.table(*names, location)
        if table.kind not in ("TABLE", "SNAPSHOT"):
            raise failure("invalid", f"Cannot extract a {table.kind}: {table.dataset_id}.{table.table_id}")
        where = self._warehouse.catalog.dataset(table.dataset_id).location
        uris = config.get("destinationUris") or [required(config, "destinationUri")]
        if len(uris) != 1:
            raise unsupported("more than one destinationUri of an extract job")
        if not uris[0].startswith("gs://"):
            raise failure("invalid", f"Invalid destination URI: {uris[0]}")
        self._check_location(where, uris[0])
        # rows in the streaming buffer cannot be exported yet
        part = committed(table)
        content = _write(self._warehouse.rows.arrow(part), part.fields, config)
        self._warehouse.objects.write(uris[0].replace("*", _SHARD), content)
        statistics = {"destinationUriFileCounts": ["1"], "inputBytes": str(len(content))}
        return {"totalBytesProcessed": "0", "extract": statistics}, where

    def _check_location(self, dataset: str, uri: str) -> None:
        """
        Check that the bucket is in the location of the table.

        Source: https://cloud.google.com/bigquery/docs/exporting-data#data-locations

        :param dataset: location of the data set; from the United States a table may go anywhere.
        :param uri: of the object to write.
        """
        bucket = self._warehouse.objects.location(uri.removeprefix("gs://").partition("/")[0])
        within_europe = dataset == "EU" and bucket.startswith("EUROPE-")
        if dataset != "US" and dataset.upper() != bucket and not within_europe:
            destination = bucket.lower() if "-" in bucket else bucket
            places = f"source: {dataset}, destination: {destination}"
            raise failure("invalid", f"Cannot read and write in different locations: {places}")


def _write(data: pa.Table, fields: list[Field], config: dict[str, Any]) -> bytes:
    form = (config.get("destinationFormat") or "CSV").upper()
    compression = (config.get("compression") or "NONE").upper()
    repeated = [field["name"] for field in fields if field["mode"] == "REPEATED"]
    nested = [field["name"] for field in fields if field["type"] == RECORD]
    if nested and form == "CSV":
        # Source: https://github.com/GoogleCloudPlatform/python-docs-samples/issues/1338
        raise failure("invalid", f"Operation cannot be performed on a nested schema. Field: {nested[0]}")
    if form == "AVRO":
        demand_flat(fields, "an AVRO extract")
    if repeated and form == "CSV":
        raise failure("invalid", f"CSV does not support REPEATED columns: {', '.join(repeated)}")
    if repeated and form == "AVRO":
        raise unsupported(f"AVRO extracts of REPEATED columns ({', '.join(repeated)})")
    if form == "AVRO":
        return _avro(
            data, fields, _codec(_AVRO_CODECS, compression, form), bool(config.get("useAvroLogicalTypes"))
        )
    if form == "PARQUET":
        sink = io.BytesIO()
        pq.write_table(data, sink, compression=_codec(_PARQUET_CODECS, compression, form))
        return sink.getvalue()
    if form == "CSV":
        text = _csv(data, fields, config)
    elif form == "NEWLINE_DELIMITED_JSON":
        text = _json(data, fields)
    else:
        raise unsupported(f"the destinationFormat {form}")
    codec = _codec({"NONE": "", "GZIP": "gzip"}, compression, form)
    return gzip.compress(text.encode(), mtime=0) if codec else text.encode()


def _codec(known: dict[str, str], compression: str, form: str) -> str:
    if compression not in known:
        raise unsupported(f"the compression {compression} for {form}")
    return known[compression]


def _avro(data: pa.Table, fields: list[Field], codec: str, logical: bool) -> bytes:
    for field in fields:
        if field["type"] in ("DATE", "TIME", "DATETIME") and not logical:
            raise unsupported(f"AVRO extracts of {field['type']} columns without useAvroLogicalTypes")
    schema = fastavro.parse_schema(avro_record(fields, "Root"))
    sink = io.BytesIO()
    fastavro.writer(sink, schema, [avro_row(row, fields) for row in data.to_pylist()], codec=codec)
    return sink.getvalue()


def _csv(data: pa.Table, fields: list[Field], config: dict[str, Any]) -> str:
    sink = io.StringIO()
    delimiter = config.get("fieldDelimiter") or ","
    writer = csv.writer(
        sink, delimiter="\t" if delimiter in ("tab", "\\t") else delimiter, lineterminator="\n"
    )
    if config.get("printHeader", True):
        writer.writerow([field["name"] for field in fields])
    for row in data.to_pylist():
        writer.writerow([_text(row[field["name"]], field["type"]) for field in fields])
    return sink.getvalue()


def _json(data: pa.Table, fields: list[Field]) -> str:
    return "".join(json.dumps(_json_row(row, fields)) + "\n" for row in data.to_pylist())


def _json_row(row: Mapping[str, Any], fields: list[Field]) -> dict[str, Any]:
    """Return a row or a RECORD without what is NULL."""
    present = [field for field in fields if row[field["name"]] is not None]
    return {field["name"]: _json_cell(row[field["name"]], field) for field in present}


def _json_cell(value: Any, field: Field) -> Any:
    if field["mode"] == "REPEATED":
        return [_json_value(part, field) for part in value]
    return _json_value(value, field)


def _json_value(value: Any, field: Field) -> Any:
    if field["type"] == RECORD:
        return _json_row(value, field["fields"])
    finite = field["type"] == "FLOAT" and value - value == 0
    return value if finite or field["type"] == "BOOLEAN" else _text(value, field["type"])


def _text(value: Any, type_name: str) -> str:
    if value is None:
        return ""
    if type_name == "FLOAT":
        return encode_float(value)
    if type_name == "BOOLEAN":
        return "true" if value else "false"
    if type_name == "TIMESTAMP":
        return f"{value.replace(tzinfo=None).isoformat(sep=' ')} UTC"
    if type_name == "DATETIME":
        return str(value.isoformat())
    if type_name == "BYTES":
        return base64.b64encode(value).decode()
    if type_name == "NUMERIC":
        return f"{value:f}".rstrip("0").rstrip(".")
    return str(value)
