"""Queries on a separate engine, without the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from localcloud.bigquery.jobs.query import Queries
from localcloud.bigquery.store.encoding import encode_row, select_list
from localcloud.bigquery.store.rows import snapshot
from localcloud.bigquery.warehouse import Warehouse
from localcloud.config import Settings
from localcloud.storage import ObjectStore, Store

Answer = Callable[[str], list[Any]]


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Return an empty warehouse."""
    state = tmp_path_factory.mktemp("warehouse")
    return Warehouse(Settings(state=state), ObjectStore(Store(state / "objects")))


@pytest.fixture
def answer(warehouse: Warehouse) -> Answer:
    """
    Return a function that runs a SELECT and returns its rows.

    A row is a tuple of the strings that the API sends; TIMESTAMPs are microseconds. A row of one column is
    that string, a STRUCT a tuple of the strings of its fields.
    """

    def text(cell: dict[str, Any]) -> Any:
        value = cell["v"]
        if isinstance(value, dict):
            return tuple(text(part) for part in value["f"])
        return [text(part) for part in value] if isinstance(value, list) else value

    def run(query: str) -> list[Any]:
        config: dict[str, Any] = {"query": query, "useLegacySql": False}
        with warehouse.catalog.transaction():
            Queries(warehouse).run(config, None, dry_run=False)
            target = config["destinationTable"]
            part = snapshot(warehouse.catalog.table(target["datasetId"], target["tableId"]))
            rows = warehouse.rows.select(part, select_list(part.fields)).fetchall()
        encoded = [[text(cell) for cell in encode_row(row, part.fields, "INT64")["f"]] for row in rows]
        return [row[0] if len(row) == 1 else tuple(row) for row in encoded]

    return run
