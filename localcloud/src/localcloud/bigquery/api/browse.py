"""Read-only access to datasets, tables and jobs, for the console."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from localcloud.bigquery.api.datasets import Datasets
from localcloud.bigquery.api.jobs import Jobs
from localcloud.bigquery.api.tabledata import TableData
from localcloud.bigquery.api.tables import Tables
from localcloud.bigquery.warehouse import Warehouse

T = TypeVar("T")
# of datasets or tables: as many as a page can show
_MOST = {"maxResults": "1000"}


class Preview(NamedTuple):
    """
    The first rows of a table.

    :param columns: names of the columns.
    :param rows: values by column, as the API writes them; None stands for NULL.
    """

    columns: list[str]
    rows: list[list[str | None]]


class TableReader:
    """
    Read datasets, tables and jobs as the API gives them; every method waits for its turn among the requests.

    :param warehouse: where the tables are.
    :param thread: the one thread that may use the warehouse.
    :param jobs: the jobs.
    """

    def __init__(self, warehouse: Warehouse, thread: ThreadPoolExecutor, jobs: Jobs) -> None:
        self._warehouse = warehouse
        self._thread = thread
        self._datasets = Datasets(warehouse)
        self._tables = Tables(warehouse)
        self._tabledata = TableData(warehouse)
        self._jobs = jobs

    def tables(self, dataset: str | None = None) -> list[dict[str, Any]]:
        """
        Return the resource of every table.

        :param dataset: its tables alone; of all datasets if None.
        :raises ApiError: 404 when there is no such dataset.
        """

        def read() -> list[dict[str, Any]]:
            listed = self._datasets.list(_MOST)["datasets"]
            datasets = [dataset] if dataset else [one["datasetReference"]["datasetId"] for one in listed]
            names = [
                (one, table["tableReference"]["tableId"])
                for one in datasets
                for table in self._tables.list(one, _MOST)["tables"]
            ]
            return [self._tables.get(*name) for name in names]

        return self._call(read)

    def table(self, dataset: str, table: str) -> dict[str, Any]:
        """
        Return the resource of a table.

        :raises ApiError: 404 when there is none.
        """
        return self._call(lambda: self._tables.get(dataset, table))

    def preview(self, dataset: str, table: str, count: int) -> Preview:
        """
        Return the first rows of a table; none of a view, which only a query reads.

        :param count: how many rows at most.
        :raises ApiError: 404 when there is no such table.
        """
        query = {"maxResults": str(count), "formatOptions.timestampOutputFormat": "ISO8601_STRING"}

        def read() -> Preview:
            found = self._tables.get(dataset, table)
            fields = found["schema"]["fields"]
            listed = found["type"] in ("TABLE", "SNAPSHOT")
            rows = self._tabledata.list(dataset, table, query).get("rows", []) if listed else []
            return Preview(
                [field["name"] for field in fields], [[_text(cell["v"]) for cell in row["f"]] for row in rows]
            )

        return self._call(read)

    def job(self, job_id: str) -> dict[str, Any]:
        """
        Return a job.

        :raises ApiError: 404 when there is none.
        """
        return self._call(lambda: self._jobs.get(job_id, None))

    def _call(self, method: Callable[[], T]) -> T:
        def run() -> T:
            with self._warehouse.catalog.transaction():
                self._warehouse.sweep()
                return method()

        return self._thread.submit(run).result()


def _text(value: Any) -> str | None:
    """Return a cell as text: arrays in brackets, the fields of a RECORD in braces."""
    if isinstance(value, list):
        return f"[{', '.join(str(_text(part['v'])) for part in value)}]"
    if isinstance(value, dict):
        fields = (_text(part["v"]) for part in value["f"])
        return f"{{{', '.join('NULL' if text is None else text for text in fields)}}}"
    return None if value is None else str(value)
