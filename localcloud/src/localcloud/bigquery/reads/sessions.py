"""The methods of ``BigQueryRead``: sessions, their streams, and the rows of a stream."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types
from sqlglot import exp

from localcloud.bigquery.errors import failure, not_found, unsupported
from localcloud.bigquery.reads import arrow, avro
from localcloud.bigquery.reads.batches import Batch
from localcloud.bigquery.reads.restriction import matching_rows, read_restriction
from localcloud.bigquery.reads.selection import select_fields
from localcloud.bigquery.sql.compiler import duckdb_failures
from localcloud.bigquery.store.catalog import Table, now_ms
from localcloud.bigquery.store.read_sessions import ReadSession
from localcloud.bigquery.store.rows import Snapshot, snapshot
from localcloud.bigquery.store.types import Field
from localcloud.bigquery.warehouse import Warehouse
from localcloud.errors import ApiError

# Source: https://cloud.google.com/bigquery/docs/reference/storage/rpc/google.cloud.bigquery.storage.v1#bigqueryread
LIFE_MS = 6 * 3600 * 1000
# Source: the proto of CreateReadSessionRequest (max_stream_count)
_MOST_STREAMS = 1000
# a table of some megabytes has one stream in the cloud too, whatever is asked for
_ROWS_PER_STREAM = 100_000
_PARENT = re.compile(r"projects/([^/]+)")
_TABLE = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)")
_STREAM = re.compile(r"projects/([^/]+)/locations/[^/]+/sessions/(([0-9a-f]{32})([0-9a-f]+))/streams/([^/]+)")
_COMPRESSION = {0: "", 1: "lz4", 2: "zstd"}


class Stream(NamedTuple):
    """
    The rows of a stream from an offset on.

    :param fields: its columns.
    :param rows: what is left of them.
    :param session: says in which format they are sent.
    """

    fields: list[Field]
    rows: pa.Table
    session: ReadSession

    def schema(self) -> dict[str, Any]:
        """Return the field of a response that holds the schema."""
        return (avro if self.session.is_avro else arrow).schema(self.fields)

    def batches(self) -> Iterator[Batch]:
        """Yield the rows as messages."""
        if self.session.is_avro:
            return avro.batches(self.rows, self.fields)
        return arrow.batches(self.rows, self.fields, self.session.compression)


class ReadSessions:
    """
    Serve ``BigQueryRead``; the caller keeps the transaction.

    Source: google/cloud/bigquery/storage/v1/storage.proto and stream.proto

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def create(self, request: types.CreateReadSessionRequest) -> types.ReadSession:
        """
        Choose what a session reads, as the table is now or was at ``snapshot_time``.

        :raises ApiError: 404 without the table, 400 for a field or a restriction that does not fit it, 501
            for what is not served.
        """
        asked = request.read_session
        project = _matched(_PARENT, request.parent, "parent")[0]
        self._warehouse.check_project(project)
        compression = _check_options(asked)
        table = self._table(asked.table)
        part = self._snapshot(table, asked)
        is_avro = asked.data_format == types.DataFormat.AVRO
        selected = list(asked.read_options.selected_fields)
        fields = select_fields(part.fields, selected)
        expires = now_ms() + LIFE_MS
        session_id = f"{uuid.uuid4().hex}{expires:x}"
        matching = self._filter(session_id, table, part, asked)
        ids = self._warehouse.rows.row_ids(part)
        count = _stream_count(request, len(ids))
        session = ReadSession(
            session_id=session_id,
            expires=expires,
            dataset_id=table.dataset_id,
            table_id=table.table_id,
            uid=table.uid,
            storage=part.version.storage,
            at=part.at,
            selected=selected,
            is_filtered=matching is not None,
            is_avro=is_avro,
            compression=compression,
            streams={uuid.uuid4().hex: _range(ids, index, count) for index in range(count)},
        )
        self._warehouse.read_sessions.put(session)
        location = self._warehouse.catalog.dataset(table.dataset_id).location.lower()
        name = f"projects/{project}/locations/{location}/sessions/{session_id}"
        sizes = self._warehouse.rows.measure(part)[1]
        return types.ReadSession(
            name=name,
            expire_time=datetime.fromtimestamp(expires / 1000, UTC),
            data_format=asked.data_format,
            **(avro if is_avro else arrow).schema(fields),
            table=asked.table,
            table_modifiers=asked.table_modifiers,
            read_options=asked.read_options,
            streams=[{"name": f"{name}/streams/{stream}"} for stream in session.streams],
            estimated_total_bytes_scanned=sum(sizes[field["name"].lower()] for field in fields),
            estimated_row_count=len(ids) if matching is None else matching,
            trace_id=asked.trace_id,
        )

    def read(self, request: types.ReadRowsRequest) -> Stream:
        """
        Return the rows of a stream.

        A read at the end of a stream has no rows; what one beyond it gives is not documented.

        :raises ApiError: 404 without the stream or its table, 400 when the session has expired or the offset
            is beyond the end.
        """
        session, stream_id = self._find(request.read_stream)
        if request.offset < 0:
            raise failure("invalid", f"{_operating(request.read_stream)}: offset must not be negative")
        part = self._part(session)
        condition = session.condition(stream_id)
        rows = self._warehouse.rows.arrow(part, condition, request.offset)
        if request.offset and not rows.num_rows:
            total = self._warehouse.rows.arrow(part, condition).num_rows
            if request.offset > total:
                message = f"{_operating(request.read_stream)}: offset {request.offset} is beyond row {total}"
                raise ApiError(400, "OUT_OF_RANGE", message, "outOfRange")
        return Stream(part.fields, rows, session)

    def split(self, request: types.SplitReadStreamRequest) -> types.SplitReadStreamResponse:
        """
        Split the rows of a stream into two new streams; the old one stays as it is.

        :return: nothing for a stream of fewer than two rows.
        :raises ApiError: 404 without the stream, 400 for a fraction that is not between 0 and 1.
        """
        session, stream_id = self._find(request.name)
        if not 0 < request.fraction < 1:
            raise failure("invalid", f"{_operating(request.name)}: fraction must be between 0.0 and 1.0")
        first, end = session.streams[stream_id]
        all_ids = self._warehouse.rows.row_ids(self._part(session))
        ids = all_ids[(all_ids >= first) & (all_ids < end)]
        if len(ids) < 2:
            return types.SplitReadStreamResponse()
        middle = int(ids[min(max(int(len(ids) * request.fraction), 1), len(ids) - 1)])
        primary, remainder = uuid.uuid4().hex, uuid.uuid4().hex
        streams = {**session.streams, primary: (first, middle), remainder: (middle, end)}
        self._warehouse.read_sessions.put(dataclasses.replace(session, streams=streams))
        base = request.name.rpartition("/")[0]
        return types.SplitReadStreamResponse(
            primary_stream={"name": f"{base}/{primary}"}, remainder_stream={"name": f"{base}/{remainder}"}
        )

    def _table(self, name: str) -> Table:
        project, dataset_id, table_id = _matched(_TABLE, name, "read_session.table")
        scope = self._warehouse.scope()
        scope.check_project(project, f"Table {project}:{dataset_id}.{table_id}")
        table = self._warehouse.catalog.table(dataset_id, table_id)
        if table.kind not in ("TABLE", "SNAPSHOT"):
            # https://github.com/coiled/dask-bigquery/issues/41
            raise failure("invalid", "request failed: non-table entities cannot be read with the storage API")
        return table

    def _snapshot(self, table: Table, asked: types.ReadSession) -> Snapshot:
        at = _snapshot_time(asked)
        hours = self._warehouse.catalog.dataset(table.dataset_id).time_travel_hours
        return snapshot(table, at, hours)

    def _filter(self, session_id: str, table: Table, part: Snapshot, asked: types.ReadSession) -> int | None:
        """
        Keep the ids of the rows that meet the restriction, after the checks that a query of them passes.

        :return: how many; None if there is no restriction.
        """
        condition = read_restriction(asked.read_options.row_restriction)
        project = self._warehouse.settings.project
        name = exp.table_(table.table_id, db=table.dataset_id, catalog=project, quoted=True)
        if _snapshot_time(asked) is not None:
            time = exp.UnixToTime(this=exp.Literal.number(part.at), scale=exp.Literal.number(6))
            name.set("version", exp.Version(this="TIMESTAMP", kind="AS OF", expression=time))
        query = matching_rows(name, condition)
        with duckdb_failures(query):
            compiled = self._warehouse.compiler.compile(query, self._warehouse.scope())
            if not asked.read_options.row_restriction:
                return None
            return self._warehouse.read_sessions.keep_rows(session_id, compiled.sql)

    def _find(self, name: str) -> tuple[ReadSession, str]:
        project, session_id, _, expires, stream_id = _matched(_STREAM, name, "stream")
        self._warehouse.check_project(project)
        session = self._warehouse.read_sessions.find(session_id)
        if session is None and int(expires, 16) <= now_ms():
            # https://github.com/GoogleCloudDataproc/spark-bigquery-connector/issues/684
            moment = datetime.fromtimestamp(int(expires, 16) / 1000, UTC).isoformat(timespec="seconds")
            message = f"{_operating(name)}: session expired at {moment}"
            raise ApiError(400, "FAILED_PRECONDITION", message, "failedPrecondition")
        if session is None or stream_id not in session.streams:
            raise not_found("Stream", name)
        return session, stream_id

    def _part(self, session: ReadSession) -> Snapshot:
        """Return the rows that a session reads; those of a deleted table are gone too, which is assumed."""
        table = self._warehouse.catalog.table(session.dataset_id, session.table_id)
        kept = [version for version in table.versions if version.storage == session.storage]
        if table.uid != session.uid or not kept:
            raise not_found(
                "Table", f"{self._warehouse.settings.project}:{session.dataset_id}.{session.table_id}"
            )
        held = [version for version in kept if version.since <= session.at][-1]
        version = dataclasses.replace(held, fields=select_fields(held.fields, session.selected))
        return Snapshot(table, version, session.at)


