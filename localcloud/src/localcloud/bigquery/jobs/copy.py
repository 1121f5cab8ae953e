"""Copy jobs: rows of tables into a table, and table snapshots."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

from localcloud.bigquery.errors import already_exists, failure, unsupported
from localcloud.bigquery.jobs.destination import Destination, Writer
from localcloud.bigquery.sql.partitioning import LAYOUT
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.rows import Snapshot, committed
from localcloud.bigquery.store.types import quote
from localcloud.bigquery.warehouse import Warehouse, required


class Copies:
    """
    Runs copy jobs; the caller keeps the transaction.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationTableCopy

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._writer = Writer(warehouse)

    def run(self, config: dict[str, Any], location: str | None) -> tuple[dict[str, Any], str]:
        """
        Copy tables or make a snapshot of one; rows in their streaming buffers are left out.

        :param config: ``configuration.copy``.
        :param location: where the job must run; where the tables are if None.
        :return: the job's statistics and its location.
        :raises ApiError: 404 without a table, 409 when the destination has rows, 501 for other operations.
        """
        operation = config.get("operationType") or "COPY"
        if operation == "SNAPSHOT":
            return self._snapshot(config, location)
        if operation not in ("COPY", "OPERATION_TYPE_UNSPECIFIED"):
            raise unsupported(f"copy jobs of operationType {operation}")
        if (config.get("destinationEncryptionConfiguration") or {}).get("kmsKeyName"):
            raise unsupported("destinationEncryptionConfiguration of a copy job")
        return self._copy(config, location)

    def _copy(self, config: dict[str, Any], location: str | None) -> tuple[dict[str, Any], str]:
        """
        Append the rows of tables with one schema to a table, or put them in the place of its rows.

        Source: https://cloud.google.com/bigquery/docs/managing-tables#copy-table
        """
        sources = [self._source(reference, location) for reference in _references(config)]
        first = committed(sources[0])
        for source in sources:
            if source.kind not in ("TABLE", "SNAPSHOT"):
                raise failure("invalid", f"Cannot copy a {source.kind}: {source.table_id}")
            if _shape(committed(source)) != _shape(first):
                raise failure("invalid", f"Schemas of the source tables differ: {source.table_id}")
        destination = Destination.of(self._warehouse, config, "WRITE_EMPTY")
        layout = {key: sources[0].resource[key] for key in LAYOUT if key in sources[0].resource}
        # taken before the destination changes, which may be a source too
        parts = [committed(source) for source in sources]

        def append(table: Table, at: int) -> int:
            return sum(self._append(table, part, at) for part in parts)

        where = self._warehouse.catalog.dataset(destination.dataset_id).location
        given = dataclasses.replace(destination, layout=layout)
        _, count = self._writer.write(given, first.fields, append, location or self._location(sources[0]))
        return {"copy": {"copiedRows": str(count)}}, where

    def _source(self, reference: dict[str, Any], location: str | None) -> Table:
        self._warehouse.check_project(reference.get("projectId"))
        dataset_id, table_id = required(reference, "datasetId"), required(reference, "tableId")
        if "$" in table_id:
            raise unsupported(f"partition decorators ({table_id})")
        return self._warehouse.catalog.table(dataset_id, table_id, location)

    def _location(self, table: Table) -> str:
        return self._warehouse.catalog.dataset(table.dataset_id).location

    def _append(self, table: Table, part: Snapshot, at: int) -> int:
        names = [field["name"] for field in part.fields]
        if not names:
            return 0
        sql = f"SELECT {', '.join(map(quote, names))} FROM {part.source}"  # noqa: S608
        return self._warehouse.rows.append_query(table, sql, names, at)

    def _snapshot(self, config: dict[str, Any], location: str | None) -> tuple[dict[str, Any], str]:
        """
        Create a snapshot of a table.

        Source: https://cloud.google.com/bigquery/docs/table-snapshots-intro and, of the streaming buffer,
        https://cloud.google.com/bigquery/docs/table-clones-intro
        """
        catalog = self._warehouse.catalog
        references = _references(config)
        if len(references) > 1:
            raise failure("invalid", "A snapshot has one source table")
        source = self._source(references[0], location)
        if source.kind != "TABLE":
            raise failure("invalid", f"Cannot take a snapshot of a {source.kind}")
        target = required(config, "destinationTable")
        dataset = catalog.dataset(required(target, "datasetId"))
        table_id = required(target, "tableId")
        if catalog.find_table(dataset.dataset_id, table_id):
            raise already_exists("Table", f"{catalog.project}:{dataset.dataset_id}.{table_id}")
        part = committed(source)
        moment = datetime.fromtimestamp(part.at / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
        definition = {"baseTableReference": self._warehouse.reference(source), "snapshotTime": moment}
        resource = {"snapshotDefinition": definition}
        table = self._warehouse.create_table(dataset, table_id, part.fields, resource)
        self._append(table, part, table.created)
        return {"copy": {}}, dataset.location


def _references(config: dict[str, Any]) -> list[dict[str, Any]]:
    return list(config.get("sourceTables") or [required(config, "sourceTable")])


def _shape(part: Snapshot) -> list[tuple[str, str, bool]]:
    """Return what the schemas of several source tables must have alike."""
    return [(field["name"].lower(), field["type"], field["mode"] == "REPEATED") for field in part.fields]
