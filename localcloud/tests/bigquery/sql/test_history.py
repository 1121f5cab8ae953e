"""FOR SYSTEM_TIME AS OF makes a training repeatable; a version is read a millisecond after its commit."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from google.api_core.exceptions import BadRequest, Forbidden, MethodNotImplemented, NotFound
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

    # when each version is read: the commit's own millisecond begins before it, the next one after it
    pinned = counted + " FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({})"
    seen = {at: rows(pinned.format(at + 1)) for at in history}
    times = sorted(history)
    before = [rows(pinned.format(at)) for at in times[1:]]

    # then each has the rows that it had
    assert seen == history
    assert before == [history[at] for at in times[:-1]]
    assert [history[at][0][0] for at in times] == [4898, 4899, 4899, 6, 0]


def test_the_time_may_be_any_constant_expression(client, rows, wine_table) -> None:
    moment = (client.get_table(wine_table).modified + timedelta(milliseconds=1)).isoformat(sep=" ")
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE TRUE")
    assert rows(f"SELECT COUNT(*) FROM `{wine_table}` AS w FOR SYSTEM_TIME AS OF TIMESTAMP '{moment}'") == [
        (4898,)
    ]
    assert rows(f"SELECT COUNT(*) FROM `{wine_table}` FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()") == [(0,)]


def test_two_versions_can_be_compared_in_one_query(client, rows, wine_table) -> None:
    at = version(client, wine_table) + 1
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE quality = 9")
    query = (
        f"SELECT (SELECT COUNT(*) FROM `{wine_table}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({at}))"
        f" - (SELECT COUNT(*) FROM `{wine_table}`)"
    )
    assert rows(query) == [(5,)]


def test_an_old_version_keeps_its_own_columns(client, rows, wine_table) -> None:
    at = version(client, wine_table) + 1
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


def test_a_new_table_cannot_be_read_at_its_last_modified_time(client, rows, dataset) -> None:
    name = f"{client.project}.{dataset}.made"
    client.query_and_wait(f"CREATE TABLE `{name}` AS SELECT 1 AS a")
    at = version(client, name)
    pinned = f"SELECT a FROM `{name}` FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({{}})"
    with pytest.raises(BadRequest, match=rf"Invalid snapshot time {at} .* Cannot read before {at + 1}\."):
        client.query_and_wait(pinned.format(at))
    assert rows(pinned.format(at + 1)) == [(1,)]


def test_the_dataset_says_how_far_time_travel_reaches(client, dataset, wine_table) -> None:
    # given a dataset that keeps two days
    resource = client.get_dataset(dataset)
    assert int(resource.max_time_travel_hours) == 168
    resource.max_time_travel_hours = 48
    client.update_dataset(resource, ["max_time_travel_hours"])

    # when a time before the creation of the table is read
    with pytest.raises(BadRequest) as young:
        read_hours_ago(client, wine_table, 47)
    with pytest.raises(BadRequest) as old:
        read_hours_ago(client, wine_table, 49)

    # then the bound is the creation of the table, in both cases
    assert int(client.get_dataset(dataset).max_time_travel_hours) == 48
    created = int(client.get_table(wine_table).to_api_repr()["creationTime"])
    for refused in (young, old):
        assert f"Cannot read before {created + 1}." in str(refused.value)


def read_hours_ago(client, table, hours) -> None:
    moment = f"TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL {hours} HOUR)"
    client.query_and_wait(f"SELECT 1 FROM `{table}` FOR SYSTEM_TIME AS OF {moment}")


@pytest.mark.parametrize("hours", [24, 50, 192])
def test_time_travel_of_other_lengths_is_refused(client, dataset, hours) -> None:
    resource = client.get_dataset(dataset)
    resource._properties["maxTimeTravelHours"] = str(hours)
    with pytest.raises(BadRequest, match=f"Invalid maxTimeTravelHours: {hours}"):
        client.update_dataset(resource, ["max_time_travel_hours"])


def test_a_table_that_has_or_had_row_access_policies_shows_no_past(client, rows, wine_table) -> None:
    # given a table with a policy
    path = (
        f"/projects/{client.project}/datasets/{wine_table.split('.')[1]}/tables/white_wine/rowAccessPolicies"
    )
    reference = {"rowAccessPolicyReference": {"policyId": "all"}}
    client._connection.api_request("POST", path, data=reference | {"filterPredicate": "TRUE"})
    policies = client._connection.api_request("GET", path)["rowAccessPolicies"]
    assert [policy["rowAccessPolicyReference"]["policyId"] for policy in policies] == ["all"]

    # when its past is read, with the policy and after its removal
    for _ in range(2):
        with pytest.raises(
            Forbidden, match=r"is forbidden as it has \(or has had\) row access policies"
        ) as refused:
            read_hours_ago(client, wine_table, 0)
        if client._connection.api_request("GET", path)["rowAccessPolicies"]:
            client._connection.api_request("DELETE", f"{path}/all")

    # then only its present can be read
    assert refused.value.errors[0]["reason"] == "accessDenied"
    assert rows(f"SELECT COUNT(*) FROM `{wine_table}`") == [(4898,)]
    with pytest.raises(NotFound):
        client._connection.api_request("DELETE", f"{path}/all")
    with pytest.raises(MethodNotImplemented, match="the filterPredicate quality > 5"):
        client._connection.api_request("POST", path, data=reference | {"filterPredicate": "quality > 5"})
