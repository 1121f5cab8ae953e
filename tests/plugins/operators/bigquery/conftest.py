"""A BigQuery client and tables of wines, for the operators that read them."""

from __future__ import annotations

import pytest
from google.cloud import bigquery

from localcloud.testing import Cloud
from tests.plugins.operators.bigquery.wine_tables import MakeTable, connect, maker


@pytest.fixture(scope="module")
def client(cloud: Cloud) -> bigquery.Client:
    return connect(cloud)


@pytest.fixture
def make_table(client: bigquery.Client) -> MakeTable:
    return maker(client)
