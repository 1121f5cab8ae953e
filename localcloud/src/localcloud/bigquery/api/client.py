"""BigQuery for the other services of the same process, which write their logs to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from localcloud.bigquery.api.datasets import Datasets
from localcloud.bigquery.api.jobs import Jobs
from localcloud.bigquery.api.tabledata import TableData
from localcloud.bigquery.api.tables import Tables
from localcloud.bigquery.store.catalog import Catalog
from localcloud.bigquery.store.types import Field
from localcloud.bigquery.warehouse import Warehouse
from localcloud.errors import ApiError

T = TypeVar("T")
_NUMBERS: dict[str, Callable[[str], Any]] = {"INTEGER": int, "FLOAT": float, "NUMERIC": float}


class InProcessClient:
    """
    Make tables, add rows and run queries; every method waits for its turn among the requests.

    :param warehouse: where the tables are.
    :param thread: the one thread that may use the warehouse.
    :param tabledata: what adds and reads rows.
    :param jobs: what runs queries.
    """

    def __init__(
        self, warehouse: Warehouse, thread: ThreadPoolExecutor, tabledata: TableData, jobs: Jobs
    ) -> None:
        self._catalog: Catalog = warehouse.catalog
        self._thread = thread
        self._datasets = Datasets(warehouse)
        self._tables = Tables(warehouse)
        self._tabledata = tabledata
        self._jobs = jobs

    def ensure_table(self, dataset: str, table: str, fields: Sequence[Field], location: str) -> None:
        """
        Create a table and its dataset if they are missing.

        :param dataset: id of the dataset.
        :param table: id of the table.
        :param fields: its columns, if it is made.
        :param location: of the dataset, if it is made.
        """

        def make() -> None:
            with self._catalog.transaction():
                if not self._catalog.find_dataset(dataset):
                    reference = {"datasetReference": {"datasetId": dataset}, "location": location}
                    self._datasets.insert(reference)
                if not self._catalog.find_table(dataset, table):
                    body = {"tableReference": {"tableId": table}, "schema": {"fields": list(fields)}}
                    self._tables.insert(dataset, body)

        self._call(make)

    def append(self, dataset: str, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """
        Add rows, values as in JSON.

        :raises ApiError: 404 when there is no such table; 400 for a row that does not fit it.
        """

        def add() -> None:
            with self._catalog.transaction():
                body = {"rows": [{"json": dict(row)} for row in rows]}
                errors = self._tabledata.insert_all(dataset, table, body).get("insertErrors")
            if errors:
                raise ApiError(400, "INVALID_ARGUMENT", errors[0]["errors"][0]["message"], "invalid")

        self._call(add)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """
        Run a query and give its rows: values by column, numbers as such, all else as the API writes it.

        :param sql: GoogleSQL.
        :raises ApiError: what BigQuery gives for a bad query.
        """
        config = {"query": {"query": sql, "useLegacySql": False}}
        job = self._call(lambda: self._jobs.insert({"configuration": config}))
        error = job["status"].get("errorResult")
        if error:
            raise ApiError(400, "INVALID_ARGUMENT", error["message"], error["reason"])
        reference = job["configuration"]["query"].get("destinationTable")
        return self.rows(reference["datasetId"], reference["tableId"]) if reference else []

    def rows(self, dataset: str, table: str) -> list[dict[str, Any]]:
        """
        Return every row of a table, as :meth:`query` does.

        :raises ApiError: 404 when there is no such table.
        """
        fields, rows = self.read(dataset, table)
        return [_row(cells, fields) for cells in rows]

    def read(
        self, dataset: str, table: str, timestamps: str = "FLOAT64"
    ) -> tuple[list[Field], list[list[dict[str, Any]]]]:
        """
        Return the columns of a table and the cells of its rows, as ``tabledata.list`` writes them.

        :param timestamps: ``timestampOutputFormat`` of that method.
        :raises ApiError: 404 when there is no such table; 400 for a view.
        """
        found: list[list[dict[str, Any]]] = []
        query = {"formatOptions.timestampOutputFormat": timestamps}
        token = ""
        while True:
            fields, page = self._read(dataset, table, query | ({"pageToken": token} if token else {}))
            found += [row["f"] for row in page.get("rows", [])]
            token = page.get("pageToken", "")
            if not token:
                return fields, found

    def location(self, dataset: str) -> str:
        """
        Return where a dataset is.

        :raises ApiError: 404 when there is no such dataset.
        """
        found: str = self._call(lambda: self._datasets.get(dataset))["location"]
        return found

    def exists(self, dataset: str, table: str) -> bool:
        """Return whether there is a table, a view or anything else of a name."""
        return self._call(lambda: self._catalog.find_table(dataset, table)) is not None

    def _read(self, dataset: str, table: str, query: dict[str, str]) -> tuple[list[Field], dict[str, Any]]:
        def read() -> tuple[list[Field], dict[str, Any]]:
            with self._catalog.transaction():
                fields = self._tables.get(dataset, table)["schema"]["fields"]
                return fields, self._tabledata.list(dataset, table, query)

        return self._call(read)

    def _call(self, method: Callable[[], T]) -> T:
        return self._thread.submit(method).result()


def _row(cells: list[dict[str, Any]], fields: list[Field]) -> dict[str, Any]:
    return {
        field["name"]: _value(cell["v"], _NUMBERS.get(field["type"], str))
        for cell, field in zip(cells, fields, strict=True)
    }


def _value(value: Any, read: Callable[[str], Any]) -> Any:
    if isinstance(value, list):
        return [read(part["v"]) for part in value]
    return None if value is None else read(value)
