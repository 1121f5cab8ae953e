"""Copy jobs: https://cloud.google.com/bigquery/docs/managing-tables#copy-table."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.cloud import bigquery


def table(client: bigquery.Client, name: str, value: int) -> str:
    """Create a partitioned table of one row."""
    columns = f"SELECT {value} AS a, [DATE '2024-01-01'] AS days, DATE '2024-01-02' AS day"
    client.query_and_wait(f"CREATE TABLE {name} PARTITION BY day AS {columns}")
    return f"{client.project}.{name}"


def test_a_copy_has_the_rows_and_the_layout(client: bigquery.Client, rows, dataset: str) -> None:
    sources = [table(client, f"{dataset}.one", 1), table(client, f"{dataset}.two", 2)]
    target = f"{client.project}.{dataset}.copy"

    client.copy_table(sources, target).result()

    made = client.get_table(target)
    assert made.schema == client.get_table(sources[0]).schema
    assert made.time_partitioning.field == "day"
    assert rows(f"SELECT a, ARRAY_LENGTH(days) FROM {dataset}.copy ORDER BY a") == [(1, 1), (2, 1)]


def test_a_copy_obeys_its_dispositions(client: bigquery.Client, rows, dataset: str) -> None:
    source, target = table(client, f"{dataset}.one", 1), f"{client.project}.{dataset}.copy"

    def copy(**options) -> None:
        client.copy_table(source, target, job_config=bigquery.CopyJobConfig(**options)).result()

    with pytest.raises(NotFound, match="Not found: Table"):
        copy(create_disposition="CREATE_NEVER")
    copy()
    with pytest.raises(Conflict, match="Already Exists: Table"):
        copy()
    copy(write_disposition="WRITE_APPEND")
    assert rows(f"SELECT COUNT(*) FROM {dataset}.copy") == [(2,)]
    copy(write_disposition="WRITE_TRUNCATE")
    assert rows(f"SELECT COUNT(*) FROM {dataset}.copy") == [(1,)]


def test_a_table_can_be_put_in_its_own_place(client: bigquery.Client, rows, dataset: str) -> None:
    source = table(client, f"{dataset}.one", 1)
    config = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")

    client.copy_table([source, source], source, job_config=config).result()

    assert rows(f"SELECT a FROM {dataset}.one") == [(1,), (1,)]


def test_what_cannot_be_copied_says_why(client: bigquery.Client, dataset: str) -> None:
    source, target = table(client, f"{dataset}.one", 1), f"{client.project}.{dataset}.copy"
    client.query_and_wait(f"CREATE TABLE {dataset}.other AS SELECT 'x' AS a")
    client.query_and_wait(f"CREATE VIEW {dataset}.view AS SELECT a FROM `{source}`")

    with pytest.raises(BadRequest, match="Schemas of the source tables differ: other"):
        client.copy_table([source, f"{client.project}.{dataset}.other"], target).result()
    with pytest.raises(BadRequest, match="Cannot copy a VIEW: view"):
        client.copy_table(f"{client.project}.{dataset}.view", target).result()
    with pytest.raises(NotFound, match="Not found: Table"):
        client.copy_table(f"{client.project}.{dataset}.none", target).result()
