"""CREATE TABLE, with and without AS SELECT, CREATE VIEW, and DROP of both."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from localcloud.bigquery.errors import already_exists, failure, not_found, unsupported
from localcloud.bigquery.jobs.ddl_options import DESCRIPTIVE, read_options
from localcloud.bigquery.sql.compiler import Compiled
from localcloud.bigquery.sql.partitioning import check_same_partitions, read_layout
from localcloud.bigquery.sql.resolution import Names, Scope
from localcloud.bigquery.store.catalog import Table
from localcloud.bigquery.store.rows import next_time
from localcloud.bigquery.store.types import RECORD, Field, normalise_schema
from localcloud.bigquery.warehouse import Warehouse

_PLAIN = {"this", "kind", "exists", "replace", "expression", "with_", "properties"}


@dataclass
class Definition:
    """A planned change of what tables exist; ``operation`` is BigQuery's ``ddlOperationPerformed``."""

    operation: str
    dataset_id: str
    table_id: str
    existing: Table | None
    fields: list[Field] = field(default_factory=list)
    compiled: Compiled | None = None
    resource: dict[str, Any] = field(default_factory=dict)


class Ddl:
    """
    Plans and makes definitions; the caller keeps the transaction.

    :param warehouse: where the tables are.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def plan(self, statement: exp.Expr, scope: Scope) -> Definition:
        """
        Check a statement without running it.

        :raises ApiError: 409 for a table that exists, 404 for one that does not, 501 for options.
        """
        options = read_options(statement) if isinstance(statement, exp.Create) else {}
        extra = {key for key, value in statement.args.items() if value} - _PLAIN
        if isinstance(statement, exp.Create) and extra:
            kind = statement.args["kind"]
            raise unsupported(f"{', '.join(sorted(extra))} of CREATE {kind} ({statement.sql('bigquery')})")
        name = _table_name(statement)
        table_id, dataset_id = Names(self._warehouse.catalog, scope).split(name)
        dataset = self._warehouse.catalog.dataset(dataset_id)
        full = f"{self._warehouse.settings.project}:{dataset_id}.{table_id}"
        if scope.location and dataset.location.lower() != scope.location.lower():
            raise not_found("Dataset", full.split(".")[0], scope.location)
        existing = self._warehouse.catalog.find_table(dataset_id, table_id)
        changes = isinstance(statement, exp.Drop) or statement.args.get("replace")
        if existing and changes and existing.kind != statement.args["kind"]:
            message = f"{full} is not allowed for this operation because it is currently a {existing.kind}."
            raise failure("invalid", message)
        if isinstance(statement, exp.Drop):
            if existing is None and not statement.args.get("exists"):
                raise not_found("Table", full)
            return Definition("DROP" if existing else "SKIP", dataset_id, table_id, existing)
        if existing and statement.args.get("exists"):
            return Definition("SKIP", dataset_id, table_id, existing)
        if existing and not statement.args.get("replace"):
            raise already_exists("Table", full)
        operation = "REPLACE" if existing else "CREATE"
        definition = Definition(operation, dataset_id, table_id, existing)
        if statement.args["kind"] == "VIEW":
            self._view(statement, scope, options, definition)
        else:
            self._columns(statement, scope, definition)
            self._layout(options, full, definition)
        return definition

    def _view(
        self, statement: exp.Expr, scope: Scope, options: dict[str, Any], definition: Definition
    ) -> None:
        if isinstance(statement.this, exp.Schema):
            raise unsupported("CREATE VIEW with column names")
        query = statement.expression
        # a view has no default dataset: its tables must be qualified
        compiled = self._warehouse.compiler.compile(query.copy(), replace(scope, default_dataset=None))
        definition.fields = normalise_schema(compiled.fields)
        view = {"query": query.sql("bigquery"), "useLegacySql": False}
        if options.keys() - set(DESCRIPTIVE):
            raise failure("invalidQuery", "A view has no partitions and no clusters")
        definition.resource = options | {"view": view}

    def _layout(self, options: dict[str, Any], full: str, definition: Definition) -> None:
        layout = read_layout(options, definition.fields)
        if definition.existing:
            problem = f"Cannot replace table {full} with a different partitioning; drop it first"
            check_same_partitions(definition.existing.resource, layout, problem)
        definition.resource = {key: options[key] for key in DESCRIPTIVE if key in options} | layout

    def _columns(self, statement: exp.Expr, scope: Scope, definition: Definition) -> None:
        if isinstance(statement.this, exp.Schema):
            definition.fields = normalise_schema([_field(column) for column in statement.this.expressions])
        if not statement.expression:
            return
        if definition.fields:
            raise unsupported("CREATE TABLE with both columns and AS SELECT")
        definition.compiled = self._warehouse.compiler.compile(statement.expression.copy(), scope)
        definition.fields = normalise_schema(definition.compiled.fields)

    def run(self, definition: Definition) -> None:
        """Carry out a planned definition."""
        catalog = self._warehouse.catalog
        table = definition.existing
        if definition.operation == "SKIP":
            return
        if definition.operation == "DROP" and table:
            catalog.remove_table(table)
            return
        if table is None:
            dataset = catalog.dataset(definition.dataset_id)
            table = self._warehouse.create_table(
                dataset, definition.table_id, definition.fields, definition.resource
            )
            at = table.created
        else:
            at = next_time(table)
            self._warehouse.rows.replace(table, definition.fields, at)
            table.resource = definition.resource
        if definition.compiled:
            names = [column["name"] for column in definition.fields]
            self._warehouse.rows.append_query(table, definition.compiled.sql, names, at)
        table.commit(at)
        catalog.put_table(table)


def _table_name(statement: exp.Expr) -> exp.Table:
    names = statement.args.get("tables") or [statement.this]
    if len(names) > 1:
        raise unsupported("DROP TABLE of more than one table")
    name = names[0].this if isinstance(names[0], exp.Schema) else names[0]
    if not isinstance(name, exp.Table):
        raise failure("invalidQuery", f"Not a table: {name.sql('bigquery')}")
    return name


def _field(column: exp.Expr) -> Field:
    if not isinstance(column, exp.ColumnDef) or column.kind is None:
        raise failure("invalidQuery", f"Column definition expected: {column.sql('bigquery')}")
    field = _typed(column.name, column.kind)
    for constraint in column.constraints:
        if not isinstance(constraint.kind, exp.NotNullColumnConstraint):
            raise unsupported(f"{constraint.sql('bigquery')} of a column")
        if field["mode"] == "REPEATED":
            raise failure("invalidQuery", f"NOT NULL cannot be applied to ARRAY field {column.name}")
        field["mode"] = "REQUIRED"
    return field


def _typed(name: str, kind: exp.DataType) -> Field:
    mode = "NULLABLE"
    if kind.this == exp.DType.ARRAY and kind.expressions:
        kind, mode = kind.expressions[0], "REPEATED"
    if kind.this != exp.DType.STRUCT:
        return {"name": name, "type": kind.sql("bigquery"), "mode": mode}
    if not all(isinstance(part, exp.ColumnDef) for part in kind.expressions):
        raise failure("invalidQuery", f"STRUCT fields of a column must have names ({name})")
    return {"name": name, "type": RECORD, "mode": mode, "fields": [_field(part) for part in kind.expressions]}
