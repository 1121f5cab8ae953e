"""The ways by which users of the client library, of pandas-gbq and of Airflow read tables through the API."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from google.cloud import bigquery

from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import Cloud

pytest.importorskip("pandas", reason="pandas is not installed")

MANY = 60_000
ONE_OF_EACH = """
SELECT 7 AS a, 0.5 AS b, TRUE AS c, 'wein' AS d, b'\\x00\\xff' AS e,
  TIMESTAMP '2026-01-02 03:04:05.678901Z' AS f, DATETIME '2026-01-02 03:04:05.678901' AS g,
  DATE '2026-01-02' AS h, TIME '03:04:05.678901' AS i, NUMERIC '1.5' AS j, [1, 2] AS k
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
ORDER BY a
"""


@pytest.fixture
def only_streams(cloud: Cloud) -> Iterator[Faults]:
    """Make each page of a table over REST fail, and check at the end that the test opened a read session."""
    faults = Faults(cloud.settings.state)
    faults.add(Fault("bigquery.tabledata.list", calls=100, code="PERMISSION_DENIED"))
    faults.add(Fault("BigQueryRead.CreateReadSession", calls=100, latency=0.001))
    yield faults
    left = {fault.method: fault.calls for fault in faults.pending()}
    faults.clear()
    assert left["BigQueryRead.CreateReadSession"] < 100


@pytest.fixture
def numbers(client: bigquery.Client, dataset: str) -> str:
    """Return a table with more rows than a page has."""
    name = f"{dataset}.numbers"
    query = (
        f"CREATE TABLE {name} AS SELECT n, CAST(n AS STRING) AS text FROM UNNEST(GENERATE_ARRAY(1, {MANY})) n"
    )
    client.query_and_wait(query)
    return name


def test_a_table_becomes_a_dataframe(client: bigquery.Client, numbers: str, only_streams: Faults) -> None:
    frame = client.list_rows(numbers).to_dataframe()

    assert frame["n"].tolist() == list(range(1, MANY + 1))
    assert frame["text"].tolist() == [str(number) for number in range(1, MANY + 1)]


def test_a_query_becomes_a_dataframe(client: bigquery.Client, numbers: str, only_streams: Faults) -> None:
    frame = client.query(f"SELECT n * 2 AS twice FROM {numbers} ORDER BY n DESC").to_dataframe()

    assert frame["twice"].tolist() == [2 * number for number in range(MANY, 0, -1)]


def test_an_empty_table_becomes_an_empty_dataframe(
    client: bigquery.Client, dataset: str, only_streams: Faults
) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.empty (a INT64, b STRING)")

    frame = client.list_rows(f"{dataset}.empty").to_dataframe()

    assert (len(frame), list(frame)) == (0, ["a", "b"])


def test_records_are_structs(client: bigquery.Client, dataset: str, only_streams: Faults) -> None:
    query = "SELECT STRUCT(1 AS a, NUMERIC '1.5' AS b) AS one, [STRUCT([0.5] AS c), STRUCT([] AS c)] AS many"
    client.query_and_wait(f"CREATE TABLE {dataset}.records AS {query}")

    table = client.list_rows(f"{dataset}.records").to_arrow()

    assert table.to_pylist() == [
        {"one": {"a": 1, "b": Decimal("1.5")}, "many": [{"c": [0.5]}, {"c": []}]},
    ]


def test_columns_are_chosen(client: bigquery.Client, numbers: str, only_streams: Faults) -> None:
    fields = [bigquery.SchemaField("TEXT", "STRING")]

    table = client.list_rows(numbers, selected_fields=fields).to_arrow()

    assert table.column_names == ["text"]
    assert table.num_rows == MANY


def test_each_type_is_the_one_of_the_service(
    client: bigquery.Client, dataset: str, only_streams: Faults
) -> None:
    import pyarrow as pa

    name = f"{client.project}.{dataset}.one_of_each"
    config = bigquery.QueryJobConfig(destination=name)
    client.query(ONE_OF_EACH, job_config=config).result()

    table = client.list_rows(client.get_table(name)).to_arrow()

    # https://cloud.google.com/bigquery/docs/reference/storage#arrow_schema_details
    assert table.schema.types == [
        *(pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.binary(), pa.timestamp("us", tz="UTC")),
        *(pa.timestamp("us"), pa.date32(), pa.time64("us"), pa.decimal128(38, 9), pa.list_(pa.int64())),
    ]
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
    rows = sorted(table.to_pylist(), key=lambda row: row["a"] is None)
    assert rows[0] == {
        **{
            "a": 7,
            "b": 0.5,
            "c": True,
            "d": "wein",
            "e": b"\x00\xff",
            "f": moment.replace(tzinfo=datetime.UTC),
        },
        **{"g": moment, "h": moment.date(), "i": moment.time(), "j": Decimal("1.5"), "k": [1, 2]},
    }
    # an array is never NULL
    assert rows[1] == {**dict.fromkeys("abcdefghij"), "k": []}
    assert table.schema.field("g").metadata == {b"ARROW:extension:name": b"google:sqlType:datetime"}


def test_a_stream_that_breaks_goes_on_where_it_was(
    client: bigquery.Client, dataset: str, only_streams: Faults
) -> None:
    name = f"{dataset}.long"
    text = "REPEAT('x', 100)"
    query = f"CREATE TABLE {name} AS SELECT n, {text} AS t FROM UNNEST(GENERATE_ARRAY(1, {MANY})) n"
    client.query_and_wait(query)
    only_streams.add(Fault("BigQueryRead.ReadRows", calls=2, drop=True))

    frame = client.list_rows(name).to_dataframe()

    assert frame["n"].tolist() == list(range(1, MANY + 1))
    assert "BigQueryRead.ReadRows" not in {fault.method for fault in only_streams.pending()}


def test_pandas_gbq_reads_by_the_api(client: bigquery.Client, numbers: str, only_streams: Faults) -> None:
    pandas_gbq = pytest.importorskip("pandas_gbq", reason="pandas-gbq is not installed")

    query = f"SELECT * FROM {numbers} ORDER BY n"
    frame = pandas_gbq.read_gbq(
        query, project_id=client.project, use_bqstorage_api=True, progress_bar_type=None
    )

    assert frame["n"].tolist() == list(range(1, MANY + 1))


GET_DF = """
import sys
from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook

hook = BigQueryHook(use_legacy_sql=False, location="EU")
query = f"SELECT * FROM `{sys.argv[1]}` ORDER BY n"
# the hook's own default is REST
for options in ({}, {"use_bqstorage_api": True}):
    frame = hook.get_df(query, **options)
    assert len(frame) == int(sys.argv[2]) and frame["n"][0] == 1, frame
"""


def test_airflows_hook_reads_a_dataframe(
    cloud: Cloud, numbers: str, only_streams: Faults, client: Any
) -> None:
    pytest.importorskip("airflow.providers.google", reason="Airflow's Google provider is not installed")

    done = cloud.client(sys.executable, "-c", GET_DF, f"{client.project}.{numbers}", str(MANY))

    assert done.returncode == 0, done.stderr
