"""Rows as the Storage Read API sends them in Arrow: schema and record batches, each a message of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from localcloud.bigquery.reads.batches import Batch, rows_of_batch
from localcloud.bigquery.store.types import Field, arrow_schema

# Source: BQ_FIELD_TYPE_TO_ARROW_FIELD_METADATA of google.cloud.bigquery._pandas_helpers
_EXTENSIONS = {"DATETIME": {b"ARROW:extension:name": b"google:sqlType:datetime"}}


def schema(fields: list[Field]) -> dict[str, Any]:
    """
    Return the field of a message that holds the schema of columns.

    Source: https://cloud.google.com/bigquery/docs/reference/storage#arrow_schema_details
    """
    return {"arrow_schema": {"serialized_schema": _schema(fields).serialize().to_pybytes()}}


def batches(rows: pa.Table, fields: list[Field], compression: str) -> Iterator[Batch]:
    """
    Yield rows in messages of about a megabyte.

    :param compression: of the buffers: ``lz4``, ``zstd`` or empty.
    """
    options = pa.ipc.IpcWriteOptions(compression=compression or None)
    sent = _schema(fields)
    for batch in rows.cast(sent).combine_chunks().to_batches(max_chunksize=rows_of_batch(rows)):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, sent, options=options) as writer:
            writer.write_batch(batch)
        reader = pa.ipc.MessageReader.open_stream(sink.getvalue())
        # the first message of a stream is its schema
        reader.read_next_message()
        message = reader.read_next_message().serialize().to_pybytes()
        # the older place of the count too, which older clients read
        content = {"serialized_record_batch": message, "row_count": batch.num_rows}
        yield Batch({"arrow_record_batch": content}, batch.num_rows)


def _schema(fields: list[Field]) -> pa.Schema:
    columns = zip(arrow_schema(fields), fields, strict=True)
    return pa.schema([column.with_metadata(_EXTENSIONS.get(field["type"])) for column, field in columns])