def _matched(pattern: re.Pattern[str], name: str, where: str) -> tuple[str, ...]:
    found = pattern.fullmatch(name)
    if found is None:
        raise failure("invalid", f"Invalid resource name in {where}: {name!r}")
    return found.groups()


def _check_options(asked: types.ReadSession) -> str:
    """
    Refuse what is not served.

    :return: the compression of Arrow's buffers.
    """
    if asked.data_format not in (types.DataFormat.ARROW, types.DataFormat.AVRO):
        raise failure("invalid", f"Invalid value for read_session.data_format: {asked.data_format!r}")
    options = asked.read_options
    if options.sample_percentage:
        raise unsupported("sample_percentage of a read session")
    if options.response_compression_codec:
        raise unsupported("response_compression_codec of a read session")
    of_arrow, of_avro = options.arrow_serialization_options, options.avro_serialization_options
    if of_arrow.picos_timestamp_precision or of_avro.picos_timestamp_precision:
        raise unsupported("picos_timestamp_precision of a read session")
    if of_avro.enable_display_name_attribute:
        raise unsupported("enable_display_name_attribute of a read session")
    if int(of_arrow.buffer_compression) not in _COMPRESSION:
        raise failure("invalid", f"Invalid value for buffer_compression: {of_arrow.buffer_compression!r}")
    return _COMPRESSION[int(of_arrow.buffer_compression)]


def _snapshot_time(asked: types.ReadSession) -> int | None:
    if "snapshot_time" not in asked.table_modifiers:
        return None
    raw = types.ReadSession.pb(asked).table_modifiers.snapshot_time
    return int(raw.seconds) * 1_000_000 + int(raw.nanos) // 1000


def _stream_count(request: types.CreateReadSessionRequest, rows: int) -> int:
    """Return how many streams a session has: none for an empty table."""
    most, least = request.max_stream_count, request.preferred_min_stream_count
    if most < 0 or least < 0:
        raise failure("invalid", "max_stream_count and preferred_min_stream_count must not be negative")
    if most and least > most:
        raise failure("invalid", "max_stream_count must not be less than preferred_min_stream_count")
    useful = max(-(-rows // _ROWS_PER_STREAM), least)
    return min(useful, most or _MOST_STREAMS, _MOST_STREAMS, rows)


def _range(ids: npt.NDArray[np.int64], index: int, count: int) -> tuple[int, int]:
    first, end = len(ids) * index // count, len(ids) * (index + 1) // count
    return int(ids[first]), int(ids[end - 1]) + 1


def _operating(stream: str) -> str:
    return f"there was an error operating on '{stream}'"
