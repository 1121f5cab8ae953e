"""DML, DDL and streaming inserts."""

from __future__ import annotations

import datetime
import math

import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, NotFound
from google.cloud import bigquery

from localcloud.testing import eventually


@pytest.fixture
def grades(client: bigquery.Client, dataset: str) -> str:
    name = f"{client.project}.{dataset}.grades"
    client.query_and_wait(f"CREATE TABLE `{name}` (id INT64 NOT NULL, grade FLOAT64, note STRING)")
    client.query_and_wait(f"INSERT INTO `{name}` VALUES (1, 5, 'a'), (2, CAST('nan' AS FLOAT64), NULL)")
    return name


def test_statements_count_the_rows_they_change(client: bigquery.Client, rows, grades: str) -> None:
    counts = []
    for statement in (
        f"INSERT INTO `{grades}` (id, grade) SELECT id + 2, grade FROM `{grades}`",
        f"UPDATE `{grades}` AS g SET grade = g.grade + 1, note = 'b' WHERE id > 2",
        f"DELETE FROM `{grades}` WHERE IS_NAN(grade)",
    ):
        job = client.query(statement)
        job.result()
        counts.append(job.num_dml_affected_rows)
    assert counts == [2, 2, 2]
    assert rows(f"SELECT * FROM `{grades}` ORDER BY id") == [(1, 5.0, "a"), (3, 6.0, "b")]


def test_an_update_may_join_but_each_row_gets_one_value(client: bigquery.Client, rows, grades: str) -> None:
    client.query_and_wait(f"CREATE TABLE `{grades}_new` AS SELECT 1 AS id, 7.0 AS grade")
    update = f"UPDATE `{grades}` g SET grade = n.grade FROM `{grades}_new` n WHERE g.id = n.id"
    client.query_and_wait(update)
    assert rows(f"SELECT grade FROM `{grades}` WHERE id = 1") == [(7.0,)]
    client.query_and_wait(f"INSERT INTO `{grades}_new` VALUES (1, 8.0)")
    with pytest.raises(BadRequest, match="must match at most one source row"):
        client.query_and_wait(update)
    assert rows(f"SELECT grade FROM `{grades}` WHERE id = 1") == [(7.0,)]


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DELETE FROM `{0}`", "DELETE must have a WHERE clause"),
        ("UPDATE `{0}` SET grade = 1", "UPDATE must have a WHERE clause"),
        ("UPDATE `{0}` SET nosuch = 1 WHERE TRUE", "Column nosuch is not present in table"),
        (
            "UPDATE `{0}` SET grade = 'x' WHERE TRUE",
            "STRING cannot be assigned to grade, which has type FLOAT64",
        ),
        ("UPDATE `{0}` SET id = 1.5 WHERE TRUE", "FLOAT64 cannot be assigned to id, which has type INT64"),
        ("INSERT INTO `{0}` (id, grade) VALUES (1)", "wrong column count; Has 1, expected 2"),
        ("INSERT INTO `{0}` (id, grade) VALUES (1, 'x')", "STRING cannot be assigned to grade"),
        ("INSERT INTO `{0}` (grade) VALUES (1)", "Required field id cannot be null"),
        ("UPDATE `{0}` SET id = NULL WHERE TRUE", "Required field id cannot be null"),
    ],
)
def test_a_bad_change_changes_nothing(client, rows, grades, statement, complaint) -> None:
    with pytest.raises(BadRequest, match=complaint):
        client.query_and_wait(statement.format(grades))
    assert rows(f"SELECT COUNT(*), SUM(id) FROM `{grades}`") == [(2, 3)]


def test_tables_are_made_replaced_and_dropped(client: bigquery.Client, rows, grades: str) -> None:
    with pytest.raises(Conflict, match="Already Exists"):
        client.query_and_wait(f"CREATE TABLE `{grades}` (a INT64)")
    client.query_and_wait(f"CREATE TABLE IF NOT EXISTS `{grades}` (a INT64)")
    assert client.get_table(grades).num_rows == 2
    job = client.query(f"CREATE OR REPLACE TABLE `{grades}` AS SELECT id FROM `{grades}`")
    job.result()
    assert job.ddl_operation_performed == "REPLACE"
    assert rows(f"SELECT * FROM `{grades}` ORDER BY id") == [(1,), (2,)]
    client.query_and_wait(f"DROP TABLE `{grades}`")
    client.query_and_wait(f"DROP TABLE IF EXISTS `{grades}`")
    with pytest.raises(NotFound):
        client.query_and_wait(f"DROP TABLE `{grades}`")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE `{0}` ADD COLUMN x INT64",
        "CREATE TABLE `{0}_p` (d DATE) PARTITION BY d OPTIONS (partition_expiration_days = 3)",
        "CREATE TABLE `{0}_a` (a STRUCT<b INT64 NOT NULL>)",
        "UPDATE `{0}` AS g SET other.note = 'a' WHERE TRUE",
        "CREATE TABLE `{0}_n` (a BIGNUMERIC)",
        "CREATE TEMP TABLE t AS SELECT 1",
    ],
)
def test_other_statements_are_refused_by_name(client, grades, statement) -> None:
    with pytest.raises(MethodNotImplemented, match="localcloud's BigQuery does not support"):
        client.query_and_wait(statement.format(grades))


def test_values_of_time_stand_beside_their_texts(client: bigquery.Client, rows, dataset: str) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.times (t TIMESTAMP, d DATE)")
    client.query_and_wait(
        f"INSERT {dataset}.times "
        "VALUES ('2020-01-01', DATE '2020-01-02'), (TIMESTAMP '2020-01-03', '2020-01-04')"
    )
    days = rows(f"SELECT DATE(t), d FROM {dataset}.times ORDER BY t")
    assert [[day.day for day in row] for row in days] == [[1, 2], [3, 4]]


