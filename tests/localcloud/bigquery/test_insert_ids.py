"""What streaming remembers of an insertId."""

from __future__ import annotations

import pytest

from localcloud.bigquery.datasets import Datasets
from localcloud.bigquery.tabledata import TableData
from localcloud.bigquery.tables import Tables
from localcloud.bigquery.warehouse import Warehouse
from localcloud.config import Settings
from localcloud.storage import ObjectStore, Store


class CommitError(Exception):
    """The transaction of a request is not committed."""


def test_rows_that_were_not_committed_are_stored_by_the_retry(settings: Settings) -> None:
    warehouse = Warehouse(settings, ObjectStore(Store(settings.state / "objects")))
    tabledata = TableData(warehouse)
    body = {"rows": [{"insertId": "one", "json": {"id": 1}}, {"insertId": "one", "json": {"id": 1}}]}
    with warehouse.catalog.transaction():
        Datasets(warehouse).insert({"datasetReference": {"datasetId": "d"}})
        fields = [{"name": "id", "type": "INTEGER"}]
        Tables(warehouse).insert("d", {"tableReference": {"tableId": "t"}, "schema": {"fields": fields}})
    with pytest.raises(CommitError), warehouse.catalog.transaction():  # noqa: PT012
        tabledata.insert_all("d", "t", body)
        raise CommitError

    for _ in range(2):
        with warehouse.catalog.transaction():
            assert "insertErrors" not in tabledata.insert_all("d", "t", body)

    assert tabledata.list("d", "t", {})["totalRows"] == "1"
    warehouse.catalog.close()
