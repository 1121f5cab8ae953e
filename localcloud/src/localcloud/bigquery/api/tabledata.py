"""The methods of ``tabledata``: rows out in pages, rows in by streaming."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from localcloud.bigquery.api.resources import etag, make_token, positive, read_token
from localcloud.bigquery.api.tables import demand_partitions
from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.sql.views import demand_table
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.encoding import InvalidRowError, decode_row, encode_row, select_list
from localcloud.bigquery.store.partitions import SUMMARY, SUMMARY_FIELDS, read_partitions, summary_rows
from localcloud.bigquery.store.rows import next_time, snapshot
from localcloud.bigquery.store.types import Field, arrow_schema
from localcloud.bigquery.warehouse import Warehouse, required

PAGE = 10_000
# BigQuery remembers an insertId for about a minute.
_DEDUPLICATION_SECONDS = 60.0


class TableData:
    """
    Serves ``tabledata``.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tabledata

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._inserted: dict[tuple[str, str], float] = {}

    def list(self, dataset_id: str, table_id: str, query: Mapping[str, str]) -> dict[str, Any]:
        """
        Return a page of a table, or of the meta-table of its partitions.

        :raises ApiError: 404 when it does not exist, 400 for a view or an external table.
        """
        table = self._warehouse.catalog.table(dataset_id, table_id.removesuffix(SUMMARY))
        if table_id.endswith(SUMMARY):
            return self._partitions(table, query)
        if table.kind not in ("TABLE", "SNAPSHOT"):
            raise failure("invalid", f"Cannot list a table of type {table.kind}.")
        answer = self.page(table, query, timestamp_format(query))
        answer.pop("schema", None)
        return {"kind": "bigquery#tableDataList", "etag": etag(table.uid, table.latest), **answer}

    def _partitions(self, table: Table, query: Mapping[str, str]) -> dict[str, Any]:
        catalog = self._warehouse.catalog
        demand_partitions(table, catalog.project)
        fields = _selected(SUMMARY_FIELDS, query.get("selectedFields"))
        columns = [SUMMARY_FIELDS.index(field) for field in fields]
        found = summary_rows(catalog.project, table, read_partitions(catalog.connection, table))
        start = (
            read_token(query["pageToken"])[0] if query.get("pageToken") else positive(query, "startIndex", 0)
        )
        end = start + positive(query, "maxResults", PAGE)
        answer: dict[str, Any] = {"kind": "bigquery#tableDataList", "totalRows": str(len(found))}
        rows = [tuple(row[index] for index in columns) for row in found[start:end]]
        if rows:
            answer["rows"] = [encode_row(row, fields, timestamp_format(query)) for row in rows]
        if rows and end < len(found):
            answer["pageToken"] = make_token(end, table.latest)
        return answer

    def page(self, table: Table, query: Mapping[str, str], timestamps: str) -> dict[str, Any]:
        """
        Return rows as ``maxResults``, ``startIndex``, ``pageToken`` and ``selectedFields`` ask.

        All pages show the table as it was when the first was read.

        :param timestamps: how a TIMESTAMP is written.
        """
        start, at = positive(query, "startIndex", 0), None
        if query.get("pageToken"):
            start, at = read_token(query["pageToken"])
        part = snapshot(table, at)
        fields = _selected(part.fields, query.get("selectedFields"))
        size = positive(query, "maxResults", PAGE)
        total = self._warehouse.rows.count(part)
        rows = self._warehouse.rows.select(part, select_list(fields), start, size).fetchall()
        answer: dict[str, Any] = {"totalRows": str(total)}
        # absent, not empty: a client takes an empty list for the whole result
        if rows:
            answer["rows"] = [encode_row(row, fields, timestamps) for row in rows]
        if size and start + size < total:
            answer["pageToken"] = make_token(start + size, part.at)
        return answer

    def insert_all(self, dataset_id: str, table_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """
        Insert rows into the streaming buffer: all of them, or with ``skipInvalidRows`` the valid ones.

        Queries see them at once; ``lastModifiedTime`` and ``numRows`` when the streaming buffer is written to
        the table. Of ``lastModifiedTime`` that is the strict reading; the documentation is silent about it.

        Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table (numRows,
        streamingBuffer)

        :return: ``insertErrors`` for the rows that were refused.
        :raises ApiError: 404 when the table does not exist.
        """
        if body.get("templateSuffix"):
            raise unsupported("templateSuffix of insertAll")
        table = self._warehouse.catalog.table(dataset_id, table_id)
        demand_table(table, self._warehouse.catalog.project)
        rows = required(body, "rows")
        good: dict[int, dict[str, Any]] = {}
        bad: dict[int, dict[str, str]] = {}
        for index, row in enumerate(rows):
            try:
                content = _content(row)
                good[index] = decode_row(content, table.current.fields, bool(body.get("ignoreUnknownValues")))
            except InvalidRowError as error:
                bad[index] = {
                    "reason": "invalid",
                    "location": error.column,
                    "debugInfo": "",
                    "message": str(error),
                }
        if bad and not body.get("skipInvalidRows"):
            bad |= dict.fromkeys(good, _row_error("stopped", "", ""))
            good = {}
        self._forget_old_insert_ids()
        ids: set[tuple[str, str]] = set()
        fresh = [row for index, row in good.items() if self._is_new(table, rows[index].get("insertId"), ids)]
        # what is not stored must be stored by the retry
        self._warehouse.catalog.after_commit(lambda: self._remember(ids))
        if fresh:
            at = next_time(table)
            data = pa.Table.from_pylist(fresh, schema=arrow_schema(table.current.fields))
            self._warehouse.rows.append_arrow(table, data, at)
            table.stream(at)
            self._warehouse.catalog.put_table(table)
        answer: dict[str, Any] = {"kind": "bigquery#tableDataInsertAllResponse"}
        if bad:
            answer["insertErrors"] = [{"index": index, "errors": [bad[index]]} for index in sorted(bad)]
        return answer

    def _is_new(self, table: Table, insert_id: str | None, ids: set[tuple[str, str]]) -> bool:
        """Return whether a row must be stored, and add its id to those of this request."""
        if not insert_id:
            return True
        key = (table.uid, insert_id)
        is_new = key not in self._inserted and key not in ids
        ids.add(key)
        return is_new

    def _remember(self, ids: set[tuple[str, str]]) -> None:
        self._inserted |= dict.fromkeys(ids, time.monotonic())

    def _forget_old_insert_ids(self) -> None:
        oldest = time.monotonic() - _DEDUPLICATION_SECONDS
        self._inserted = {key: seen for key, seen in self._inserted.items() if seen > oldest}


def _content(row: object) -> dict[str, Any]:
    """
    Return the columns of a row of ``insertAll``.

    :raises ApiError: 400 when it is no row of the shape that the method takes.
    """
    content = (row.get("json") or {}) if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(content, dict):
        raise failure("invalid", "Invalid value for rows: each is an object with an object json")
    if not isinstance(row.get("insertId"), str | None):
        raise failure("invalid", "Invalid value for insertId: it is a string")
    return content


def _row_error(reason: str, column: str, message: str) -> dict[str, str]:
    return {"reason": reason, "location": column, "debugInfo": "", "message": message}


def timestamp_format(query: Mapping[str, str]) -> str:
    """Return how the client wants TIMESTAMPs: ``FLOAT64``, ``INT64`` or ``ISO8601_STRING``."""
    form = query.get("formatOptions.timestampOutputFormat")
    if form and form != "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED":
        return form
    return "INT64" if query.get("formatOptions.useInt64Timestamp", "").lower() == "true" else "FLOAT64"


def _selected(fields: list[Field], selection: str | None) -> list[Field]:
    if not selection:
        return fields
    by_name = {field["name"].lower(): field for field in fields}
    names = [name.strip().lower() for name in selection.split(",")]
    for name in names:
        if name not in by_name:
            raise failure("invalid", f"Invalid value for: {name} is not a valid field")
    return [by_name[field["name"].lower()] for field in fields if field["name"].lower() in names]