def test_streamed_rows_are_there_at_once(client: bigquery.Client, rows, grades: str) -> None:
    streamed = [{"id": 3, "grade": "NaN"}, {"id": "4", "grade": None, "note": "n"}]
    assert client.insert_rows_json(grades, streamed) == []
    found = rows(f"SELECT * FROM `{grades}` WHERE id > 2 ORDER BY id")
    assert math.isnan(found[0][1])
    assert found[1] == (4, None, "n")


def test_a_row_that_does_not_fit_stops_the_stream(client: bigquery.Client, rows, grades: str) -> None:
    streamed = [{"id": 3}, {"id": "x"}, {"id": 5, "nosuch": 1}, {"grade": 1}]
    errors = client.insert_rows_json(grades, streamed)
    reasons = [(error["index"], error["errors"][0]["reason"]) for error in errors]
    assert reasons == [(0, "stopped"), (1, "invalid"), (2, "invalid"), (3, "invalid")]
    assert rows(f"SELECT COUNT(*) FROM `{grades}`") == [(2,)]
    errors = client.insert_rows_json(grades, streamed, skip_invalid_rows=True)
    assert [error["index"] for error in errors] == [1, 2, 3]
    assert rows(f"SELECT COUNT(*) FROM `{grades}`") == [(3,)]


def test_a_repeated_insert_id_is_inserted_once(client: bigquery.Client, rows, grades: str) -> None:
    for _ in range(2):
        client.insert_rows_json(grades, [{"id": 3}], row_ids=["same"])
    assert rows(f"SELECT COUNT(*) FROM `{grades}`") == [(3,)]


def test_a_request_beyond_the_limit_is_refused_as_a_whole(client: bigquery.Client, rows, grades: str) -> None:
    streamed = [{"id": number, "note": "x" * 1000} for number in range(11_000)]
    with pytest.raises(BadRequest, match="Request payload size exceeds the limit: 10485760 bytes"):
        client.insert_rows_json(grades, streamed)
    assert client.insert_rows_json(grades, streamed[:8_000]) == []
    assert rows(f"SELECT COUNT(*) FROM `{grades}`") == [(8_002,)]


def test_the_streaming_buffer_holds_rows_that_the_table_does_not_tell_of_yet(
    client: bigquery.Client, rows, grades: str
) -> None:
    before = client.get_table(grades)
    client.insert_rows_json(grades, [{"id": 3}, {"id": 4}])
    buffered = client.get_table(grades)

    # queries read them, but not those of the last version
    counted = f"SELECT COUNT(*) FROM `{grades}`"
    assert (before.streaming_buffer, rows(counted)) == (None, [(4,)])
    pinned = int(before.to_api_repr()["lastModifiedTime"]) + 1
    assert rows(f"{counted} FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({pinned})") == [(2,)]
    assert (buffered.num_rows, buffered.modified) == (2, before.modified)
    assert buffered.streaming_buffer.estimated_rows == 2
    assert buffered.streaming_buffer.oldest_entry_time > before.modified

    written = await_flush(client, grades)
    assert (written.num_rows, written.modified > buffered.modified) == (4, True)


@pytest.mark.parametrize(
    "change",
    ["DELETE FROM `{0}` WHERE id = 3", "UPDATE `{0}` SET id = 5 WHERE id = 3", "TRUNCATE TABLE `{0}`"],
)
def test_rows_in_the_streaming_buffer_can_be_changed_when_it_was_flushed(
    client: bigquery.Client, grades: str, change: str
) -> None:
    client.insert_rows_json(grades, [{"id": 3}])
    with pytest.raises(BadRequest, match="would affect rows in the streaming buffer, which is not support"):
        client.query_and_wait(change.format(grades))

    await_flush(client, grades)
    client.query_and_wait(change.format(grades))


def await_flush(client: bigquery.Client, table: str) -> bigquery.Table:
    return eventually(lambda: client.get_table(table), lambda found: not found.streaming_buffer)


def test_default_is_null_where_a_column_has_no_default(client: bigquery.Client, grades: str) -> None:
    client.query_and_wait(f"INSERT INTO `{grades}` VALUES (7, DEFAULT, 'n')")
    client.query_and_wait(f"DELETE FROM `{grades}` WHERE NULL")
    (row,) = client.query_and_wait(f"SELECT * FROM `{grades}` WHERE id = 7")
    assert row.values() == (7, None, "n")


def test_a_null_array_is_read_back_empty(client: bigquery.Client, dataset: str) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.lists AS SELECT CAST(NULL AS ARRAY<INT64>) AS l")
    (row,) = client.query_and_wait(f"SELECT l IS NULL, ARRAY_LENGTH(l), l FROM {dataset}.lists")
    assert row.values() == (False, 0, [])


def test_delete_needs_no_from(client: bigquery.Client, rows, dataset: str) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.kept AS SELECT 1 AS a UNION ALL SELECT 2")

    job = client.query(f"DELETE {dataset}.kept WHERE a = 1")

    assert job.result().num_dml_affected_rows == 1
    assert rows(f"SELECT a FROM {dataset}.kept") == [(2,)]


def test_a_table_that_a_query_creates_is_the_destination_of_its_job(
    client: bigquery.Client, dataset: str
) -> None:
    # https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationQuery (destinationTable)
    job = client.query(f"CREATE TABLE {dataset}.made AS SELECT TIME '10:00:00.5' AS t")
    job.result()

    assert client.get_job(job.job_id).destination.table_id == "made"
    assert [row.t for row in client.list_rows(job.destination)] == [datetime.time(10, 0, 0, 500_000)]
