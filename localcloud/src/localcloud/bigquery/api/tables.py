"""The methods of ``tables``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localcloud.bigquery.api.resources import check_etag, etag, page, patched, writable
from localcloud.bigquery.errors import already_exists, failure, unsupported
from localcloud.bigquery.sql.partitioning import LAYOUT, check_same_partitions, partition_columns, read_layout
from localcloud.bigquery.sql.views import DEFINITIONS, read_definition, view_query
from localcloud.bigquery.store.catalog import Table, now_ms
from localcloud.bigquery.store.partitions import SUMMARY, SUMMARY_FIELDS
from localcloud.bigquery.store.rows import committed, next_time, snapshot
from localcloud.bigquery.store.types import check_evolution, normalise_schema
from localcloud.bigquery.warehouse import Warehouse, required

_ID = re.compile(r"[\w -]{1,1024}")
_ALLOWED = {"description", "friendlyName", "labels"}
_HANDLED = {"expirationTime", "schema", "tableReference", *LAYOUT, *DEFINITIONS}
_LISTED = ("labels", "friendlyName", *LAYOUT)
_OUTPUT_ONLY = {
    *("creationTime", "etag", "id", "kind", "lastModifiedTime", "location", "selfLink", "type"),
    *("numActiveLogicalBytes", "numBytes", "numLongTermBytes", "numLongTermLogicalBytes", "numRows"),
    *("numTotalLogicalBytes", "snapshotDefinition", "streamingBuffer"),
}


class Tables:
    """
    Serves ``tables``.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables

    :param warehouse: where they are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._catalog = warehouse.catalog

    def insert(self, dataset_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """
        Create an empty table, a view, or an external table, which cannot be queried.

        :raises ApiError: 409 when it exists, 404 without its dataset, 400 for a view of a bad query and for
            a table that has expired.
        """
        table_id = required(body, "tableReference", "tableId")
        self._warehouse.check_project(body["tableReference"].get("projectId"))
        dataset = self._catalog.dataset(dataset_id)
        if not _ID.fullmatch(table_id):
            raise failure("invalid", f'Invalid table ID "{table_id}".')
        if self._catalog.find_table(dataset_id, table_id):
            raise already_exists("Table", f"{self._catalog.project}:{dataset_id}.{table_id}")
        resource = self._settable(body) | read_definition(body)
        query = view_query(resource)
        if query:
            scope = self._warehouse.scope(location=dataset.location)
            fields = normalise_schema(self._warehouse.compiler.compile(query, scope).fields)
        else:
            fields = normalise_schema((body.get("schema") or {}).get("fields", []))
        resource |= read_layout(body, fields)
        expires = _expiry(body)
        _demand_future(expires)
        table = self._warehouse.create_table(dataset, table_id, fields, resource, expires)
        return self.describe(table)

    def get(self, dataset_id: str, table_id: str) -> dict[str, Any]:
        """
        Return a table's metadata, or that of the meta-table of its partitions; no rows are billed for it.

        :raises ApiError: 404 when it does not exist, 400 for the partitions of a table that has none.
        """
        table = self._catalog.table(dataset_id, table_id.removesuffix(SUMMARY))
        if not table_id.endswith(SUMMARY):
            return self.describe(table)
        demand_partitions(table, self._catalog.project)
        return {
            **self._describe_item(table),
            "id": f"{self._catalog.project}:{dataset_id}.{table_id}",
            "etag": self._etag(table),
            "tableReference": {**self._warehouse.reference(table), "tableId": table_id},
            "schema": {"fields": SUMMARY_FIELDS},
        }

    def list(self, dataset_id: str, query: Mapping[str, str]) -> dict[str, Any]:
        """
        Return the tables of a dataset.

        :raises ApiError: 404 without that dataset.
        """
        self._catalog.dataset(dataset_id)
        tables = self._catalog.tables(dataset_id)
        answer = page(tables, query, 50, self._describe_item)
        return {
            "kind": "bigquery#tableList",
            "etag": etag(*[table.uid for table in tables]),
            "tables": answer.pop("items"),
            "totalItems": len(tables),
            **answer,
        }

    def patch(
        self, dataset_id: str, table_id: str, body: dict[str, Any], if_match: str | None
    ) -> dict[str, Any]:
        """
        Change what the body names; a schema may gain columns and loosen them.

        :raises ApiError: 412 when ``if_match`` is outdated, 400 for a schema that drops or retypes a column.
        """
        table = self._catalog.table(dataset_id, table_id)
        return self._change(table, patched(table.resource, self._settable(body)), body, if_match)

    def update(
        self, dataset_id: str, table_id: str, body: dict[str, Any], if_match: str | None
    ) -> dict[str, Any]:
        """Replace all that may be set; raises as :meth:`patch`."""
        table = self._catalog.table(dataset_id, table_id)
        whole = {"expirationTime": None, **body}
        return self._change(table, patched({}, self._settable(body)), whole, if_match)

    def _settable(self, body: dict[str, Any]) -> dict[str, Any]:
        settable = writable(body, _ALLOWED | _HANDLED, _OUTPUT_ONLY, "table")
        return {key: value for key, value in settable.items() if key in _ALLOWED}

    def _change(
        self, table: Table, resource: dict[str, Any], body: dict[str, Any], if_match: str | None
    ) -> dict[str, Any]:
        check_etag(if_match, self._etag(table))
        at = next_time(table)
        if "expirationTime" in body:
            table.expires = _expiry(body)
        resource |= self._fixed(table, body)
        if body.get("schema"):
            fields = normalise_schema(body["schema"].get("fields", []))
            if fields != table.current.fields:
                name = f"{self._catalog.project}:{table.dataset_id}.{table.table_id}"
                check_evolution(name, table.current.fields, fields)
                self._warehouse.rows.change_schema(table, fields, at)
        table.resource = resource
        table.commit(at)
        self._catalog.put_table(table)
        return self.describe(table)

    def _fixed(self, table: Table, body: dict[str, Any]) -> dict[str, Any]:
        """Return what a change keeps: a view's definition, partitions; clusters and filters may change."""
        name = f"{self._catalog.project}:{table.dataset_id}.{table.table_id}"
        kept = {key: value for key, value in table.resource.items() if key not in _ALLOWED}
        for key in DEFINITIONS:
            if body.get(key) and body[key] != kept.get(key):
                raise unsupported(f"changing the {key} of a table ({name}); delete it and recreate it")
        given = {key: body[key] for key in LAYOUT if key in body}
        if not given:
            return kept
        layout = read_layout({**kept, **given}, table.current.fields)
        check_same_partitions(kept, layout, f"Cannot change the partitioning of table {name}")
        return {key: value for key, value in kept.items() if key not in LAYOUT} | layout

    def delete(self, dataset_id: str, table_id: str) -> None:
        """
        Delete a table with its past.

        :raises ApiError: 404 when it does not exist.
        """
        self._catalog.remove_table(self._catalog.table(dataset_id, table_id))

    def _etag(self, table: Table) -> str:
        return etag("table", table.uid, table.modified, table.latest)

    def _describe_item(self, table: Table) -> dict[str, Any]:
        described = {
            "kind": "bigquery#table",
            "id": f"{self._catalog.project}:{table.dataset_id}.{table.table_id}",
            "tableReference": self._warehouse.reference(table),
            "type": table.kind,
            "creationTime": str(table.created // 1000),
        }
        if table.expires is not None:
            described["expirationTime"] = str(table.expires)
        return described | {key: table.resource[key] for key in _LISTED if key in table.resource}

    def describe(self, table: Table) -> dict[str, Any]:
        """Return the whole resource of a table; rows and bytes are those outside the streaming buffer."""
        count, sizes = self._warehouse.rows.measure(committed(table))
        size = str(sum(sizes.values()))
        path = f"projects/{self._catalog.project}/datasets/{table.dataset_id}/tables/{table.table_id}"
        return {
            **self._describe_item(table),
            "etag": self._etag(table),
            "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/{path}",
            "schema": {"fields": table.current.fields},
            "numRows": str(count),
            "numBytes": size,
            "numLongTermBytes": "0",
            "numTotalLogicalBytes": size,
            "numActiveLogicalBytes": size,
            "numLongTermLogicalBytes": "0",
            "lastModifiedTime": str(table.modified // 1000),
            "location": self._catalog.dataset(table.dataset_id).location,
            **table.resource,
            **self._streaming_buffer(table, count, sum(sizes.values())),
        }

    def _streaming_buffer(self, table: Table, rows: int, size: int) -> dict[str, Any]:
        if table.streamed_from is None:
            return {}
        count, sizes = self._warehouse.rows.measure(snapshot(table))
        buffer = {
            "estimatedRows": str(count - rows),
            "estimatedBytes": str(sum(sizes.values()) - size),
            "oldestEntryTime": str(table.streamed_from // 1000),
        }
        return {"streamingBuffer": buffer}


def demand_partitions(table: Table, project: str) -> None:
    """
    Refuse the meta-table of the partitions of a table that has none.

    :raises ApiError: 400 that names the table.
    """
    if not partition_columns(table.resource):
        raise failure("invalid", f"Table {project}:{table.dataset_id}.{table.table_id} is not partitioned")


def _demand_future(expires: int | None) -> None:
    """
    Refuse to create what has expired; a change to such a time deletes the table.

    Sources: https://github.com/terraform-google-modules/terraform-google-bigquery/issues/147, and of changes
    https://github.com/googleapis/java-bigquery/issues/1371
    """
    if expires is not None and expires < now_ms() + 1000:
        raise failure("invalid", "Expiration time must be at least 1 seconds in the future")


def _expiry(body: dict[str, Any]) -> int | None:
    value = body.get("expirationTime")
    return int(value) if value else None
