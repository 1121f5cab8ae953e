"""The parts that every method of the API shares."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from localcloud.bigquery.errors import failure
from localcloud.bigquery.sql.compiler import Compiler
from localcloud.bigquery.sql.functions.expressions import install
from localcloud.bigquery.sql.resolution import Scope
from localcloud.bigquery.store.catalog import Catalog, Dataset, Table, now_ms, now_us
from localcloud.bigquery.store.read_sessions import ReadSessionStore
from localcloud.bigquery.store.rows import Rows, next_time
from localcloud.bigquery.store.types import Field
from localcloud.bigquery.store.upgrade import count_microseconds
from localcloud.config import Settings
from localcloud.storage.objects import ObjectStore

# BigQuery keeps the result of a query that named no destination for about a day.
RESULT_LIFE_MS = 24 * 3600 * 1000
# Up to 90 minutes in the cloud.
# Source: https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability
STREAMING_BUFFER_US = 2_000_000


class Warehouse:
    """
    Holds the catalog, the rows and the compiler of one project.

    :param settings: project, location and the folder of the state.
    :param objects: where load and extract jobs find gs:// objects.
    """

    def __init__(self, settings: Settings, objects: ObjectStore) -> None:
        self.settings = settings
        self.objects = objects
        self.catalog = Catalog(settings.state / "bigquery" / "catalog.duckdb", settings.project, install)
        self.rows = Rows(self.catalog)
        self.read_sessions = ReadSessionStore(self.catalog)
        self.compiler = Compiler(self.catalog, self.rows)
        with self.catalog.transaction():
            count_microseconds(self.catalog)
            self.sweep()
            self.rows.purge()

    def scope(self, default_dataset: str | None = None, location: str | None = None) -> Scope:
        """Return where a statement runs; parameters as :class:`Scope` has them."""
        return Scope(
            (self.settings.project, self.settings.project_number),
            self.settings.location,
            default_dataset,
            location,
        )

    def check_project(self, project: str | None) -> None:
        """
        Refuse another project than the one that exists.

        :raises ApiError: 403.
        """
        self.scope().check_project(project, f"Project {project}")

    def sweep(self) -> None:
        """Delete what has expired, and flush streaming buffers to their tables."""
        self.read_sessions.drop_expired()
        for table in self.catalog.expired_tables():
            self.catalog.remove_table(table)
        for table in self.catalog.streamed_tables(now_us() - STREAMING_BUFFER_US):
            table.commit(next_time(table))
            self.catalog.put_table(table)

    def create_table(
        self,
        dataset: Dataset,
        table_id: str,
        fields: list[Field],
        resource: dict[str, Any] | None = None,
        expires: int | None = None,
    ) -> Table:
        """
        Create an empty table.

        :param resource: what its owner may set.
        :param expires: ms since the epoch; the dataset's default if None.
        """
        now = next_time()
        life = dataset.resource.get("defaultTableExpirationMs")
        if expires is None and life is not None:
            expires = now // 1000 + int(life)
        version = self.rows.new_version(now, fields)
        table = Table(
            uuid.uuid4().hex, dataset.dataset_id, table_id, now, now, expires, resource or {}, [version]
        )
        self.catalog.put_table(table)
        return table

    def create_result_table(self, location: str, fields: list[Field]) -> Table:
        """Create the hidden table that keeps a query's result for a day."""
        digest = hashlib.sha256(f"{self.settings.project}:{location}".encode()).hexdigest()[:40]
        dataset_id = f"_{digest}"
        dataset = self.catalog.find_dataset(dataset_id)
        if dataset is None:
            now = now_ms()
            dataset = Dataset(dataset_id, now, now, {"location": location})
            self.catalog.put_dataset(dataset)
        return self.create_table(dataset, f"anon{uuid.uuid4().hex}", fields, {}, now_ms() + RESULT_LIFE_MS)

    def reference(self, table: Table) -> dict[str, str]:
        """Return a table's ``tableReference``."""
        return {
            "projectId": self.settings.project,
            "datasetId": table.dataset_id,
            "tableId": table.table_id,
        }


def required(body: dict[str, Any], *path: str) -> Any:
    """
    Return a value deep in a request.

    :raises ApiError: 400 that names the path when it is missing.
    """
    value: Any = body
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if value in (None, ""):
        raise failure("required", f"Required parameter is missing: {'.'.join(path)}")
    return value
