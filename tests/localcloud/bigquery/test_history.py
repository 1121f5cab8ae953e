"""FOR SYSTEM_TIME AS OF: what makes a training run repeatable."""

from __future__ import annotations

import time

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery


def version(client: bigquery.Client, table: str) -> int:
    return int(client.get_table(table)._properties["lastModifiedTime"])


def test_a_query_as_of_a_version_sees_exactly_that_version(client, rows, wine_table) -> None:
    # given the history of a table: 4,898 rows, then one more, one changed, all but two removed, emptied
    counted = f"SELECT COUNT(*), SUM(quality) FROM `{wine_table}`"
    history = {version(client, wine_table): rows(counted)}
    for change in (
        f"INSERT INTO `{wine_table}` (quality) VALUES (10)",
        f"UPDATE `{wine_table}` SET quality = 0 WHERE quality = 10",
        f"DELETE FROM `{wine_table}` WHERE quality NOT IN (0, 9)",
        f"TRUNCATE TABLE `{wine_table}`",
    ):
        client.query_and_wait(change)
        history[version(client, wine_table)] = rows(counted)

    # when each version is asked for, and the ms before each change
    pinned = counted + " FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({})"
    seen = {at: rows(pinned.format(at)) for at in history}
    times = sorted(history)
    before = [rows(pinned.format(at - 1)) for at in times[1:]]

    # then they are what they were
    assert seen == history
    assert before == [history[at] for at in times[:-1]]
    assert [history[at][0][0] for at in times] == [4898, 4899, 4899, 6, 0]


def test_the_time_may_be_any_constant_expression(client, rows, wine_table) -> None:
    moment = client.get_table(wine_table).modified.isoformat(sep=" ")
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE TRUE")
    assert rows(f"SELECT COUNT(*) FROM `{wine_table}` AS w FOR SYSTEM_TIME AS OF TIMESTAMP '{moment}'") == [
        (4898,)
    ]
    assert rows(f"SELECT COUNT(*) FROM `{wine_table}` FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()") == [(0,)]


def test_two_versions_can_be_compared_in_one_query(client, rows, wine_table) -> None:
    at = version(client, wine_table)
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE quality = 9")
    query = (
        f"SELECT (SELECT COUNT(*) FROM `{wine_table}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({at}))"
        f" - (SELECT COUNT(*) FROM `{wine_table}`)"
    )
    assert rows(query) == [(5,)]


def test_an_old_version_keeps_its_own_columns(client, rows, wine_table) -> None:
    at = version(client, wine_table)
    client.query_and_wait(f"CREATE OR REPLACE TABLE `{wine_table}` AS SELECT 'red' AS color")
    assert rows(f"SELECT color FROM `{wine_table}`") == [("red",)]
    assert rows(f"SELECT MAX(quality) FROM `{wine_table}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({at})") == [
        (9,)
    ]


@pytest.mark.parametrize(
    ("moment", "complaint"),
    [
        ("TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 8 DAY)", "Invalid snapshot time .* Cannot read before"),
        ("TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)", "It is in the future"),
        ("NULL", "must not be NULL"),
    ],
)
def test_a_time_without_a_version_is_refused(client, wine_table, moment, complaint) -> None:
    with pytest.raises(BadRequest, match=complaint):
        client.query_and_wait(f"SELECT 1 FROM `{wine_table}` FOR SYSTEM_TIME AS OF {moment}")


def test_a_table_made_anew_has_no_older_past(client, wine_table) -> None:
    at = version(client, wine_table)
    client.delete_table(wine_table)
    time.sleep(0.002)
    client.create_table(bigquery.Table(wine_table, [bigquery.SchemaField("quality", "INT64")]))
    with pytest.raises(BadRequest, match="Cannot read before"):
        client.query_and_wait(f"SELECT 1 FROM `{wine_table}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({at})")
