"""Rows as the Storage Read API sends them in Avro: the schema once, and rows without it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import fastavro
import pyarrow as pa

from localcloud.bigquery.reads.batches import Batch, rows_of_batch
from localcloud.bigquery.store.avro import avro_record, avro_row
from localcloud.bigquery.store.types import Field

_NAME = "__root__"


def schema(fields: list[Field]) -> dict[str, Any]:
    """
    Return the field of a message that holds the schema of columns.

    Source: https://cloud.google.com/bigquery/docs/reference/storage#avro_schema_details
    """
    return {"avro_schema": {"schema": json.dumps(avro_record(fields, _NAME))}}


def batches(rows: pa.Table, fields: list[Field]) -> Iterator[Batch]:
    """Yield rows in messages of about a megabyte."""
    parsed = fastavro.parse_schema(avro_record(fields, _NAME))
    for batch in rows.combine_chunks().to_batches(max_chunksize=rows_of_batch(rows)):
        sink = io.BytesIO()
        for row in batch.to_pylist():
            fastavro.schemaless_writer(sink, parsed, avro_row(row, fields))
        # the older place of the count too, which older clients read
        content = {"serialized_binary_rows": sink.getvalue(), "row_count": batch.num_rows}
        yield Batch({"avro_rows": content}, batch.num_rows)
