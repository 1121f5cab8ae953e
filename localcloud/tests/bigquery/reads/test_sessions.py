"""Sessions, their streams and rejected requests, through Google's client of the Storage Read API."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient, BigQueryWriteClient, types

from localcloud.bigquery.errors import ApiError
from localcloud.bigquery.reads import sessions
from localcloud.bigquery.reads.sessions import ReadSessions
from localcloud.bigquery.store import read_sessions
from localcloud.bigquery.warehouse import Warehouse
from localcloud.config import Settings
from localcloud.storage.objects import ObjectStore
from localcloud.storage.store import Store
from localcloud.testing import Cloud

Create = Callable[..., types.ReadSession]


@pytest.fixture(scope="module")
def reads(cloud: Cloud) -> BigQueryReadClient:
    return BigQueryReadClient()


@pytest.fixture
def table(client: bigquery.Client, dataset: str) -> str:
    """Return the path of a table of ten rows, in two columns whose names are not in lower case."""
    columns = "n AS Number, 't' AS Text"
    client.query_and_wait(
        f"CREATE TABLE {dataset}.ten AS SELECT {columns} FROM UNNEST(GENERATE_ARRAY(1, 10)) n"
    )
    return f"projects/{client.project}/datasets/{dataset}/tables/ten"


@pytest.fixture
def create(reads: BigQueryReadClient, client: bigquery.Client, table: str) -> Create:
    """Return a function that creates a session of the table: fields of the session, then of the request."""

    def make(options: dict[str, Any] | None = None, /, streams: int = 0, **fields: Any) -> types.ReadSession:
        session = types.ReadSession(table=table, data_format=types.DataFormat.ARROW, read_options=options)
        for name, value in fields.items():
            setattr(session, name, value)
        request = types.CreateReadSessionRequest(
            parent=f"projects/{client.project}",
            read_session=session,
            max_stream_count=streams,
            preferred_min_stream_count=streams,
        )
        return reads.create_read_session(request)

    return make


def rows_of(reads: BigQueryReadClient, stream: str, offset: int = 0) -> list[dict[str, Any]]:
    return [
        row for page in reads.read_rows(stream, offset).rows().pages for row in page.to_arrow().to_pylist()
    ]


def numbers(reads: BigQueryReadClient, session: types.ReadSession) -> list[int]:
    return [row["Number"] for stream in session.streams for row in rows_of(reads, stream.name)]


def test_a_session_says_what_it_reads(create: Create, client: bigquery.Client) -> None:
    session = create()

    assert session.name.startswith(f"projects/{client.project}/locations/eu/sessions/")
    assert [stream.name.rpartition("/")[0] for stream in session.streams] == [f"{session.name}/streams"]
    hours = (session.expire_time - datetime.datetime.now(datetime.UTC)).total_seconds() / 3600
    assert 5.9 < hours <= 6
    assert session.estimated_row_count == 10
    # an integer, and two bytes before the text
    assert session.estimated_total_bytes_scanned == 10 * 8 + 10 * 3


def test_streams_share_the_rows(reads: BigQueryReadClient, create: Create) -> None:
    session = create(streams=3)

    assert len(session.streams) == 3
    assert [len(rows_of(reads, stream.name)) for stream in session.streams] == [3, 3, 4]
    assert numbers(reads, session) == list(range(1, 11))


def test_there_are_no_more_streams_than_rows_and_none_of_an_empty_table(
    create: Create, client: bigquery.Client, dataset: str
) -> None:
    assert len(create(streams=100).streams) == 10

    client.query_and_wait(f"CREATE TABLE {dataset}.empty (a INT64)")
    empty = create(table=f"projects/{client.project}/datasets/{dataset}/tables/empty")
    assert list(empty.streams) == []


def test_a_read_goes_on_at_an_offset(reads: BigQueryReadClient, create: Create) -> None:
    stream = create().streams[0].name

    assert [row["Number"] for row in rows_of(reads, stream, 7)] == [8, 9, 10]
    assert rows_of(reads, stream, 10) == []
    with pytest.raises(exceptions.OutOfRange, match="offset 11 is beyond row 10"):
        rows_of(reads, stream, 11)
    with pytest.raises(exceptions.InvalidArgument, match="offset must not be negative"):
        rows_of(reads, stream, -1)


@pytest.mark.parametrize(
    ("restriction", "expected"),
    [
        ("number > 8", [9, 10]),
        ("NUMBER BETWEEN 2 AND 3 OR Number = 5", [2, 3, 5]),
        ("text = 'x'", []),
        ("number IN (1, 4) AND text IS NOT NULL", [1, 4]),
    ],
)
def test_a_restriction_chooses_rows(
    reads: BigQueryReadClient, create: Create, restriction: str, expected: list[int]
) -> None:
    session = create({"row_restriction": restriction}, streams=2)

    assert numbers(reads, session) == expected
    assert session.estimated_row_count == len(expected)


@pytest.mark.parametrize(
    ("restriction", "problem"),
    [
        ("nosuch = 1", "Unrecognized name: nosuch"),
        ("number", "WHERE clause should return type BOOL"),
        ("number >", "is not a condition"),
        ("true) OR (true", "is not a condition"),
        ("number = 'a'", "No matching signature for operator ="),
        ("SUM(number) > 1", "Aggregates are not supported"),
        ("number IN (SELECT 1)", "Subqueries are not supported"),
        ("number = 1 OR " * 100_000 + "true", "exceeded maximum allowed length"),
    ],
)
def test_what_is_no_restriction_is_refused(create: Create, restriction: str, problem: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=problem):
        create({"row_restriction": restriction})


def test_fields_are_chosen_whatever_their_case(reads: BigQueryReadClient, create: Create) -> None:
    session = create({"selected_fields": ["TEXT", "number"]})
    # in the order of the table
    assert list(rows_of(reads, session.streams[0].name)[0].items()) == [("Number", 1), ("Text", "t")]

    with pytest.raises(exceptions.InvalidArgument, match="do not exist in the table schema: wrong_field"):
        create({"selected_fields": ["Number", "wrong_field"]})


def test_fields_of_records_are_chosen(
    reads: BigQueryReadClient, create: Create, client: bigquery.Client, dataset: str
) -> None:
    record = "STRUCT(1 AS a, 'x' AS B, [STRUCT(2 AS c, 3 AS d)] AS many) AS record"
    client.query_and_wait(f"CREATE TABLE {dataset}.records AS SELECT {record}, 5 AS other")
    path = f"projects/{client.project}/datasets/{dataset}/tables/records"

    def chosen(*names: str) -> dict[str, Any]:
        session = create({"selected_fields": names}, table=path)
        return rows_of(reads, session.streams[0].name)[0]

    assert chosen("record.b") == {"record": {"B": "x"}}
    assert chosen("other", "Record.many.d", "record.A") == {
        "record": {"a": 1, "many": [{"d": 3}]},
        "other": 5,
    }
    assert chosen("record", "record.a") == {"record": {"a": 1, "B": "x", "many": [{"c": 2, "d": 3}]}}
    for wrong in ("record.e", "other.a", "record.many.e"):
        with pytest.raises(exceptions.InvalidArgument, match=f"do not exist in the table schema: {wrong}"):
            chosen(wrong)


def test_a_session_reads_what_was_there(
    reads: BigQueryReadClient, create: Create, client: bigquery.Client, dataset: str
) -> None:
    before = create()
    moment = datetime.datetime.now(datetime.UTC)
    time.sleep(0.01)
    client.query_and_wait(f"DELETE FROM {dataset}.ten WHERE number < 10")

    assert numbers(reads, before) == list(range(1, 11))
    assert numbers(reads, create()) == [10]
    assert numbers(reads, create(table_modifiers={"snapshot_time": moment})) == list(range(1, 11))
    past = create({"row_restriction": "number < 3"}, table_modifiers={"snapshot_time": moment})
    assert numbers(reads, past) == [1, 2]
    for wrong in (datetime.timedelta(days=-1), datetime.timedelta(days=1)):
        with pytest.raises(exceptions.InvalidArgument, match="Invalid snapshot time"):
            create(table_modifiers={"snapshot_time": moment + wrong})


def test_a_stream_is_split(reads: BigQueryReadClient, create: Create) -> None:
    whole = create().streams[0].name

    split = reads.split_read_stream(types.SplitReadStreamRequest(name=whole, fraction=0.3))

    first, rest = (rows_of(reads, part.name) for part in (split.primary_stream, split.remainder_stream))
    assert [row["Number"] for row in first] == [1, 2, 3]
    assert [row["Number"] for row in rest] == list(range(4, 11))
    assert len(rows_of(reads, whole)) == 10
    with pytest.raises(exceptions.InvalidArgument, match="fraction must be between"):
        reads.split_read_stream(types.SplitReadStreamRequest(name=whole, fraction=1))


def test_a_stream_of_one_row_is_not_split(reads: BigQueryReadClient, create: Create) -> None:
    one = create(streams=10).streams[0].name

    split = reads.split_read_stream(types.SplitReadStreamRequest(name=one, fraction=0.5))

    assert (split.primary_stream.name, split.remainder_stream.name) == ("", "")


@pytest.mark.parametrize("codec", ["LZ4_FRAME", "ZSTD"])
def test_buffers_are_compressed(reads: BigQueryReadClient, create: Create, codec: str) -> None:
    session = create({"arrow_serialization_options": {"buffer_compression": codec}})

    assert numbers(reads, session) == list(range(1, 11))


def test_what_does_not_exist_is_not_found(
    reads: BigQueryReadClient, create: Create, client: bigquery.Client, dataset: str
) -> None:
    base = f"projects/{client.project}/datasets/{dataset}/tables"
    with pytest.raises(exceptions.NotFound, match=f"Not found: Table {client.project}:{dataset}.nosuch"):
        create(table=f"{base}/nosuch")
    with pytest.raises(exceptions.NotFound, match="Not found: Dataset"):
        create(table=f"projects/{client.project}/datasets/nosuch/tables/ten")
    session = create()
    with pytest.raises(exceptions.NotFound, match="Not found: Stream"):
        rows_of(reads, f"{session.name}/streams/nosuch")
    with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name in stream"):
        rows_of(reads, "nosuch")
    client.delete_table(f"{dataset}.ten")
    with pytest.raises(exceptions.NotFound, match="Not found: Table"):
        numbers(reads, session)


def test_what_is_not_served_is_refused_by_name(
    reads: BigQueryReadClient, create: Create, client: bigquery.Client, dataset: str, cloud: Cloud
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="data_format"):
        create(data_format=types.DataFormat.DATA_FORMAT_UNSPECIFIED)
    with pytest.raises(exceptions.MethodNotImplemented, match="sample_percentage"):
        create({"sample_percentage": 10})
    client.query_and_wait(f"CREATE VIEW {dataset}.seen AS SELECT number FROM {dataset}.ten")
    with pytest.raises(exceptions.InvalidArgument, match="non-table entities cannot be read"):
        create(table=f"projects/{client.project}/datasets/{dataset}/tables/seen")
    with pytest.raises(exceptions.PermissionDenied, match="Access Denied"):
        create(table=f"projects/another/datasets/{dataset}/tables/ten")
    with pytest.raises(exceptions.MethodNotImplemented, match=r"BigQueryWrite\.GetWriteStream"):
        BigQueryWriteClient().get_write_stream(name=f"projects/p/datasets/{dataset}/tables/ten/streams/s")


def test_a_table_that_demands_a_filter_demands_it_here(
    reads: BigQueryReadClient, create: Create, client: bigquery.Client, dataset: str
) -> None:
    client.query_and_wait(
        f"CREATE TABLE {dataset}.days (day DATE, Number INT64) PARTITION BY day "
        "OPTIONS (require_partition_filter = TRUE)"
    )
    client.query_and_wait(f"INSERT INTO {dataset}.days VALUES (DATE '2026-01-01', 1), (DATE '2026-01-02', 2)")
    path = f"projects/{client.project}/datasets/{dataset}/tables/days"

    with pytest.raises(exceptions.InvalidArgument, match="without a filter over column"):
        create(table=path)
    assert numbers(reads, create({"row_restriction": "day >= '2026-01-02'"}, table=path)) == [2]


def test_a_session_outlives_a_restart_and_expires(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = ObjectStore(Store(settings.state / "objects"))
    warehouse = Warehouse(settings, objects)
    dataset = read_sessions_dataset(warehouse)
    request = types.CreateReadSessionRequest(
        parent=f"projects/{settings.project}",
        read_session={
            "table": f"projects/{settings.project}/datasets/{dataset}/tables/t",
            "data_format": "ARROW",
            "read_options": {"row_restriction": "a = 1"},
        },
    )
    with warehouse.catalog.transaction():
        stream = ReadSessions(warehouse).create(request).streams[0].name
    warehouse.catalog.close()

    warehouse = Warehouse(settings, objects)
    service, read = ReadSessions(warehouse), types.ReadRowsRequest(read_stream=stream)
    assert service.read(read).rows.to_pylist() == [{"a": 1}]

    later = read_sessions.now_ms() + sessions.LIFE_MS
    for module in (sessions, read_sessions):
        monkeypatch.setattr(module, "now_ms", lambda: later)
    warehouse.sweep()
    with pytest.raises(ApiError, match=f"operating on '{stream}': session expired at") as expired:
        service.read(read)
    assert expired.value.status == "FAILED_PRECONDITION"
    kept = warehouse.catalog.connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert not [name for (name,) in kept if name.startswith("read_") and name != "read_sessions"]
    warehouse.catalog.close()


def read_sessions_dataset(warehouse: Warehouse) -> str:
    """Create a dataset with a table of two rows."""
    import pyarrow as pa

    from localcloud.bigquery.store.catalog import Dataset

    dataset = Dataset("d", 1, 1, {"location": "EU"})
    warehouse.catalog.put_dataset(dataset)
    table = warehouse.create_table(dataset, "t", [{"name": "a", "type": "INTEGER", "mode": "NULLABLE"}])
    warehouse.rows.append_arrow(table, pa.table({"a": [1, 2]}), table.created)
    return "d"
