"""The pages of tables and of BigQuery jobs."""

from __future__ import annotations

import uuid

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery
from tests.console import links
from tests.console.pages import Browse


@pytest.fixture(scope="module")
def client(cloud) -> bigquery.Client:
    return bigquery.Client()


@pytest.fixture(scope="module")
def table(client) -> bigquery.Table:
    """Return a table of 25 rows, the first of which has text that must be escaped."""
    name = f"console_{uuid.uuid4().hex[:8]}"
    client.create_dataset(name)
    evil = {"id": 0, "at": "2026-01-02T03:04:05Z", "note": "<script>alert(1)</script>"}
    rows = [evil, *({**evil, "id": number, "note": None} for number in range(1, 25))]
    schema = [
        bigquery.SchemaField("id", "INTEGER", description="<b>key</b>"),
        bigquery.SchemaField("at", "TIMESTAMP"),
        bigquery.SchemaField("note", "STRING"),
    ]
    config = bigquery.LoadJobConfig(schema=schema)
    client.load_table_from_json(rows, f"{name}.wines", job_config=config).result()
    return client.get_table(f"{name}.wines")


def path_of(format_: str, table: bigquery.Table, **more: str) -> str:
    return format_.format(
        project_id=table.project, dataset_id=table.dataset_id, table_id=table.table_id, **more
    )


def test_a_table_shows_its_columns_its_size_and_its_first_rows(browse: Browse, table):
    page = browse(path_of(links.TABLE, table))

    assert page.status == 200
    assert f"<h1>{table.dataset_id}.wines</h1>" in page.body
    assert page.inside("rows") == "25"
    assert f"({round(table.modified.timestamp() * 1000)})" in page.text
    schema = " ".join(page.inside("schema").split())
    assert "id INTEGER NULLABLE <b>key</b> at TIMESTAMP NULLABLE note STRING NULLABLE" in schema
    preview = page.inside("preview")
    assert preview.count("2026-01-02T03:04:05") == 20
    assert preview.count("NULL") == 19
    assert "<script>alert" not in page.body
    assert "<script>alert(1)</script>" in preview


def test_a_view_shows_its_columns_and_no_rows(browse, client, table):
    name = f"{table.dataset_id}.wines_view"
    client.query_and_wait(f"CREATE VIEW {name} AS SELECT note FROM {table.dataset_id}.wines")

    page = browse(path_of(links.TABLE, client.get_table(name)))

    assert page.inside("schema").split()[-3:] == ["note", "STRING", "NULLABLE"]
    assert "Only a query shows the rows of a VIEW." in page.inside("preview")


def test_a_record_shows_its_fields(browse, client, table):
    name = f"{table.dataset_id}.wines_records"
    query = "SELECT STRUCT(1 AS a, CAST(NULL AS STRING) AS b) AS r, [STRUCT('x' AS c)] AS l"
    client.query_and_wait(f"CREATE TABLE {name} AS {query}")

    page = browse(path_of(links.TABLE, client.get_table(name)))

    assert page.status == 200
    assert "{1, NULL}" in page.inside("preview")
    assert "[{x}]" in page.inside("preview")


def test_the_lists_lead_to_it(browse, table):
    for path in ("/bigquery", path_of(links.DATASET, table)):
        page = browse(path)
        link = next(link for link in page.links if table.dataset_id in link)
        assert browse(link).inside("rows") == "25"


def test_a_query_job_shows_its_query_and_its_state(browse, client, table):
    job = client.query("SELECT 'a cellar'")
    job.result()

    page = browse(path_of(links.QUERY_JOB, table, job_id=job.job_id, location=job.location))

    assert page.inside("state") == "Done"
    assert "SELECT 'a cellar'" in page.text


def test_a_failed_job_shows_its_error(browse, client, table):
    job = client.query("SELECT no_such_column FROM (SELECT 1 AS one)")
    with pytest.raises(BadRequest):
        job.result()

    page = browse(path_of(links.QUERY_JOB, table, job_id=job.job_id, location=job.location))

    assert page.inside("state") == "Failed"
    assert "no_such_column" in page.text
