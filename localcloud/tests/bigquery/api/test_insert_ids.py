"""How streaming inserts deduplicate by insertId."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from localcloud.bigquery.api.datasets import Datasets
from localcloud.bigquery.api.tabledata import TableData
from localcloud.bigquery.api.tables import Tables
from localcloud.bigquery.warehouse import Warehouse
from localcloud.config import Settings
from localcloud.errors import ApiError
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


@pytest.fixture
def tabledata(settings: Settings) -> Iterator[TableData]:
    """Return the rows of an empty table ``d.t`` with the column ``id``."""
    warehouse = Warehouse(settings, ObjectStore(Store(settings.state / "objects")))
    with warehouse.catalog.transaction():
        Datasets(warehouse).insert({"datasetReference": {"datasetId": "d"}})
        fields = [{"name": "id", "type": "INTEGER"}]
        Tables(warehouse).insert("d", {"tableReference": {"tableId": "t"}, "schema": {"fields": fields}})
    with warehouse.catalog.transaction():
        yield TableData(warehouse)
    warehouse.catalog.close()


def test_an_empty_insert_id_is_none(tabledata: TableData) -> None:
    tabledata.insert_all("d", "t", {"rows": [{"insertId": "", "json": {"id": 1}}] * 2})

    assert tabledata.list("d", "t", {})["totalRows"] == "2"


@pytest.mark.parametrize(
    "row", [1, None, "text", [], {"json": [1]}, {"json": {"id": 1}, "insertId": ["a"]}, {"insertId": 5}]
)
def test_a_row_of_another_shape_is_refused(tabledata: TableData, row: object) -> None:
    with pytest.raises(ApiError, match=r"Invalid value for (rows|insertId)") as raised:
        tabledata.insert_all("d", "t", {"rows": [row]})

    assert raised.value.code == 400
