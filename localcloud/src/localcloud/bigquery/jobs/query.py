"""Query jobs: which statement it is, what it costs, where its result goes."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from localcloud.bigquery.errors import failure, unsupported
from localcloud.bigquery.jobs.ddl import Ddl
from localcloud.bigquery.jobs.destination import Destination, Writer
from localcloud.bigquery.jobs.dml import Dml
from localcloud.bigquery.sql.compiler import Compiled, duckdb_failures
from localcloud.bigquery.sql.resolution import Scope
from localcloud.bigquery.sql.syntax.parse import parse, statement_type
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.types import normalise_schema
from localcloud.bigquery.warehouse import Warehouse, required

_UNSUPPORTED = (
    *("connectionProperties", "createSession", "scriptOptions", "tableDefinitions"),
    "userDefinedFunctionResources",
)

# Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/DmlStats
_COUNTS = {"INSERT": "insertedRowCount", "UPDATE": "updatedRowCount", "DELETE": "deletedRowCount"}


class Queries:
    """
    Runs query jobs; the caller keeps the transaction.

    Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationQuery

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._writer = Writer(warehouse)
        self._dml = Dml(warehouse)
        self._ddl = Ddl(warehouse)

    def run(self, config: dict[str, Any], location: str | None, dry_run: bool) -> tuple[dict[str, Any], str]:
        """
        Run a query, or only check and price it.

        :param config: ``configuration.query``; gets the destination table that was chosen.
        :param location: where the job must run; where its tables are if None.
        :return: the job's statistics and its location.
        :raises ApiError: what BigQuery gives for a bad query.
        """
        text = required(config, "query")
        _refuse_unsupported(config, text)
        default = config.get("defaultDataset") or {}
        scope = self._warehouse.scope(default.get("datasetId"), location)
        scope.check_project(
            default.get("projectId"), f"Dataset {default.get('projectId')}:{default.get('datasetId')}"
        )
        statement = parse(text, config.get("queryParameters") or [], config.get("parameterMode"))
        kind = statement_type(statement)
        with duckdb_failures(statement):
            if kind == "SELECT":
                return self._select(statement, scope, config, dry_run)
            if kind.startswith(("CREATE", "DROP")):
                return self._define(statement, kind, scope, config, dry_run)
            return self._change(statement, kind, scope, config, dry_run)

    def _select(
        self, statement: exp.Expr, scope: Scope, config: dict[str, Any], dry_run: bool
    ) -> tuple[dict[str, Any], str]:
        compiled = self._warehouse.compiler.compile(statement, scope)
        where = self._location(compiled, scope)
        if not dry_run:
            table = self._keep(compiled, config, where)
            config["destinationTable"] = self._warehouse.reference(table)
        return self._statistics("SELECT", compiled), where

    def _keep(self, compiled: Compiled, config: dict[str, Any], where: str) -> Table:
        names = [field["name"] for field in compiled.fields]

        def append(table: Table, at: int) -> int:
            return self._warehouse.rows.append_query(table, compiled.sql, names, at)

        if config.get("destinationTable"):
            destination = Destination.of(self._warehouse, config, "WRITE_EMPTY")
            fields = normalise_schema(compiled.fields)
            return self._writer.write(destination, fields, append, where)[0]
        table = self._warehouse.create_result_table(where, compiled.fields)
        append(table, table.created)
        return table

    def _change(
        self, statement: exp.Expr, kind: str, scope: Scope, config: dict[str, Any], dry_run: bool
    ) -> tuple[dict[str, Any], str]:
        _refuse_destination(config, kind)
        change = self._dml.plan(statement, kind, scope)
        where = self._warehouse.catalog.dataset(change.table.dataset_id).location
        statistics = self._statistics(kind, change.compiled)
        statistics["query"].pop("schema")
        if dry_run:
            return statistics, where
        self._dml.run(change)
        statistics["query"]["numDmlAffectedRows"] = str(change.affected)
        statistics["query"]["dmlStats"] = {
            _COUNTS[verb]: str(count) for verb, count in change.touched.items()
        }
        return statistics, where

    def _define(
        self, statement: exp.Expr, kind: str, scope: Scope, config: dict[str, Any], dry_run: bool
    ) -> tuple[dict[str, Any], str]:
        _refuse_destination(config, kind)
        definition = self._ddl.plan(statement, scope)
        where = self._warehouse.catalog.dataset(definition.dataset_id).location
        statistics = self._statistics(kind, definition.compiled)
        reference = {
            "projectId": self._warehouse.settings.project,
            "datasetId": definition.dataset_id,
            "tableId": definition.table_id,
        }
        statistics["query"]["ddlOperationPerformed"] = definition.operation
        statistics["query"]["ddlTargetTable"] = reference
        if not dry_run:
            self._ddl.run(definition)
            if kind == "CREATE_TABLE_AS_SELECT":
                config["destinationTable"] = reference
        return statistics, where

    def _location(self, compiled: Compiled, scope: Scope) -> str:
        datasets = {part.table.dataset_id for part in compiled.snapshots}
        locations = {self._warehouse.catalog.dataset(dataset_id).location for dataset_id in datasets}
        if len(locations) > 1:
            raise failure(
                "invalidQuery", f"Tables of one query are in different locations: {sorted(locations)}"
            )
        return next(iter(locations), scope.location or self._warehouse.settings.location)

    def _statistics(self, kind: str, compiled: Compiled | None) -> dict[str, Any]:
        size = str(compiled.bytes_processed if compiled else 0)
        query: dict[str, Any] = {
            "statementType": kind,
            "totalBytesProcessed": size,
            "totalBytesBilled": size,
            "cacheHit": False,
        }
        if compiled:
            tables = {part.table.uid: part.table for part in compiled.snapshots}
            query["referencedTables"] = [self._warehouse.reference(table) for table in tables.values()]
            query["schema"] = {"fields": compiled.fields}
        return {"totalBytesProcessed": size, "query": query}


def _refuse_unsupported(config: dict[str, Any], text: str) -> None:
    if config.get("useLegacySql", True) and not text.lstrip().lower().startswith("#standardsql"):
        raise unsupported("legacy SQL; set useLegacySql to false")
    if (config.get("destinationEncryptionConfiguration") or {}).get("kmsKeyName"):
        raise unsupported("destinationEncryptionConfiguration of a query job")
    for key in _UNSUPPORTED:
        if config.get(key):
            raise unsupported(f"{key} of a query job")


def _refuse_destination(config: dict[str, Any], kind: str) -> None:
    if config.get("destinationTable"):
        raise failure("invalidQuery", f"Cannot set destination table in jobs with {kind} statements")
