"""RECORD columns, as Google's client reads and writes them."""

from __future__ import annotations

import datetime
import io
import json

import pyarrow.parquet as pq
import pytest
from google.api_core.exceptions import BadRequest, MethodNotImplemented
from google.cloud import bigquery

RECORD = {"a": 1, "b": "x"}


@pytest.fixture
def orders(client: bigquery.Client, dataset: str) -> str:
    """Return a table with a RECORD and with REPEATED ones."""
    name = f"{dataset}.orders"
    client.query_and_wait(
        f"CREATE TABLE {name} (id INT64, who STRUCT<a INT64, b STRING>, lines ARRAY<STRUCT<n INT64, d DATE>>)"
    )
    client.query_and_wait(f"INSERT {name} VALUES (1, STRUCT(1, 'x'), [(5, DATE '2024-01-02'), (6, NULL)])")
    return name


def test_a_query_gives_dictionaries(client: bigquery.Client) -> None:
    query = "SELECT STRUCT(1 AS a, [STRUCT('x' AS b, TIMESTAMP '2024-01-02 03:04:05' AS t)] AS l, 2) AS s"
    result = client.query_and_wait(query)
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)

    (field,) = result.schema
    assert (field.field_type, field.mode) == ("RECORD", "NULLABLE")
    kinds = [(part.name, part.field_type, part.mode) for part in field.fields]
    assert kinds == [
        ("a", "INTEGER", "NULLABLE"),
        ("l", "RECORD", "REPEATED"),
        ("_field_3", "INTEGER", "NULLABLE"),
    ]
    assert [row.s for row in result] == [{"a": 1, "l": [{"b": "x", "t": moment}], "_field_3": 2}]


def test_a_table_keeps_records(client: bigquery.Client, rows, orders: str) -> None:
    lines = [{"n": 5, "d": datetime.date(2024, 1, 2)}, {"n": 6, "d": None}]
    assert [row.values() for row in client.list_rows(orders)] == [(1, RECORD, lines)]
    client.query_and_wait(f"UPDATE {orders} SET who = (2, 'y') WHERE who.a = 1")
    client.query_and_wait(f"CREATE TABLE {orders}_copy AS SELECT who, lines FROM {orders}")
    assert rows(f"SELECT who.b, ARRAY_LENGTH(lines) FROM {orders}_copy") == [("y", 2)]
    types = client.query_and_wait(
        f"SELECT data_type FROM {orders.split('.')[0]}.INFORMATION_SCHEMA.COLUMNS "
        "WHERE table_name = 'orders' ORDER BY ordinal_position"
    )
    assert [row.data_type for row in types] == [
        "INT64",
        "STRUCT<a INT64, b STRING>",
        "ARRAY<STRUCT<n INT64, d DATE>>",
    ]


def test_records_are_streamed_and_loaded(client: bigquery.Client, rows, orders: str) -> None:
    new = {"id": 2, "who": {"a": 3, "b": None}, "lines": [{"n": "7"}]}
    assert client.insert_rows_json(orders, [new]) == []
    client.load_table_from_json([{"id": 3, "who": RECORD}], orders).result()
    found = rows(f"SELECT id, who, lines FROM {orders} WHERE id > 1 ORDER BY id")
    assert found == [(2, {"a": 3, "b": None}, [{"n": 7, "d": None}]), (3, RECORD, [])]
    errors = client.insert_rows_json(orders, [{"id": 4, "who": {"nosuch": 1}}])
    assert "no such field: nosuch" in errors[0]["errors"][0]["message"]


def test_parameters_may_be_structs(client: bigquery.Client) -> None:
    pair = bigquery.StructQueryParameter(
        "pair",
        bigquery.ScalarQueryParameter("x", "INT64", 1),
        bigquery.ArrayQueryParameter("l", "STRING", ["a", "b"]),
    )
    config = bigquery.QueryJobConfig(query_parameters=[pair])
    result = client.query_and_wait("SELECT @pair.x + 1 AS y, ARRAY_LENGTH(@pair.l) AS n", job_config=config)
    assert [row.values() for row in result] == [(2, 2)]


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("INSERT {0} (who) VALUES (STRUCT(1, 2))", "INT64 cannot be assigned to b, which has type STRING"),
        ("INSERT {0} (who) VALUES (STRUCT(1))", "a STRUCT with 1 fields cannot be assigned to who"),
        (
            "INSERT {0} (who) SELECT STRUCT(1 AS z, 'x' AS b)",
            "cannot be assigned to who, which has type STRUCT",
        ),
        ("UPDATE {0} SET who = 1 WHERE TRUE", "INT64 cannot be assigned to who, which has type STRUCT"),
    ],
)
def test_a_record_fits_its_column(
    client: bigquery.Client, orders: str, statement: str, complaint: str
) -> None:
    with pytest.raises(BadRequest, match=complaint):
        client.query_and_wait(statement.format(orders))


def test_what_takes_no_records_says_so(client: bigquery.Client, bucket, orders: str) -> None:
    with pytest.raises(MethodNotImplemented, match="an assignment to a field"):
        client.query_and_wait(f"UPDATE {orders} SET who.a = 1 WHERE TRUE")
    with pytest.raises(MethodNotImplemented, match="RECORD columns in an AVRO extract"):
        extract(client, orders, f"gs://{bucket.name}/out.avro", "AVRO")
    with pytest.raises(BadRequest, match=r"performed on a nested schema\. Field: who"):
        extract(client, orders, f"gs://{bucket.name}/out.csv", "CSV")


def extract(client: bigquery.Client, table: str, uri: str, form: str) -> None:
    """Write a table to an object."""
    config = bigquery.ExtractJobConfig(destination_format=form)
    client.extract_table(table, uri, job_config=config).result()


def test_records_are_extracted_and_loaded_again(client: bigquery.Client, bucket, orders: str) -> None:
    client.query_and_wait(f"INSERT {orders} (id, who) VALUES (2, STRUCT(NULL, 'y'))")
    extract(client, orders, f"gs://{bucket.name}/orders.json", "NEWLINE_DELIMITED_JSON")
    written = bucket.blob("orders.json").download_as_text().splitlines()
    # NULL fields are left out; INT64 values are strings
    assert sorted(map(json.loads, written), key=lambda row: row["id"]) == [
        {"id": "1", "who": {"a": "1", "b": "x"}, "lines": [{"n": "5", "d": "2024-01-02"}, {"n": "6"}]},
        {"id": "2", "who": {"b": "y"}, "lines": []},
    ]

    copy = f"{orders}_again"
    config = bigquery.LoadJobConfig(
        source_format="NEWLINE_DELIMITED_JSON", schema=client.get_table(orders).schema
    )
    client.load_table_from_uri(f"gs://{bucket.name}/orders.json", copy, job_config=config).result()
    rows = [[row.values() for row in client.list_rows(table)] for table in (orders, copy)]
    assert sorted(rows[0]) == sorted(rows[1])


def test_records_are_extracted_to_parquet(client: bigquery.Client, bucket, orders: str) -> None:
    extract(client, orders, f"gs://{bucket.name}/orders.parquet", "PARQUET")
    content = bucket.blob("orders.parquet").download_as_bytes()
    (row,) = pq.read_table(io.BytesIO(content)).to_pylist()
    assert (row["who"], [line["n"] for line in row["lines"]]) == ({"a": 1, "b": "x"}, [5, 6])
