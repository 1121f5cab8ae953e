"""Table names of a query to the rows that they stand for, now or at an earlier time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from localcloud.bigquery.catalog import Catalog, Table
from localcloud.bigquery.elimination import demand_filter, pseudo_column, use_pseudo_columns
from localcloud.bigquery.failures import failure, unsupported
from localcloud.bigquery.functions import to_duckdb
from localcloud.bigquery.partitioning import pseudo_columns
from localcloud.bigquery.rows import CLOSED, OPENED, Snapshot, snapshot
from localcloud.bigquery.types import Field
from localcloud.bigquery.views import VIEWS, view_query

ROW = "__ROOT__row"
_PLAIN = {"this", "db", "catalog", "alias", "joins", "version", "laterals"}


@dataclass(frozen=True)
class Scope:
    """
    Where a query runs.

    :param projects: the names that the one project answers to: its id and its number.
    :param default_dataset: dataset of names that carry none.
    :param home: the location that a job without one has until its tables tell.
    :param location: where all datasets must be; anywhere if None.
    """

    projects: tuple[str, str]
    home: str
    default_dataset: str | None = None
    location: str | None = None

    def check_project(self, project: str | None, what: str) -> None:
        """
        Refuse another project.

        :raises ApiError: 403.
        """
        if project and project not in self.projects:
            message = f"Access Denied: {what}: Permission denied, or perhaps it does not exist."
            raise failure("accessDenied", message)


class Binder:
    """
    Resolves the table names of one statement.

    :param catalog: where the tables are.
    :param scope: where the statement runs.
    """

    def __init__(self, catalog: Catalog, scope: Scope) -> None:
        self._catalog = catalog
        self._scope = scope
        self.snapshots: list[Snapshot] = []

    def find(self, node: exp.Table) -> Table:
        """
        Return the table that a name stands for.

        :raises ApiError: 404 if there is none, 403 for another project, 501 for what is no plain table.
        """
        table_id, dataset_id = self.split(node)
        return self._catalog.table(dataset_id, table_id, self._scope.location, self._scope.home)

    def split(self, node: exp.Table) -> tuple[str, str]:
        """Return table id and dataset id of a name; raises as :meth:`find`, except 404."""
        if not isinstance(node.this, exp.Identifier):
            raise unsupported(f"table functions ({node.sql('bigquery')})")
        extra = {key for key, value in node.args.items() if value} - _PLAIN
        if extra:
            raise unsupported(f"{', '.join(sorted(extra)).upper()} on a table ({node.sql('bigquery')})")
        if "INFORMATION_SCHEMA" in node.sql().upper() or node.name.startswith("__TABLES"):
            raise unsupported("INFORMATION_SCHEMA and __TABLES__; use the REST methods")
        if "*" in node.name:
            raise unsupported(f"wildcard tables ({node.name})")
        dataset_id = node.db or self._scope.default_dataset
        if not dataset_id:
            message = f'Table "{node.name}" must be qualified with a dataset (e.g. dataset.table).'
            raise failure("invalidQuery", message)
        self._scope.check_project(node.catalog, f"Table {node.catalog}:{dataset_id}.{node.name}")
        return node.name, dataset_id

    def resolve(self, statement: exp.Expr) -> None:
        """Find every table that a query names, and mark the names with what they stand for."""
        named = {cte.alias.lower() for cte in statement.find_all(exp.CTE)}
        for node in list(statement.find_all(exp.Table)):
            if isinstance(node.this, exp.Identifier) and not node.db and node.name.lower() in named:
                continue
            table = self.find(node)
            at = self._system_time(node.args.get("version"))
            if table.kind in VIEWS:
                self._read_through(node, table, at)
                continue
            if table.kind == "EXTERNAL":
                raise unsupported(f"queries of external tables ({node.sql('bigquery')})")
            demand_filter(node, table, self._catalog.project)
            part = self._past(table, at)
            node.meta["pseudo_columns"] = use_pseudo_columns(statement, node, table)
            node.meta["snapshot"] = len(self.snapshots)
            self.snapshots.append(part)
            if not node.alias:
                node.set("alias", exp.TableAlias(this=exp.to_identifier(table.table_id, quoted=True)))
            # one spelling for all, so that the types of a table's columns are found
            node.set("version", None)
            node.set("this", exp.to_identifier(f"s{node.meta['snapshot']}"))
            node.set("db", None)
            node.set("catalog", None)
        for column in statement.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)

    def _past(self, table: Table, at: int | None) -> Snapshot:
        """
        Return a table as a query reads it.

        Source: https://cloud.google.com/bigquery/docs/time-travel (row-level access); the message:
        https://fivetran.com/docs/connectors/databases/bigquery/troubleshooting/time-travel-forbidden-error

        :raises ApiError: 403 for the past of a table that has or had row access policies.
        """
        if at is not None and self._catalog.had_policies(table.uid):
            name = f"{self._catalog.project}:{table.dataset_id}.{table.table_id}"
            message = (
                f"Access Denied: BigQuery: Time travel on table {name} is forbidden "
                "as it has (or has had) row access policies."
            )
            raise failure("accessDenied", message)
        return snapshot(table, at, self._catalog.dataset(table.dataset_id).time_travel_hours)

    def _read_through(self, node: exp.Table, table: Table, at: int | None) -> None:
        """Put the query of a view in the place of its name."""
        query = view_query(table.resource)
        if at is not None or query is None:
            # the cloud is said to read the present rows instead, without a word
            raise unsupported(f"FOR SYSTEM_TIME AS OF on a view ({node.sql('bigquery')})")
        inner = Binder(self._catalog, replace(self._scope, default_dataset=None))
        inner.snapshots = self.snapshots
        inner.resolve(query)
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.table_id, quoted=True))
        _put(node, exp.Subquery(this=query, alias=alias.copy()))

    def _system_time(self, version: Any) -> int | None:
        if version is None:
            return None
        if version.find(exp.Column, exp.Subquery):
            raise failure("invalidQuery", "FOR SYSTEM_TIME AS OF must be a constant expression")
        moment = to_duckdb(version.expression.copy(), {}).sql("duckdb")
        row = self._catalog.connection.execute(f"SELECT epoch_us(CAST({moment} AS TIMESTAMPTZ))").fetchall()[
            0
        ]
        if row[0] is None:
            raise failure("invalidQuery", "FOR SYSTEM_TIME AS OF must not be NULL")
        return int(row[0])

    def schema(self) -> dict[str, dict[str, str]]:
        """Return the columns and types of all resolved tables, as sqlglot wants them."""
        return {
            f"s{index}": {field["name"]: _sql_type(field) for field in part.fields}
            | pseudo_columns(part.table.resource)
            | {ROW: "INTEGER"}
            for index, part in enumerate(self.snapshots)
        }

    def replace(self, statement: exp.Expr) -> None:
        """Put the rows in the place of the names."""
        for node in list(statement.find_all(exp.Table)):
            if "snapshot" not in node.meta:
                continue
            _put(node, self._select(node).subquery(node.args["alias"].copy()))

    def _select(self, node: exp.Table) -> exp.Select:
        part = self.snapshots[node.meta["snapshot"]]
        columns: list[exp.Expr] = [exp.column(field["name"], quoted=True) for field in part.fields]
        columns += [pseudo_column(name, part.table) for name in node.meta.get("pseudo_columns", [])]
        if node.meta.get("target"):
            columns.append(exp.alias_(exp.column("rowid"), ROW, quoted=True))
        rows = exp.to_table(f"data.{part.version.storage}", dialect="duckdb")
        visible = f"{OPENED} <= {part.at} AND {part.at} < {CLOSED}"
        return exp.select(*columns or [exp.Literal.number(1)]).from_(rows).where(visible, dialect="duckdb")


def _put(node: exp.Table, subquery: exp.Expr) -> None:
    """Replace the name of a table by a query, with whatever is joined to the name."""
    for key in ("joins", "laterals"):
        if node.args.get(key):
            subquery.set(key, node.args[key])
    node.replace(subquery)


def _sql_type(field: Field) -> str:
    return f"ARRAY<{field['type']}>" if field["mode"] == "REPEATED" else str(field["type"])
