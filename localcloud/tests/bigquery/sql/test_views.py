"""Views, materialized views, external tables and snapshots, as google-cloud-bigquery creates them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, NotFound
from google.cloud import bigquery

Rows = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def good_wines(client: bigquery.Client, wine_table: str) -> str:
    """Return the name of a view of the good wines of a table."""
    view = bigquery.Table(f"{wine_table}_good")
    view.view_query = (
        f"WITH good AS (SELECT * FROM `{wine_table}` WHERE quality >= 7) SELECT quality, ph FROM good"
    )
    client.create_table(view)
    return f"{wine_table}_good"


def test_a_view_tells_its_query_its_columns_and_when_it_was_defined(
    client: bigquery.Client, wine_table: str, good_wines: str
) -> None:
    before = client.get_table(good_wines)
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE quality = 9")
    after = client.get_table(good_wines)
    assert (before.table_type, before.num_rows) == ("VIEW", 0)
    assert [field.name for field in before.schema] == ["quality", "ph"]
    assert before.view_query.startswith("WITH good AS")
    # the rows have changed, the definition has not
    assert after.modified == before.modified
    assert {item.table_id: item.table_type for item in client.list_tables(before.dataset_id)} == {
        "white_wine": "TABLE",
        "white_wine_good": "VIEW",
    }


def test_a_query_reads_through_views_to_the_present_rows(
    client: bigquery.Client, rows: Rows, wine_table: str, good_wines: str
) -> None:
    client.query_and_wait(
        f"CREATE VIEW `{wine_table}_best` AS SELECT * FROM `{good_wines}` WHERE quality > 8"
    )
    query = f"SELECT COUNT(*) FROM `{wine_table}_best` AS best JOIN `{good_wines}` AS good USING (quality)"
    assert rows(query) == [(25,)]
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE quality = 9")
    assert rows(f"SELECT COUNT(*), MAX(quality) FROM `{good_wines}`") == [(1055, 8)]
    client.query_and_wait(f"DROP VIEW `{wine_table}_best`")
    with pytest.raises(NotFound):
        client.query_and_wait(query)


def test_the_past_of_a_view_is_refused(client: bigquery.Client, good_wines: str) -> None:
    query = f"SELECT 1 FROM `{good_wines}` FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()"
    with pytest.raises(MethodNotImplemented, match="FOR SYSTEM_TIME AS OF on a view"):
        client.query_and_wait(query)


def test_a_view_is_defined_by_a_query_that_runs(
    client: bigquery.Client, dataset: str, good_wines: str
) -> None:
    view = bigquery.Table(f"{client.project}.{dataset}.broken")
    view.view_query = f"SELECT nosuch FROM `{good_wines}`"
    with pytest.raises(BadRequest, match="Unrecognized name: nosuch"):
        client.create_table(view)
    with pytest.raises(Conflict, match="Already Exists: Table"):
        client.query_and_wait(f"CREATE VIEW `{good_wines}` AS SELECT 1 AS a")
    client.query_and_wait(f"CREATE OR REPLACE VIEW `{good_wines}` AS SELECT 1 AS a")
    assert [field.name for field in client.get_table(good_wines).schema] == ["a"]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO `{0}` (quality) VALUES (7)",
        "DELETE FROM `{0}` WHERE TRUE",
        "DROP TABLE `{0}`",
        "DROP TABLE IF EXISTS `{0}`",
        "CREATE OR REPLACE TABLE `{0}` AS SELECT 1 AS a",
    ],
)
def test_a_view_is_not_changed_as_a_table(client: bigquery.Client, good_wines: str, statement: str) -> None:
    with pytest.raises(BadRequest, match="is not allowed for this operation because it is currently a VIEW"):
        client.query_and_wait(statement.format(good_wines))


def test_rows_are_neither_listed_nor_extracted_of_a_view_nor_streamed_into_it(
    client: bigquery.Client, good_wines: str
) -> None:
    table = client.get_table(good_wines)
    with pytest.raises(BadRequest, match="Cannot list a table of type VIEW"):
        list(client.list_rows(table))
    with pytest.raises(BadRequest, match="currently a VIEW"):
        client.insert_rows_json(table, [{"quality": 7}])
    with pytest.raises(BadRequest, match="Cannot extract a VIEW"):
        client.extract_table(table, "gs://nowhere/wines.csv").result()


def test_a_materialized_view_shows_the_present_rows(
    client: bigquery.Client, rows: Rows, wine_table: str
) -> None:
    view = bigquery.Table(f"{wine_table}_count")
    view.mview_query = f"SELECT quality, COUNT(*) AS wines FROM `{wine_table}` GROUP BY quality"
    client.create_table(view)
    assert client.get_table(view).table_type == "MATERIALIZED_VIEW"
    assert rows(f"SELECT wines FROM `{wine_table}_count` WHERE quality = 9") == [(5,)]


def test_an_external_table_tells_its_type_and_is_not_queried(client: bigquery.Client, dataset: str) -> None:
    table = bigquery.Table(f"{client.project}.{dataset}.files", [bigquery.SchemaField("a", "INT64")])
    table.external_data_configuration = bigquery.ExternalConfig("CSV")
    table.external_data_configuration.source_uris = ["gs://wines/*.csv"]
    client.create_table(table)
    assert client.get_table(table).table_type == "EXTERNAL"
    with pytest.raises(MethodNotImplemented, match="queries of external tables"):
        client.query_and_wait(f"SELECT * FROM `{table}`")


def test_a_snapshot_keeps_the_rows_of_its_table_and_is_not_changed(
    client: bigquery.Client, rows: Rows, wine_table: str
) -> None:
    config = bigquery.CopyJobConfig(operation_type=bigquery.OperationType.SNAPSHOT)
    client.copy_table(wine_table, f"{wine_table}_kept", job_config=config).result()
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE TRUE")
    kept = client.get_table(f"{wine_table}_kept")
    assert (kept.table_type, kept.num_rows) == ("SNAPSHOT", 4898)
    assert kept.snapshot_definition.base_table_reference.table_id == "white_wine"
    assert rows(f"SELECT COUNT(*) FROM `{wine_table}_kept`") == [(4898,)]
    with pytest.raises(BadRequest, match="currently a SNAPSHOT"):
        client.query_and_wait(f"DELETE FROM `{wine_table}_kept` WHERE TRUE")
    with pytest.raises(Conflict):
        client.copy_table(wine_table, f"{wine_table}_kept", job_config=config).result()
