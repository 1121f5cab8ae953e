"""What exists: datasets, tables and the versions of their schemas, kept in one DuckDB file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from localcloud.bigquery.failures import not_found
from localcloud.bigquery.types import Field

_TABLES = """
CREATE SCHEMA IF NOT EXISTS meta;
CREATE SCHEMA IF NOT EXISTS data;
CREATE TABLE IF NOT EXISTS meta.datasets (
    dataset_id VARCHAR, created BIGINT, modified BIGINT, resource VARCHAR
);
CREATE TABLE IF NOT EXISTS meta.tables (
    uid VARCHAR, dataset_id VARCHAR, table_id VARCHAR,
    created BIGINT, modified BIGINT, expires BIGINT, resource VARCHAR
);
CREATE TABLE IF NOT EXISTS meta.versions (uid VARCHAR, since BIGINT, storage VARCHAR, fields VARCHAR);
CREATE TABLE IF NOT EXISTS meta.jobs (job_id VARCHAR, created BIGINT, resource VARCHAR);
"""


@dataclass
class Dataset:
    """A dataset; ``resource`` holds what its owner may set. Times are ms since the epoch."""

    dataset_id: str
    created: int
    modified: int
    resource: dict[str, Any]

    @property
    def location(self) -> str:
        """Where its tables are, such as ``EU``."""
        return str(self.resource["location"])


@dataclass(frozen=True)
class Version:
    """The schema of a table from ``since`` on (ms), and the DuckDB table that holds its rows."""

    since: int
    storage: str
    fields: list[Field]


@dataclass
class Table:
    """A table; ``resource`` holds what its owner may set. Times are ms since the epoch."""

    uid: str
    dataset_id: str
    table_id: str
    created: int
    modified: int
    expires: int | None
    resource: dict[str, Any]
    versions: list[Version] = field(default_factory=list)

    @property
    def current(self) -> Version:
        """The version that holds now."""
        return self.versions[-1]

    def version_at(self, at: int) -> Version:
        """
        Give the version that held at a time.

        :param at: ms since the epoch, not before the table's creation.
        """
        return [version for version in self.versions if version.since <= at][-1]


def now_ms() -> int:
    """Give the time in ms since the epoch."""
    return time.time_ns() // 1_000_000


class Catalog:
    """
    Keeps the metadata, and the connection that its transactions and the rows share.

    One thread uses it: DuckDB's connection is not made for more.

    :param path: the DuckDB file; made when missing.
    :param project: id of the one project.
    :param macros: SQL of the functions that every connection needs.
    """

    def __init__(self, path: Path, project: str, macros: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.project = project
        # SQL comes from clients: it must not read this machine's files or load extensions
        self.connection = duckdb.connect(
            str(path), config={"enable_external_access": "false", "threads": "2"}
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(_TABLES)
        self.connection.execute(macros)
        self.connection.execute("SET lock_configuration = true")

    def close(self) -> None:
        """Write everything to the file and let it go."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside happen, or nothing of it."""
        self.connection.begin()
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()

    def _rows(self, sql: str, *values: Any) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()

    # datasets

    def datasets(self) -> list[Dataset]:
        """Give all datasets by name."""
        rows = self._rows("FROM meta.datasets ORDER BY dataset_id")
        return [Dataset(row[0], row[1], row[2], json.loads(row[3])) for row in rows]

    def find_dataset(self, dataset_id: str) -> Dataset | None:
        """Give a dataset if it exists."""
        return next((dataset for dataset in self.datasets() if dataset.dataset_id == dataset_id), None)

    def dataset(self, dataset_id: str) -> Dataset:
        """
        Give a dataset.

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
        """Forget a dataset; its tables must be gone."""
        self._rows("DELETE FROM meta.datasets WHERE dataset_id = ?", dataset_id)

    # tables

    def tables(self, dataset_id: str) -> list[Table]:
        """Give the tables of a dataset by name."""
        return self._tables("dataset_id = ?", dataset_id)

    def find_table(self, dataset_id: str, table_id: str) -> Table | None:
        """Give a table if it exists."""
        return next(iter(self._tables("dataset_id = ? AND table_id = ?", dataset_id, table_id)), None)

    def expired_tables(self) -> list[Table]:
        """Give the tables whose ``expirationTime`` has passed."""
        return self._tables("expires <= ?", now_ms())

    def table(
        self, dataset_id: str, table_id: str, location: str | None = None, home: str | None = None
    ) -> Table:
        """
        Give a table.

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
        tables = [Table(row[0], row[1], row[2], row[3], row[4], row[5], json.loads(row[6])) for row in rows]
        for table in tables:
            versions = self._rows("FROM meta.versions WHERE uid = ? ORDER BY since", table.uid)
            table.versions = [Version(row[1], row[2], json.loads(row[3])) for row in versions]
        return tables

    def put_table(self, table: Table) -> None:
        """Create a table's metadata or replace them."""
        self._forget(table.uid)
        self._rows(
            "INSERT INTO meta.tables VALUES (?, ?, ?, ?, ?, ?, ?)",
            table.uid,
            table.dataset_id,
            table.table_id,
            table.created,
            table.modified,
            table.expires,
            json.dumps(table.resource),
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
        """Forget a table and drop its rows, the past ones too."""
        self._forget(table.uid)
        for storage in {version.storage for version in table.versions}:
            self._rows(f"DROP TABLE IF EXISTS data.{storage}")

    def _forget(self, uid: str) -> None:
        self._rows("DELETE FROM meta.tables WHERE uid = ?", uid)
        self._rows("DELETE FROM meta.versions WHERE uid = ?", uid)

    # jobs

    def put_job(self, job_id: str, resource: dict[str, Any]) -> None:
        """Keep the resource of a finished job."""
        created = int(resource["statistics"]["creationTime"])
        self._rows("INSERT INTO meta.jobs VALUES (?, ?, ?)", job_id, created, json.dumps(resource))

    def find_job(self, job_id: str) -> dict[str, Any] | None:
        """Give a job's resource if there is such a job."""
        rows = self._rows("SELECT resource FROM meta.jobs WHERE job_id = ?", job_id)
        return json.loads(rows[0][0]) if rows else None

    def jobs(self) -> list[dict[str, Any]]:
        """Give all jobs, the newest first."""
        rows = self._rows("SELECT resource FROM meta.jobs ORDER BY created DESC, job_id")
        return [json.loads(row[0]) for row in rows]

    def remove_job(self, job_id: str) -> None:
        """Forget a job."""
        self._rows("DELETE FROM meta.jobs WHERE job_id = ?", job_id)
