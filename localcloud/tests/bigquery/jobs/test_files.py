"""Load and extract jobs, between tables and gs:// or the client's own files."""

from __future__ import annotations

import csv
import gzip
import io
import json
import uuid

import fastavro
import pandas as pd
import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, NotFound
from google.cloud import bigquery, storage

ALL_TYPES = """CREATE TABLE `{0}` AS SELECT
    7 AS i, CAST('nan' AS FLOAT64) AS f, TRUE AS b, 'a,"b' AS s, b'\\xff' AS y,
    TIMESTAMP '2024-05-01 10:00:00.5+00' AS ts, DATE '2024-05-01' AS d,
    DATETIME '2024-05-01 10:00:00' AS dt, NUMERIC '1.25' AS n, CAST(NULL AS STRING) AS nothing"""


def test_a_dataframe_is_loaded_through_parquet(client: bigquery.Client, dataset: str, white_wines) -> None:
    target = f"{client.project}.{dataset}.frame"
    job = client.load_table_from_dataframe(pd.DataFrame(white_wines), target)
    job.result()
    table = client.get_table(target)
    assert (job.output_rows, table.num_rows) == (4898, 4898)
    assert [field.field_type for field in table.schema] == ["FLOAT"] * 11 + ["INTEGER"]


def test_a_large_file_is_uploaded_in_chunks(client: bigquery.Client, dataset: str) -> None:
    target = f"{client.project}.{dataset}.large"
    lines = "".join(f"{number},{'x' * 1000}\n" for number in range(8000))
    config = bigquery.LoadJobConfig(
        schema=[bigquery.SchemaField("n", "INT64"), bigquery.SchemaField("text", "STRING")]
    )
    source = io.BytesIO(lines.encode())
    client.load_table_from_file(source, target, size=len(lines), job_config=config).result()
    assert client.get_table(target).num_rows == 8000


def test_an_upload_may_end_without_content(client: bigquery.Client, dataset: str) -> None:
    table = {"projectId": client.project, "datasetId": dataset, "tableId": "empty"}
    load = {"destinationTable": table, "schema": {"fields": [{"name": "n", "type": "INTEGER"}]}}
    address = f"https://bigquery.googleapis.com/upload/bigquery/v2/projects/{client.project}/jobs"
    begun = client._http.post(f"{address}?uploadType=resumable", json={"configuration": {"load": load}})

    ended = client._http.put(begun.headers["Location"])

    assert (ended.status_code, ended.json()["statistics"]["load"]["outputRows"]) == (200, "0")


def test_a_csv_with_a_header_is_understood(
    client: bigquery.Client, dataset: str, bucket: storage.Bucket
) -> None:
    text = '"fixed acidity";"quality";"color";"seen"\n7.4;5;red;2024-05-01\n8;6;;2024-05-02\n'
    bucket.blob("wines.csv").upload_from_string(gzip.compress(text.encode()))
    config = bigquery.LoadJobConfig(autodetect=True, field_delimiter=";")
    target = f"{client.project}.{dataset}.detected"
    client.load_table_from_uri(f"gs://{bucket.name}/wines*", target, job_config=config).result()
    table = client.get_table(target)
    assert [(field.name, field.field_type) for field in table.schema] == [
        *(("fixed_acidity", "FLOAT"), ("quality", "INTEGER"), ("color", "STRING"), ("seen", "DATE")),
    ]
    assert [row["fixed_acidity"] for row in client.list_rows(target)] == [7.4, 8.0]


def test_a_load_obeys_its_dispositions(client: bigquery.Client, wine_table: str) -> None:
    def load(rows: list[dict], **options) -> None:
        config = bigquery.LoadJobConfig(**options)
        client.load_table_from_json(rows, wine_table, job_config=config).result()

    with pytest.raises(Conflict, match="Already Exists: Table"):
        load([{"quality": 1}], write_disposition="WRITE_EMPTY")
    with pytest.raises(BadRequest, match="no such field: color"):
        load([{"quality": 1, "color": "red"}])
    load([{"quality": 1, "color": "red"}], autodetect=True, schema_update_options=["ALLOW_FIELD_ADDITION"])
    table = client.get_table(wine_table)
    assert (table.num_rows, table.schema[-1].name) == (4899, "color")
    load([{"a": 1}], autodetect=True, write_disposition="WRITE_TRUNCATE")
    table = client.get_table(wine_table)
    assert (table.num_rows, [field.name for field in table.schema]) == (1, ["a"])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("1", "has 1 columns"), ("1,2,3", "too many"), ("x,2", "field a: Could not convert value to integer")],
)
def test_a_file_that_does_not_fit_loads_nothing(client, dataset, line, complaint) -> None:
    target = f"{client.project}.{dataset}.strict"
    schema = [bigquery.SchemaField("a", "INT64"), bigquery.SchemaField("b", "INT64")]
    source = io.BytesIO(f"1,2\n{line}\n".encode())
    with pytest.raises(BadRequest, match=f"Error while reading data.*{complaint}"):
        client.load_table_from_file(source, target, job_config=bigquery.LoadJobConfig(schema=schema)).result()
    with pytest.raises(NotFound):
        client.get_table(target)


