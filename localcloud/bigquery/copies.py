"""Copy jobs that make table snapshots."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from localcloud.bigquery.failures import already_exists, failure, unsupported
from localcloud.bigquery.rows import committed
from localcloud.bigquery.types import quote
from localcloud.bigquery.warehouse import Warehouse, required


class Copies:
    """
    Runs copy jobs; the caller keeps the transaction.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationTableCopy

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def run(self, config: dict[str, Any], location: str | None) -> tuple[dict[str, Any], str]:
        """
        Make a snapshot of a table; rows in its streaming buffer are not in it.

        Source: https://cloud.google.com/bigquery/docs/table-snapshots-intro and, of the streaming buffer,
        https://cloud.google.com/bigquery/docs/table-clones-intro

        :param config: ``configuration.copy``.
        :param location: where the job must run; where the table is if None.
        :return: the job's statistics and its location.
        :raises ApiError: 404 without the table, 409 when the snapshot exists, 501 for other copies.
        """
        if config.get("operationType") != "SNAPSHOT":
            raise unsupported("copy jobs other than those of operationType SNAPSHOT")
        catalog = self._warehouse.catalog
        sources = config.get("sourceTables") or [required(config, "sourceTable")]
        if len(sources) > 1:
            raise failure("invalid", "A snapshot has one source table")
        source = catalog.table(required(sources[0], "datasetId"), required(sources[0], "tableId"), location)
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
        names = [field["name"] for field in part.fields]
        if names:
            columns = ", ".join(map(quote, names))
            sql = f"SELECT {columns} FROM {part.source}"  # noqa: S608
            self._warehouse.rows.append_query(table, sql, names, table.created)
        return {"copy": {}}, dataset.location
