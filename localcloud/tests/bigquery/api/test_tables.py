"""Tables and their metadata, through google-cloud-bigquery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    MethodNotImplemented,
    NotFound,
    PreconditionFailed,
)
from google.cloud import bigquery, storage

from localcloud.testing import eventually


def modified(client: bigquery.Client, table: str) -> int:
    return int(client.get_table(table)._properties["lastModifiedTime"])


def test_a_table_tells_its_rows_bytes_and_legacy_types(client: bigquery.Client, wine_table: str) -> None:
    table = client.get_table(wine_table)
    assert table.num_rows == 4898
    assert table.num_bytes == 4898 * 12 * 8
    assert (table.table_type, table.location) == ("TABLE", "EU")
    assert {field.field_type for field in table.schema} == {"FLOAT", "INTEGER"}


def test_every_change_advances_the_modification_time(client: bigquery.Client, wine_table: str) -> None:
    times = [modified(client, wine_table)]

    def note() -> None:
        times.append(modified(client, wine_table))

    client.insert_rows_json(wine_table, [{"quality": 5}])
    eventually(lambda: client.get_table(wine_table), lambda table: not table.streaming_buffer)
    note()
    client.query_and_wait(f"INSERT INTO `{wine_table}` (quality) VALUES (6)")
    note()
    client.query_and_wait(f"UPDATE `{wine_table}` SET quality = 7 WHERE quality = 9")
    note()
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE quality = 3")
    note()
    client.load_table_from_json([{"quality": 4}], wine_table).result()
    note()
    table = client.get_table(wine_table)
    table.schema = [*table.schema, bigquery.SchemaField("color", "STRING")]
    client.update_table(table, ["schema"])
    note()
    assert times == sorted(set(times))


def test_reading_does_not_change_the_modification_time(client: bigquery.Client, wine_table: str) -> None:
    before = modified(client, wine_table)
    client.query_and_wait(f"SELECT AVG(quality) FROM `{wine_table}`")
    list(client.list_rows(wine_table, max_results=1))
    client.query_and_wait(f"DELETE FROM `{wine_table}` WHERE quality > 100")
    assert modified(client, wine_table) == before


def test_metadata_can_be_changed(client: bigquery.Client, wine_table: str) -> None:
    table = client.get_table(wine_table)
    table.labels = {"wine": "white"}
    table.description = "UCI"
    client.update_table(table, ["labels", "description"])
    found = client.get_table(wine_table)
    assert (found.labels, found.description, found.num_rows) == ({"wine": "white"}, "UCI", 4898)
    with pytest.raises(PreconditionFailed):
        client.update_table(table, ["labels"])


def test_a_schema_may_grow_but_not_shrink_or_change(client: bigquery.Client, wine_table: str) -> None:
    table = client.get_table(wine_table)
    table.schema = [*table.schema, bigquery.SchemaField("color", "STRING")]
    grown = client.update_table(table, ["schema"])
    assert grown.schema[-1].name == "color"
    assert next(iter(client.list_rows(wine_table, max_results=1)))["color"] is None

    grown.schema = grown.schema[1:]
    with pytest.raises(BadRequest, match="Field fixed_acidity is missing in new schema"):
        client.update_table(grown, ["schema"])
    grown.schema = [bigquery.SchemaField("fixed_acidity", "STRING"), *client.get_table(wine_table).schema[1:]]
    with pytest.raises(BadRequest, match="fixed_acidity has changed type from FLOAT to STRING"):
        client.update_table(grown, ["schema"])


def test_an_expired_table_is_gone(client: bigquery.Client, dataset: str) -> None:
    schema = [bigquery.SchemaField("a", "INT64")]
    table = client.create_table(bigquery.Table(f"{client.project}.{dataset}.brief", schema))
    assert [item.table_id for item in client.list_tables(dataset)] == ["brief"]
    # a time that has passed when the request arrives would be rejected
    table.expires = datetime.now(UTC) + timedelta(seconds=5)
    client.update_table(table, ["expires"])
    eventually(lambda: not list(client.list_tables(dataset)))
    with pytest.raises(NotFound):
        client.get_table(table)


def test_tables_are_listed_in_pages_and_deleted(client: bigquery.Client, dataset: str) -> None:
    for name in ("a", "b", "c"):
        client.create_table(f"{client.project}.{dataset}.{name}")
    assert [item.table_id for item in client.list_tables(dataset, page_size=2)] == ["a", "b", "c"]
    client.delete_table(f"{dataset}.b")
    assert [item.table_id for item in client.list_tables(dataset)] == ["a", "c"]
    with pytest.raises(NotFound, match=f"Not found: Table {client.project}:{dataset}.b"):
        client.delete_table(f"{dataset}.b")


def test_what_exists_or_has_no_dataset_is_refused(client: bigquery.Client, wine_table: str) -> None:
    with pytest.raises(Conflict, match="Already Exists: Table"):
        client.create_table(wine_table)
    with pytest.raises(NotFound, match="Not found: Dataset"):
        client.create_table(f"{client.project}.nowhere.t")


def test_expiring_partitions_keys_and_nested_columns_are_refused_by_name(
    client: bigquery.Client, dataset: str
) -> None:
    partitioned = bigquery.Table(f"{client.project}.{dataset}.p", [bigquery.SchemaField("d", "DATE")])
    partitioned.time_partitioning = bigquery.TimePartitioning(field="d", expiration_ms=86_400_000)
    with pytest.raises(MethodNotImplemented, match="expirationMs of a timePartitioning"):
        client.create_table(partitioned)
    partitioned = bigquery.Table(f"{client.project}.{dataset}.p", [bigquery.SchemaField("d", "DATE")])
    partitioned._properties["tableConstraints"] = {"primaryKey": {"columns": ["d"]}}
    with pytest.raises(MethodNotImplemented, match="tableConstraints of a table"):
        client.create_table(partitioned)
    for field in (
        bigquery.SchemaField("r", "RECORD", fields=[bigquery.SchemaField("a", "INT64", "REQUIRED")]),
        bigquery.SchemaField("b", "BIGNUMERIC"),
        bigquery.SchemaField("g", "GEOGRAPHY"),
    ):
        with pytest.raises(MethodNotImplemented, match="does not support"):
            client.create_table(bigquery.Table(f"{client.project}.{dataset}.n", [field]))


@pytest.mark.parametrize("kind", ["FOO", "VARCHAR", "int32", ""])
def test_a_type_that_bigquery_does_not_have_is_no_valid_value(
    client: bigquery.Client, dataset: str, kind: str
) -> None:
    name = f"{client.project}.{dataset}.t"
    field = bigquery.SchemaField.from_api_repr({"name": "a", "type": kind})
    inner = {"name": "r", "type": "RECORD", "fields": [field.to_api_repr()]}
    for schema in ([field], [bigquery.SchemaField.from_api_repr(inner)]):
        with pytest.raises(BadRequest, match=f"Invalid value for type: {kind} is not a valid value") as error:
            client.create_table(bigquery.Table(name, schema))
        assert error.value.errors[0]["reason"] == "invalid"
    config = bigquery.LoadJobConfig(schema=[field])
    with pytest.raises(BadRequest, match=f"Invalid value for type: {kind} is not a valid value"):
        client.load_table_from_json([{"a": 1}], name, job_config=config).result()


def test_repeated_columns_keep_lists(client: bigquery.Client, dataset: str, bucket: storage.Bucket) -> None:
    # given a table with a list of texts and one of times
    name = f"{client.project}.{dataset}.lists"
    fields = [
        bigquery.SchemaField("texts", "STRING", mode="REPEATED"),
        bigquery.SchemaField("times", "TIMESTAMP", mode="REPEATED"),
        bigquery.SchemaField("detail", "STRING"),
    ]
    client.create_table(bigquery.Table(name, fields))
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    row = {"texts": ["a", "b"], "times": [moment.isoformat()], "detail": '{"latency": 1.5}'}

    # when rows with lists, without one, and with a value that is not a list are inserted
    assert client.insert_rows_json(name, [row, {}]) == []
    refused = client.insert_rows_json(name, [{"texts": "a"}])

    # then they are read back as lists, and can be unnested
    assert refused[0]["errors"][0]["location"] == "texts"
    rows = [tuple(found.values()) for found in client.list_rows(name)]
    assert rows == [(["a", "b"], [moment], '{"latency": 1.5}'), ([], [], None)]
    assert {field.mode for field in client.get_table(name).schema[:2]} == {"REPEATED"}
    taken_apart = client.query_and_wait(f"SELECT text FROM `{name}`, UNNEST(texts) AS text")
    assert [found.text for found in taken_apart] == ["a", "b"]
    latency = "CAST(JSON_VALUE(detail, '$.latency') AS FLOAT64) AS latency"
    sql = f"SELECT texts, ARRAY_LENGTH(texts) AS size, {latency} FROM `{name}` WHERE detail IS NOT NULL"
    assert [tuple(found.values()) for found in client.query_and_wait(sql)] == [(["a", "b"], 2, 1.5)]
    with pytest.raises(BadRequest, match="CSV does not support REPEATED columns: texts, times"):
        client.extract_table(name, f"gs://{bucket.name}/lists.csv").result()


def test_a_table_is_not_created_expired(client: bigquery.Client, dataset: str) -> None:
    # https://github.com/terraform-google-modules/terraform-google-bigquery/issues/147
    table = bigquery.Table(f"{client.project}.{dataset}.expired")
    table.expires = datetime.now(UTC) - timedelta(days=1)
    with pytest.raises(BadRequest, match="Expiration time must be at least 1 seconds in the future"):
        client.create_table(table)
    table.expires = datetime.now(UTC) + timedelta(days=1)
    client.create_table(table)
    # https://github.com/googleapis/java-bigquery/issues/1371
    table.expires = datetime.now(UTC) - timedelta(days=1)
    client.update_table(table, ["expires"])
    with pytest.raises(NotFound):
        client.get_table(table)
