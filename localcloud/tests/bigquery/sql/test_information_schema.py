"""Views TABLES, COLUMNS and PARTITIONS: https://cloud.google.com/bigquery/docs/information-schema-intro."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented, NotFound
from google.cloud import bigquery


@pytest.fixture
def filled(client: bigquery.Client, dataset: str) -> str:
    """Return a dataset with a table and a view."""
    columns = "day DATE NOT NULL, quality INT64, notes ARRAY<STRING>"
    client.query_and_wait(f"CREATE TABLE {dataset}.wines ({columns}) PARTITION BY day CLUSTER BY quality")
    client.query_and_wait(f"CREATE VIEW {dataset}.days AS SELECT day FROM {client.project}.{dataset}.wines")
    return dataset


def test_the_tables_of_a_dataset(client: bigquery.Client, rows, filled: str) -> None:
    query = f"""SELECT table_catalog, table_schema, table_name, table_type, is_insertable_into
        FROM {filled}.INFORMATION_SCHEMA.TABLES ORDER BY table_name"""
    assert rows(query) == [
        (client.project, filled, "days", "VIEW", "NO"),
        (client.project, filled, "wines", "BASE TABLE", "YES"),
    ]
    created = f"SELECT creation_time FROM {filled}.INFORMATION_SCHEMA.TABLES WHERE table_name = 'wines'"
    assert rows(created)[0][0].timestamp() == pytest.approx(
        client.get_table(f"{filled}.wines").created.timestamp(), abs=0.001
    )


def test_the_columns_of_a_table(client: bigquery.Client, rows, filled: str) -> None:
    query = f"""SELECT c.column_name, c.ordinal_position, c.is_nullable, c.data_type,
            c.is_partitioning_column, c.clustering_ordinal_position
        FROM `{client.project}.{filled}.INFORMATION_SCHEMA.COLUMNS` AS c
        JOIN {filled}.INFORMATION_SCHEMA.TABLES AS t USING (table_name)
        WHERE t.table_type = 'BASE TABLE' ORDER BY c.ordinal_position"""
    assert rows(query) == [
        ("day", 1, "NO", "DATE", "YES", None),
        ("quality", 2, "YES", "INT64", "NO", 1),
        ("notes", 3, "YES", "ARRAY<STRING>", "NO", None),
    ]


def test_an_empty_dataset_has_no_tables(rows, dataset: str) -> None:
    assert rows(f"SELECT * FROM {dataset}.INFORMATION_SCHEMA.TABLES") == []
    assert rows(f"SELECT COUNT(*) FROM {dataset}.INFORMATION_SCHEMA.COLUMNS") == [(0,)]


def partitions(rows, dataset: str) -> list[tuple[str | None, int, int]]:
    query = f"""SELECT partition_id, total_rows, total_logical_bytes
        FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = 't' ORDER BY partition_id"""
    return rows(query)


# column, its partitions, values, ids of the partitions
LAYOUTS = [
    ("DATE", "x", "DATE '2026-01-02', DATE '2026-01-02', NULL", [("20260102", 2), ("__NULL__", 1)]),
    ("DATE", "DATE_TRUNC(x, MONTH)", "DATE '2026-01-02', DATE '2025-12-02'", [("202512", 1), ("202601", 1)]),
    ("DATE", "DATE_TRUNC(x, YEAR)", "DATE '2026-01-02'", [("2026", 1)]),
    ("TIMESTAMP", "TIMESTAMP_TRUNC(x, HOUR)", "TIMESTAMP '2026-01-02 23:30:00Z'", [("2026010223", 1)]),
    ("DATETIME", "DATETIME_TRUNC(x, DAY)", "DATETIME '2026-01-02 23:30:00'", [("20260102", 1)]),
    (
        "INT64",
        "RANGE_BUCKET(x, GENERATE_ARRAY(-10, 30, 10))",
        "-10, -1, 0, 29, 30, NULL",
        [("-10", 2), ("0", 1), ("20", 1), ("__NULL__", 1), ("__UNPARTITIONED__", 1)],
    ),
]


@pytest.mark.parametrize(("kind", "layout", "values", "expected"), LAYOUTS)
def test_the_partitions_of_a_table(
    client: bigquery.Client, rows, dataset: str, kind: str, layout: str, values: str, expected: list[Any]
) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.t (x {kind}) PARTITION BY {layout}")
    assert partitions(rows, dataset) == []

    rows_of_values = ", ".join(f"({value.strip()})" for value in values.split(","))
    client.query_and_wait(f"INSERT INTO {dataset}.t VALUES {rows_of_values}")

    found = partitions(rows, dataset)
    assert [(name, count) for name, count, _ in found] == expected
    assert [size for name, count, size in found] == [0 if n == "__NULL__" else 8 * c for n, c, _ in found]
    assert client.list_partitions(f"{dataset}.t") == [name for name, _ in expected]


def test_a_partition_without_rows_is_gone(client: bigquery.Client, rows, dataset: str) -> None:
    client.query_and_wait(
        f"CREATE TABLE {dataset}.t PARTITION BY x AS "
        "SELECT x FROM UNNEST(GENERATE_DATE_ARRAY('2026-01-01', '2026-01-02')) AS x"
    )
    modified = (
        f"SELECT partition_id, last_modified_time, storage_tier FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS"
    )
    before = rows(modified)

    client.query_and_wait(f"DELETE FROM {dataset}.t WHERE x = '2026-01-01'")

    assert [name for name, _, _ in before] == ["20260101", "20260102"]
    assert {tier for _, _, tier in before} == {"ACTIVE"}
    # the other one is unchanged
    assert rows(modified) == before[1:]


def test_rows_have_partitions_by_the_time_they_came(client: bigquery.Client, rows, dataset: str) -> None:
    table = bigquery.Table(f"{client.project}.{dataset}.t", [bigquery.SchemaField("x", "INT64")])
    table.time_partitioning = bigquery.TimePartitioning()
    client.create_table(table)
    client.query_and_wait(f"INSERT INTO {dataset}.t (x) VALUES (1)")
    today = rows("SELECT FORMAT_DATE('%Y%m%d', CURRENT_DATE())")[0][0]
    assert partitions(rows, dataset) == [(today, 1, 8)]

    client.insert_rows_json(table, [{"x": 2}])
    assert partitions(rows, dataset) == [(today, 1, 8), ("__UNPARTITIONED__", 1, 8)]


def test_a_table_without_partitions_is_one(client: bigquery.Client, rows, dataset: str) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.t AS SELECT 1 AS x")
    client.query_and_wait(f"CREATE VIEW {dataset}.v AS SELECT x FROM {client.project}.{dataset}.t")

    assert rows(f"SELECT table_name, partition_id FROM {dataset}.INFORMATION_SCHEMA.PARTITIONS") == [
        ("t", None)
    ]
    assert partitions(rows, dataset) == [(None, 1, 8)]
    with pytest.raises(BadRequest, match="is not partitioned"):
        client.list_partitions(f"{dataset}.t")


def test_what_is_not_there_is_named(rows, dataset: str) -> None:
    with pytest.raises(MethodNotImplemented, match=r"INFORMATION_SCHEMA\.VIEWS"):
        rows(f"SELECT * FROM {dataset}.INFORMATION_SCHEMA.VIEWS")
    with pytest.raises(NotFound, match="Not found: Dataset"):
        rows("SELECT * FROM nowhere.INFORMATION_SCHEMA.TABLES")
