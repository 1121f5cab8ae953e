"""What exists: datasets, tables and the versions of their schemas, kept in one DuckDB file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from localcloud.bigquery.errors import not_found
from localcloud.bigquery.store.types import Field

_TABLES = """
CREATE SCHEMA IF NOT EXISTS meta;
CREATE SCHEMA IF NOT EXISTS data;
CREATE TABLE IF NOT EXISTS meta.datasets (
    dataset_id VARCHAR, created BIGINT, modified BIGINT, resource VARCHAR
);
CREATE TABLE IF NOT EXISTS meta.tables (
    uid VARCHAR, dataset_id VARCHAR, table_id VARCHAR,
    created BIGINT, modified BIGINT, expires BIGINT, resource VARCHAR,
    streamed_from BIGINT, streamed_to BIGINT
);
CREATE TABLE IF NOT EXISTS meta.policies (uid VARCHAR, policy_id VARCHAR, resource VARCHAR, dropped BOOLEAN);
CREATE TABLE IF NOT EXISTS meta.versions (uid VARCHAR, since BIGINT, storage VARCHAR, fields VARCHAR);
CREATE TABLE IF NOT EXISTS meta.jobs (job_id VARCHAR, created BIGINT, resource VARCHAR);
CREATE TABLE IF NOT EXISTS meta.read_sessions (session_id VARCHAR, expires BIGINT, resource VARCHAR);
"""
# Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset (maxTimeTravelHours)
DEFAULT_TIME_TRAVEL_HOURS = 168
# Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#Table (type)
_KINDS = {
    "view": "VIEW",
    "materializedView": "MATERIALIZED_VIEW",
    "externalDataConfiguration": "EXTERNAL",
    "snapshotDefinition": "SNAPSHOT",
}


@dataclass
class Dataset:
    """A dataset; ``resource`` holds what its owner may set. Times are ms since the epoch."""

    dataset_id: str
    created: int
    modified: int
    resource: dict[str, Any]

    @property
    def location(self) -> str:
        """Return the location of its tables, such as ``EU``."""
        return str(self.resource["location"])

    @property
    def time_travel_hours(self) -> int:
        """Return how far back its tables can be read."""
        return int(self.resource.get("maxTimeTravelHours", DEFAULT_TIME_TRAVEL_HOURS))


@dataclass(frozen=True)
class Version:
    """The schema of a table from ``since`` on (µs), and the DuckDB table that holds its rows."""

    since: int
    storage: str
    fields: list[Field]


@dataclass
class Table:
    """
    A table, or a view or whatever else ``tables`` serves; times are µs since the epoch, as BigQuery commits.

    :param resource: what its owner may set.
    :param modified: the last commit; streamed rows are there before it tells of them.
    :param expires: ms since the epoch.
    :param streamed_from: the oldest row in the streaming buffer, None if that is empty.
    :param streamed_to: the newest one.
    """

    uid: str
    dataset_id: str
    table_id: str
    created: int
    modified: int
    expires: int | None
    resource: dict[str, Any]
    versions: list[Version] = field(default_factory=list)
    streamed_from: int | None = None
    streamed_to: int | None = None

    @property
    def kind(self) -> str:
        """Return its ``type``, such as ``TABLE`` or ``VIEW``."""
        return next((kind for key, kind in _KINDS.items() if key in self.resource), "TABLE")

    @property
    def latest(self) -> int:
        """Return when its rows last changed, including those in the streaming buffer."""
        return self.streamed_to or self.modified

    def commit(self, at: int) -> None:
        """Change its rows or metadata at a time; what was in the streaming buffer is committed too."""
        self.modified, self.streamed_from, self.streamed_to = at, None, None

    def stream(self, at: int) -> None:
        """Add rows to the streaming buffer, visible from a time on."""
        self.streamed_from, self.streamed_to = self.streamed_from or at, at

    @property
    def current(self) -> Version:
        """Return the current version."""
        return self.versions[-1]

    def version_at(self, at: int) -> Version:
        """
        Return the version that held at a time.

        :param at: µs since the epoch, not before the table's creation.
        """
        return [version for version in self.versions if version.since <= at][-1]


def now_ms() -> int:
    """Return the time in ms since the epoch."""
    return time.time_ns() // 1_000_000


def now_us() -> int:
    """Return the time in µs since the epoch."""
    return time.time_ns() // 1_000


class Catalog:
    """
    Keeps the metadata, and the connection that its transactions and the rows share.

    One thread uses it: DuckDB's connection is not made for more.

    :param path: the DuckDB file; made when missing.
    :param project: id of the one project.
    :param install: makes the functions that statements call known to the connection.
    """

    def __init__(
        self, path: Path, project: str, install: Callable[[duckdb.DuckDBPyConnection], None]
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.project = project
        self._after_commit: list[Callable[[], None]] = []
        # SQL comes from clients: it must not read this machine's files or load extensions
        self.connection = duckdb.connect(
            str(path), config={"enable_external_access": "false", "threads": "2"}
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(_TABLES)
        install(self.connection)
        self.connection.execute("SET lock_configuration = true")

    def close(self) -> None:
        """Write everything to the file and let it go."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes inside, or none of them."""
        self._after_commit.clear()
        self.connection.begin()
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()
        for action in self._after_commit:
            action()

    def after_commit(self, action: Callable[[], None]) -> None:
        """
        Call a function once the current transaction has been committed, and only then.

        :param action: what changes nothing in the catalog.
        """
        self._after_commit.append(action)

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()

    # datasets

    def datasets(self) -> list[Dataset]:
        """Return all datasets by name."""
        rows = self._rows("FROM meta.datasets ORDER BY dataset_id")
        return [Dataset(row[0], row[1], row[2], json.loads(row[3])) for row in rows]

    def find_dataset(self, dataset_id: str) -> Dataset | None:
        """Return a dataset if it exists."""
        return next((dataset for dataset in self.datasets() if dataset.dataset_id == dataset_id), None)

    def dataset(self, dataset_id: str) -> Dataset:
        """
        Return a dataset.

        :raises ApiError: 404 when it does not exist.
        """
        dataset = self.find_dataset(dataset_id)
        if dataset is None:
            raise not_found("Dataset", f"{self.project}:{dataset_id}")
        return dataset

    def put_dataset(self, dataset: Dataset) -> None:
        """Create a dataset or replace it."""
        self.remove_dataset(dataset.dataset_id)
        self._rows(
            "INSERT INTO meta.datasets VALUES (?, ?, ?, ?)",
            dataset.dataset_id,
            dataset.created,
            dataset.modified,
            json.dumps(dataset.resource),
        )

    def remove_dataset(self, dataset_id: str) -> None:
        """Delete a dataset without tables."""
        self._rows("DELETE FROM meta.datasets WHERE dataset_id = ?", dataset_id)

    # tables

    def tables(self, dataset_id: str) -> list[Table]:
        """Return the tables of a dataset by name."""
        return self._tables("dataset_id = ?", dataset_id)

    def find_table(self, dataset_id: str, table_id: str) -> Table | None:
        """Return a table if it exists."""
        return next(iter(self._tables("dataset_id = ? AND table_id = ?", dataset_id, table_id)), None)

    def expired_tables(self) -> list[Table]:
        """Return the tables whose ``expirationTime`` has passed."""
        return self._tables("expires <= ?", now_ms())

    def streamed_tables(self, until: int) -> list[Table]:
        """Return the tables whose oldest row in the streaming buffer came before a time (µs)."""
        return self._tables("streamed_from <= ?", until)

    def table(
        self, dataset_id: str, table_id: str, location: str | None = None, home: str | None = None
    ) -> Table:
        """
        Return a table.

        :param location: where it must be; anywhere if None.
        :param home: the location to name in the error when a job without one looks for it.
        :raises ApiError: 404 when it, or its dataset there, does not exist.
        """
        dataset = self.find_dataset(dataset_id)
        if dataset is None or (location and dataset.location.lower() != location.lower()):
            raise not_found("Dataset", f"{self.project}:{dataset_id}", location or home)
        table = self.find_table(dataset_id, table_id)
        if table is None:
            where = dataset.location if home else None
            raise not_found("Table", f"{self.project}:{dataset_id}.{table_id}", where)
        return table

    def _tables(self, condition: str, *values: Any) -> list[Table]:
        rows = self._rows(f"FROM meta.tables WHERE {condition} ORDER BY table_id", *values)
        tables = [
            Table(row[0], row[1], row[2], row[3], row[4], row[5], json.loads(row[6]), [], row[7], row[8])
            for row in rows
        ]
        for table in tables:
            versions = self._rows("FROM meta.versions WHERE uid = ? ORDER BY since", table.uid)
            table.versions = [Version(row[1], row[2], json.loads(row[3])) for row in versions]
        return tables

    def put_table(self, table: Table) -> None:
        """Create a table's metadata or replace them."""
        self._forget(table.uid)
        self._rows(
            "INSERT INTO meta.tables VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            table.uid,
            table.dataset_id,
            table.table_id,
            table.created,
            table.modified,
            table.expires,
            json.dumps(table.resource),
            table.streamed_from,
            table.streamed_to,
        )
        for version in table.versions:
            self._rows(
                "INSERT INTO meta.versions VALUES (?, ?, ?, ?)",
                table.uid,
                version.since,
                version.storage,
                json.dumps(version.fields),
            )

    def remove_table(self, table: Table) -> None:
        """Delete a table and its rows, including past ones."""
        self._forget(table.uid)
        self._rows("DELETE FROM meta.policies WHERE uid = ?", table.uid)
        for storage in {version.storage for version in table.versions}:
            self._rows(f"DROP TABLE IF EXISTS data.{storage}")

    def _forget(self, uid: str) -> None:
        self._rows("DELETE FROM meta.tables WHERE uid = ?", uid)
        self._rows("DELETE FROM meta.versions WHERE uid = ?", uid)

    # row access policies

    def put_policy(self, uid: str, policy_id: str, resource: dict[str, Any]) -> None:
        """Keep a row access policy of a table."""
        self._rows("INSERT INTO meta.policies VALUES (?, ?, ?, false)", uid, policy_id, json.dumps(resource))

    def policies(self, uid: str) -> dict[str, dict[str, Any]]:
        """Return the row access policies of a table, by id."""
        rows = self._rows("FROM meta.policies WHERE uid = ? AND NOT dropped ORDER BY policy_id", uid)
        return {row[1]: json.loads(row[2]) for row in rows}

    def drop_policy(self, uid: str, policy_id: str) -> None:
        """Delete a row access policy, but record that there was one."""
        self._rows("UPDATE meta.policies SET dropped = true WHERE uid = ? AND policy_id = ?", uid, policy_id)

    def had_policies(self, uid: str) -> bool:
        """Return whether a table has row access policies or has had any."""
        return bool(self._rows("FROM meta.policies WHERE uid = ? LIMIT 1", uid))

    # jobs

    def put_job(self, job_id: str, resource: dict[str, Any]) -> None:
        """Keep the resource of a finished job."""
        created = int(resource["statistics"]["creationTime"])
        self._rows("INSERT INTO meta.jobs VALUES (?, ?, ?)", job_id, created, json.dumps(resource))

    def find_job(self, job_id: str) -> dict[str, Any] | None:
        """Return a job's resource if there is such a job."""
        rows = self._rows("SELECT resource FROM meta.jobs WHERE job_id = ?", job_id)
        return json.loads(rows[0][0]) if rows else None

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs, the newest first."""
        rows = self._rows("SELECT resource FROM meta.jobs ORDER BY created DESC, job_id")
        return [json.loads(row[0]) for row in rows]

    def remove_job(self, job_id: str) -> None:
        """Delete a job."""
        self._rows("DELETE FROM meta.jobs WHERE job_id = ?", job_id)
