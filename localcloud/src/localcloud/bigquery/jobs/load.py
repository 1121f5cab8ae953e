"""Load jobs: files from gs:// or from the request, into a table."""

from __future__ import annotations

import csv
import fnmatch
import gzip
import struct
import zlib
from typing import Any

import pyarrow as pa

from localcloud.bigquery.errors import not_found, unsupported
from localcloud.bigquery.jobs.destination import Destination, Writer
from localcloud.bigquery.jobs.file_formats import Batch, broken, read
from localcloud.bigquery.store.types import Field, normalise_schema
from localcloud.bigquery.warehouse import Warehouse, required

_SERVED = {
    *("allowJaggedRows", "allowQuotedNewlines", "autodetect", "createDisposition", "destinationTable"),
    *("encoding", "fieldDelimiter", "ignoreUnknownValues", "maxBadRecords", "nullMarker", "parquetOptions"),
    *("quote", "schema", "schemaUpdateOptions", "skipLeadingRows", "sourceFormat", "sourceUris"),
    *("useAvroLogicalTypes", "writeDisposition", "timePartitioning", "rangePartitioning", "clustering"),
}
# what the readers of the formats raise
_UNREADABLE = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, RecursionError, TypeError, ValueError),
    *(csv.Error, pa.ArrowException, struct.error, zlib.error),
)
_GZIP = b"\x1f\x8b"


class Loads:
    """
    Runs load jobs; the caller keeps the transaction.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._writer = Writer(warehouse)

    def run(
        self, config: dict[str, Any], media: bytes | None, location: str | None
    ) -> tuple[dict[str, Any], str]:
        """
        Load files.

        :param config: ``configuration.load``.
        :param media: the file that came with the request; ``sourceUris`` are read if None.
        :param location: where the job must run; where the table is if None.
        :return: the job's statistics and its location.
        :raises ApiError: 404 for a file or data set that is missing, 400 for a file that does not fit.
        """
        unknown = sorted(key for key, value in config.items() if value and key not in _SERVED)
        if unknown:
            raise unsupported(f"{', '.join(unknown)} of a load job")
        destination = Destination.of(self._warehouse, config, "WRITE_APPEND")
        where = self._warehouse.catalog.dataset(destination.dataset_id).location
        files = [media] if media is not None else self._files(required(config, "sourceUris") or [""])
        fields = self._fields(config, destination)
        batch = _joined([_read(data, config, fields) for data in files])

        def append(table: Any, at: int) -> int:
            return self._warehouse.rows.append_arrow(table, batch.data, at)

        _, count = self._writer.write(destination, batch.fields, append, location)
        statistics = {
            "inputFiles": str(len(files)),
            "inputFileBytes": str(sum(len(data) for data in files)),
            "outputRows": str(count),
            "outputBytes": str(batch.data.nbytes),
            "badRecords": str(batch.bad),
        }
        return {"totalBytesProcessed": statistics["inputFileBytes"], "load": statistics}, where

    def _fields(self, config: dict[str, Any], destination: Destination) -> list[Field] | None:
        given = (config.get("schema") or {}).get("fields")
        if given:
            return normalise_schema(given)
        carries_schema = (config.get("sourceFormat") or "CSV").upper() in ("AVRO", "PARQUET")
        redefines = destination.write == "WRITE_TRUNCATE" and config.get("autodetect")
        if carries_schema or redefines or "ALLOW_FIELD_ADDITION" in destination.updates:
            return None
        table = self._warehouse.catalog.find_table(destination.dataset_id, destination.table_id)
        return table.current.fields or None if table else None

    def _files(self, uris: list[str]) -> list[bytes]:
        found: list[str] = []
        for uri in uris:
            matching = [uri]
            if "*" in uri:
                pattern = uri.replace("[", "[[]").replace("?", "[?]")
                listed = self._warehouse.objects.list(uri.split("*")[0])
                matching = [name for name in listed if fnmatch.fnmatchcase(name, pattern)]
            if not matching or ("*" not in uri and not self._warehouse.objects.exists(uri)):
                raise not_found("URI", uri)
            found += matching
        return [self._warehouse.objects.read(uri) for uri in found]


def _read(data: bytes, config: dict[str, Any], fields: list[Field] | None) -> Batch:
    """Read a file; any error of its reader is reported as an error of the file."""
    try:
        return read(_unpacked(data), config, fields)
    except _UNREADABLE as error:
        raise broken(f"the file cannot be read: {type(error).__name__}: {error}") from error


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise broken(f"not a whole gzip file: {error}") from error


def _joined(batches: list[Batch]) -> Batch:
    first = batches[0]
    for batch in batches[1:]:
        if _lowered(batch.fields) != _lowered(first.fields):
            raise broken("the files of one load have different schemas")
    data = pa.concat_tables([batch.data.rename_columns(first.data.column_names) for batch in batches])
    return Batch(first.fields, data, sum(batch.bad for batch in batches))


def _lowered(fields: list[Field]) -> list[Field]:
    """Return a schema whose names can be compared, for names of columns are not case-sensitive."""
    return [{**field, "name": field["name"].lower()} for field in fields]
