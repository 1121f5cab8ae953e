"""How a job's rows reach its destination: dispositions, schema updates, the time of the change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.bigquery.errors import already_exists, failure, not_found, unsupported
from localcloud.bigquery.sql.partitioning import LAYOUT, check_same_partitions, read_layout
from localcloud.bigquery.sql.views import demand_table
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.rows import next_time, snapshot
from localcloud.bigquery.store.types import RECORD, Field, check_evolution
from localcloud.bigquery.warehouse import Warehouse, required

# What a query's column may become in a column of another type.
# Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules
COERCIONS = {("INTEGER", "FLOAT"), ("INTEGER", "NUMERIC"), ("NUMERIC", "FLOAT")}


@dataclass(frozen=True)
class Destination:
    """Where rows go and how, as a job's configuration says it."""

    dataset_id: str
    table_id: str
    create: str
    write: str
    updates: tuple[str, ...] = ()
    layout: dict[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, warehouse: Warehouse, config: dict[str, Any], default_write: str) -> Destination:
        """
        Read a load or query configuration.

        :param default_write: BigQuery's ``writeDisposition`` for that kind of job.
        """
        reference = required(config, "destinationTable")
        warehouse.check_project(reference.get("projectId"))
        write = config.get("writeDisposition") or default_write
        create = config.get("createDisposition") or "CREATE_IF_NEEDED"
        if write not in ("WRITE_EMPTY", "WRITE_APPEND", "WRITE_TRUNCATE"):
            raise unsupported(f"the writeDisposition {write}")
        if create not in ("CREATE_IF_NEEDED", "CREATE_NEVER"):
            raise failure("invalid", f"Invalid createDisposition: {create}")
        table_id = required(config, "destinationTable", "tableId")
        if "$" in table_id:
            raise unsupported(f"partition decorators ({table_id})")
        return cls(
            required(config, "destinationTable", "datasetId"),
            table_id,
            create,
            write,
            tuple(config.get("schemaUpdateOptions") or ()),
            {key: config[key] for key in LAYOUT if config.get(key)},
        )


class Writer:
    """
    Writes to destinations; the caller keeps the transaction.

    :param warehouse: where they are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._rows = warehouse.rows

    def write(
        self,
        destination: Destination,
        fields: list[Field],
        append: Callable[[Table, int], int],
        location: str | None = None,
    ) -> tuple[Table, int]:
        """
        Write rows into a table, and create or empty it first if the disposition says so.

        :param fields: the schema of the rows.
        :param append: adds the rows to the table, opening them at that time, and gives their number.
        :param location: where the table's dataset must be; anywhere if None.
        :return: the table and the number of rows.
        :raises ApiError: 404, 409 or 400 as the dispositions demand.
        """
        catalog = self._warehouse.catalog
        name = f"{catalog.project}:{destination.dataset_id}.{destination.table_id}"
        dataset = catalog.dataset(destination.dataset_id)
        if location and dataset.location.lower() != location.lower():
            raise not_found("Dataset", f"{catalog.project}:{destination.dataset_id}", location)
        table = catalog.find_table(destination.dataset_id, destination.table_id)
        if table is None:
            if destination.create == "CREATE_NEVER":
                raise not_found("Table", name, dataset.location)
            layout = read_layout(destination.layout, fields)
            table = self._warehouse.create_table(dataset, destination.table_id, fields, layout)
            at = table.created
        else:
            at = next_time(table)
            self._prepare(table, destination, fields, at, name)
        count = append(table, at)
        table.commit(at)
        catalog.put_table(table)
        return table, count

    def _prepare(
        self, table: Table, destination: Destination, fields: list[Field], at: int, name: str
    ) -> None:
        demand_table(table, self._warehouse.catalog.project)
        if destination.layout:
            wanted = read_layout(destination.layout, fields)
            check_same_partitions(table.resource, wanted, "Incompatible table partitioning specification")
        if destination.write == "WRITE_EMPTY" and self._rows.count(snapshot(table)):
            raise already_exists("Table", name)
        if destination.write == "WRITE_TRUNCATE" or not table.current.fields:
            read_layout(table.resource, fields)
            self._rows.replace(table, fields, at)
        else:
            self._fit(table, destination.updates, fields, at, name)

    def _fit(self, table: Table, updates: tuple[str, ...], fields: list[Field], at: int, name: str) -> None:
        present = {field["name"].lower(): field for field in table.current.fields}
        added = []
        for field in fields:
            column = present.get(field["name"].lower())
            if column is None:
                added.append({**field, "mode": "NULLABLE"})
            elif column["type"] == field["type"] == RECORD:
                check_evolution(name, [column], [{**field, "mode": column["mode"]}])
            elif column["type"] != field["type"] and (field["type"], column["type"]) not in COERCIONS:
                change = f"Field {field['name']} has changed type from {column['type']} to {field['type']}"
                raise failure("invalid", f"Provided Schema does not match Table {name}. {change}")
        if added:
            if "ALLOW_FIELD_ADDITION" not in updates:
                change = f"Cannot add fields (field: {added[0]['name']})"
                raise failure("invalid", f"Provided Schema does not match Table {name}. {change}")
            merged = [*table.current.fields, *added]
            check_evolution(name, table.current.fields, merged)
            self._rows.change_schema(table, merged, at)
