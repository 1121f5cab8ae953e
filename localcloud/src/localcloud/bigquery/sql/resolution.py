"""Table names of a query to the rows that they stand for, now or at an earlier time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sqlglot import exp

from localcloud.bigquery.errors import failure, not_found, unsupported
from localcloud.bigquery.sql.checks.counts import check_counts
from localcloud.bigquery.sql.checks.pivots import write_pivots
from localcloud.bigquery.sql.checks.quantifiers import write_quantifiers
from localcloud.bigquery.sql.checks.queries import check_queries
from localcloud.bigquery.sql.checks.served import check_functions
from localcloud.bigquery.sql.checks.structs import write_structs
from localcloud.bigquery.sql.elimination import demand_filter, use_pseudo_columns
from localcloud.bigquery.sql.functions.expressions import to_duckdb
from localcloud.bigquery.sql.functions.types import Types
from localcloud.bigquery.sql.information_schema import read_view, view_name
from localcloud.bigquery.sql.views import VIEWS, view_query
from localcloud.bigquery.store.catalog import Catalog, Table
from localcloud.bigquery.store.rows import Snapshot, snapshot

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


@dataclass(frozen=True)
class Resolved:
    """
    A query whose tables are found.

    :param query: its own tree, in which ``s0`` names the first of the snapshots; see :class:`TableMark`.
    :param asked: the query as it was parsed, to find the place of an error.
    :param snapshots: the rows that the query reads.
    """

    query: exp.Query
    asked: exp.Query
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True)
class TableMark:
    """What a table of a resolved query stands for, in its ``meta["table"]``."""

    snapshot: int
    pseudo_columns: tuple[str, ...]
    is_target: bool


def resolve(query: exp.Query, catalog: Catalog, scope: Scope) -> Resolved:
    """
    Find every table that a query names.

    :raises ApiError: 404 for a table that does not exist, 501 for what is not served.
    """
    check_functions(query)
    check_counts(query)
    check_queries(query)
    tree = query.copy()
    names = Names(catalog, scope)
    write_quantifiers(tree)
    write_pivots(tree, names.columns)
    write_structs(tree)
    snapshots: list[Snapshot] = []
    _Resolution(names, snapshots).run(tree)
    return Resolved(tree, query.copy(), tuple(snapshots))


@dataclass(frozen=True)
class Names:
    """
    The names of tables in one statement.

    :param catalog: where the tables are.
    :param scope: where the statement runs.
    """

    catalog: Catalog
    scope: Scope

    def find(self, node: exp.Table) -> Table:
        """
        Return the table that a name stands for.

        :raises ApiError: 404 if there is none, 403 for another project, 501 for what is no plain table.
        """
        table_id, dataset_id = self.split(node)
        return self.catalog.table(dataset_id, table_id, self.scope.location, self.scope.home)

    def columns(self, node: exp.Table) -> list[str]:
        """Return the names of the columns of a table; raises as :meth:`find`, and 501 for a view."""
        table = self.find(exp.Table(**{key: node.args.get(key) for key in ("this", "db", "catalog")}))
        if table.kind != "TABLE":
            raise unsupported(f"PIVOT and UNPIVOT of a {table.kind}")
        return [field["name"] for field in table.current.fields]

    def split(self, node: exp.Table) -> tuple[str, str]:
        """Return table id and dataset id of a name; raises as :meth:`find`, except 404."""
        if not isinstance(node.this, exp.Identifier):
            raise unsupported(f"table functions ({node.sql('bigquery')})")
        extra = {key for key, value in node.args.items() if value} - _PLAIN
        if extra:
            raise unsupported(f"{', '.join(sorted(extra)).upper()} on a table ({node.sql('bigquery')})")
        if "INFORMATION_SCHEMA" in node.sql().upper() or node.name.startswith("__TABLES"):
            raise unsupported("INFORMATION_SCHEMA and __TABLES__ here; use the REST methods")
        if "*" in node.name:
            raise unsupported(f"wildcard tables ({node.name})")
        dataset_id = node.db or self.scope.default_dataset
        if not dataset_id:
            message = f'Table "{node.name}" must be qualified with a dataset (e.g. dataset.table).'
            raise failure("invalidQuery", message)
        self.scope.check_project(node.catalog, f"Table {node.catalog}:{dataset_id}.{node.name}")
        return node.name, dataset_id


@dataclass(frozen=True)
class _Resolution:
    """The resolution of one tree, which it changes; views add to the same snapshots."""

    names: Names
    snapshots: list[Snapshot] = field(default_factory=list)

    def run(self, tree: exp.Expr) -> None:
        named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        for node in list(tree.find_all(exp.Table)):
            if isinstance(node.this, exp.Identifier) and not node.db and node.name.lower() in named:
                continue
            view = view_name(node)
            if view:
                self._read_metadata(node, view)
                continue
            table = self.names.find(node)
            at = self._system_time(node.args.get("version"))
            if table.kind in VIEWS:
                self._read_through(node, table, at)
            elif table.kind == "EXTERNAL":
                raise unsupported(f"queries of external tables ({node.sql('bigquery')})")
            else:
                self._mark(tree, node, table, at)
        for column in tree.find_all(exp.Column):
            column.set("db", None)
            column.set("catalog", None)

    def _read_metadata(self, node: exp.Table, view: str) -> None:
        """Replace the name of a view of INFORMATION_SCHEMA by its rows."""
        catalog, scope = self.names.catalog, self.names.scope
        scope.check_project(node.catalog, f"Table {node.catalog}:{node.db}.{node.name}")
        dataset = catalog.find_dataset(node.db)
        if dataset is None or (scope.location and dataset.location.lower() != scope.location.lower()):
            raise not_found("Dataset", f"{catalog.project}:{node.db}", scope.location or scope.home)
        query = read_view(view, catalog.project, catalog.tables(node.db), catalog.connection)
        put_subquery(node, exp.Subquery(this=query, alias=node.args["alias"].copy()))

    def _mark(self, tree: exp.Expr, node: exp.Table, table: Table, at: int | None) -> None:
        demand_filter(node, table, self.names.catalog.project)
        pseudo = tuple(use_pseudo_columns(tree, node, table))
        mark = TableMark(len(self.snapshots), pseudo, bool(node.meta.get("target")))
        self.snapshots.append(self._past(table, at))
        node.meta["table"] = mark
        if not node.alias:
            node.set("alias", exp.TableAlias(this=exp.to_identifier(table.table_id, quoted=True)))
        # one spelling for all, so that the types of a table's columns are found
        node.set("version", None)
        node.set("this", exp.to_identifier(f"s{mark.snapshot}"))
        node.set("db", None)
        node.set("catalog", None)

    def _past(self, table: Table, at: int | None) -> Snapshot:
        """
        Return a table as a query reads it.

        Source: https://cloud.google.com/bigquery/docs/time-travel (row-level access); the message:
        https://fivetran.com/docs/connectors/databases/bigquery/troubleshooting/time-travel-forbidden-error

        :raises ApiError: 403 for the past of a table that has or had row access policies.
        """
        if at is not None and self.names.catalog.had_policies(table.uid):
            name = f"{self.names.catalog.project}:{table.dataset_id}.{table.table_id}"
            message = (
                f"Access Denied: BigQuery: Time travel on table {name} is forbidden "
                "as it has (or has had) row access policies."
            )
            raise failure("accessDenied", message)
        return snapshot(table, at, self.names.catalog.dataset(table.dataset_id).time_travel_hours)

    def _read_through(self, node: exp.Table, table: Table, at: int | None) -> None:
        """Replace the name of a view by its query."""
        query = view_query(table.resource)
        if at is not None or query is None:
            # the cloud is said to read the present rows instead, without a word
            raise unsupported(f"FOR SYSTEM_TIME AS OF on a view ({node.sql('bigquery')})")
        check_functions(query)
        check_counts(query)
        check_queries(query)
        names = Names(self.names.catalog, replace(self.names.scope, default_dataset=None))
        write_quantifiers(query)
        write_pivots(query, names.columns)
        write_structs(query)
        _Resolution(names, self.snapshots).run(query)
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.table_id, quoted=True))
        put_subquery(node, exp.Subquery(this=query, alias=alias.copy()))

    def _system_time(self, version: Any) -> int | None:
        if version is None:
            return None
        if version.find(exp.Column, exp.Subquery):
            raise failure("invalidQuery", "FOR SYSTEM_TIME AS OF must be a constant expression")
        moment = to_duckdb(version.expression.copy(), Types()).sql("duckdb")
        row = self.names.catalog.connection.execute(
            f"SELECT epoch_us(CAST({moment} AS TIMESTAMPTZ))"
        ).fetchall()[0]
        if row[0] is None:
            raise failure("invalidQuery", "FOR SYSTEM_TIME AS OF must not be NULL")
        return int(row[0])


def put_subquery(node: exp.Table, subquery: exp.Expr) -> None:
    """Replace the name of a table by a query, with whatever is joined to the name."""
    for key in ("joins", "laterals"):
        if node.args.get(key):
            subquery.set(key, node.args[key])
    node.replace(subquery)