def test_files_and_tables_that_are_missing_are_named(client, dataset, bucket) -> None:
    config = bigquery.LoadJobConfig(autodetect=True)
    uri = f"gs://{bucket.name}/nosuch.csv"
    with pytest.raises(NotFound, match=f"Not found: URI {uri}"):
        client.load_table_from_uri(uri, f"{dataset}.t", job_config=config).result()
    with pytest.raises(NotFound, match="Not found: Table"):
        client.extract_table(f"{dataset}.nosuch", f"gs://{bucket.name}/x").result()


@pytest.mark.parametrize("form", ["AVRO", "PARQUET", "CSV", "NEWLINE_DELIMITED_JSON"])
def test_a_table_survives_its_extract_and_load(client, dataset, bucket, form) -> None:
    source, target = (f"{client.project}.{dataset}.{name}" for name in ("source", "target"))
    client.query_and_wait(ALL_TYPES.format(source))
    schema = client.get_table(source).schema
    extract = bigquery.ExtractJobConfig(destination_format=form, use_avro_logical_types=True)
    uri = f"gs://{bucket.name}/{form}/part-*"
    job = client.extract_table(source, uri, job_config=extract)
    job.result()
    assert job.destination_uri_file_counts == [1]
    assert [blob.name for blob in bucket.list_blobs(prefix=form)] == [f"{form}/part-000000000000"]

    load = bigquery.LoadJobConfig(source_format=form, schema=schema, use_avro_logical_types=True)
    if form == "CSV":
        load.skip_leading_rows = 1
    client.load_table_from_uri(uri, target, job_config=load).result()
    before, after = (repr([row.values() for row in client.list_rows(name)]) for name in (source, target))
    if form == "CSV":
        before = before.replace("None)", "'')")
    assert after == before


@pytest.mark.parametrize(
    ("location", "refused"), [("EU", False), ("US", False), ("europe-west1", True), ("us-central1", True)]
)
def test_a_table_is_extracted_only_to_a_bucket_where_it_is(
    client: bigquery.Client, bucket: storage.Bucket, location: str, refused: bool
) -> None:
    place = bigquery.Dataset(f"{client.project}.far_{uuid.uuid4().hex}")
    place.location = location
    client.create_dataset(place)
    source = f"{place.project}.{place.dataset_id}.rows"
    client.query(f"CREATE TABLE `{source}` AS SELECT 1 AS n", location=location).result()

    job = client.extract_table(source, f"gs://{bucket.name}/{location}.csv", location=location)

    if not refused:
        job.result()
        return
    places = f"source: {location}, destination: EU"
    with pytest.raises(BadRequest, match=f"Cannot read and write in different locations: {places}"):
        job.result()


def test_extracts_are_written_as_bigquery_writes_them(client, wine_table, bucket) -> None:
    base = f"gs://{bucket.name}/wines"
    for form, compression in (("AVRO", "DEFLATE"), ("CSV", "NONE"), ("NEWLINE_DELIMITED_JSON", "GZIP")):
        config = bigquery.ExtractJobConfig(destination_format=form, compression=compression)
        client.extract_table(wine_table, f"{base}.{form}", job_config=config).result()
    avro = fastavro.reader(io.BytesIO(bucket.blob("wines.AVRO").download_as_bytes()))
    assert avro.writer_schema["fields"][-1] == {"name": "quality", "type": ["null", "long"]}
    table = list(csv.DictReader(io.StringIO(bucket.blob("wines.CSV").download_as_text())))
    lines = gzip.decompress(bucket.blob("wines.NEWLINE_DELIMITED_JSON").download_as_bytes(raw_download=True))
    objects = [json.loads(line) for line in lines.splitlines()]
    grades = [record["quality"] for record in avro]
    assert [int(row["quality"]) for row in table] == grades
    assert [row["quality"] for row in objects] == [str(grade) for grade in grades]


def test_other_formats_are_refused_by_name(client, wine_table, bucket) -> None:
    orc = bigquery.LoadJobConfig(source_format="ORC")
    with pytest.raises(MethodNotImplemented, match="sourceFormat ORC"):
        client.load_table_from_file(io.BytesIO(b"x"), wine_table, job_config=orc).result()
    snappy = bigquery.ExtractJobConfig(destination_format="AVRO", compression="SNAPPY")
    with pytest.raises(MethodNotImplemented, match="compression SNAPPY for AVRO"):
        client.extract_table(wine_table, f"gs://{bucket.name}/x", job_config=snappy).result()
    clone = bigquery.CopyJobConfig(operation_type="CLONE")
    with pytest.raises(MethodNotImplemented, match="copy jobs of operationType CLONE"):
        client.copy_table(wine_table, f"{wine_table}_copy", job_config=clone).result()
