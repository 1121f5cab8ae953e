"""Fixtures of the BigQuery tests: a client of localcloud, and the real white wines."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.cloud import bigquery, storage
from tests.wines import read_wines

from localcloud.testing import Cloud


@pytest.fixture(scope="session")
def client(cloud: Cloud) -> bigquery.Client:
    """Return a client that is configured by its environment alone, as any user's."""
    return bigquery.Client()


@pytest.fixture
def dataset(client: bigquery.Client) -> Iterator[str]:
    """Return the id of a new dataset."""
    name = f"test_{uuid.uuid4().hex}"
    client.create_dataset(name)
    yield name
    client.delete_dataset(name, delete_contents=True, not_found_ok=True)


@pytest.fixture(scope="session")
def bucket(cloud: Cloud) -> storage.Bucket:
    """Return an empty bucket in the location of the datasets."""
    return storage.Client().create_bucket(f"files-{os.getpid()}")


@pytest.fixture(scope="session")
def white_wines() -> list[dict[str, Any]]:
    """Return the 4,898 white wines of UCI."""
    return read_wines()


@pytest.fixture(scope="session")
def wine_schema(white_wines: list[dict[str, Any]]) -> list[bigquery.SchemaField]:
    """Return the columns of a wine table."""
    return [
        bigquery.SchemaField(name, "INT64" if isinstance(value, int) else "FLOAT64")
        for name, value in white_wines[0].items()
    ]


@pytest.fixture
def wine_table(
    client: bigquery.Client,
    dataset: str,
    white_wines: list[dict[str, Any]],
    wine_schema: list[bigquery.SchemaField],
) -> str:
    """Return the name of a table with the white wines."""
    name = f"{client.project}.{dataset}.white_wine"
    config = bigquery.LoadJobConfig(schema=wine_schema)
    client.load_table_from_json(white_wines, name, job_config=config).result()
    return name


@pytest.fixture
def rows(client: bigquery.Client) -> Callable[[str], list[tuple[Any, ...]]]:
    """Return a function that runs a query and returns its rows as tuples."""

    def run(query: str) -> list[tuple[Any, ...]]:
        return [row.values() for row in client.query_and_wait(query)]

    return run
