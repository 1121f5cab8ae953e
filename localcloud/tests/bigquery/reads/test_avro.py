"""Rows in Avro: https://cloud.google.com/bigquery/docs/reference/storage#avro_schema_details."""

from __future__ import annotations

import datetime
import json
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import BigQueryReadClient

from localcloud.clients.environment import process_environment
from localcloud.testing import Cloud

pytest.importorskip("fastavro", reason="the client reads Avro by fastavro")

ROW = """
SELECT 7 AS a, 0.5 AS b, TRUE AS c, 'wein' AS d, b'\\x00\\xff' AS e,
  TIMESTAMP '2026-01-02 03:04:05.678901Z' AS f, DATETIME '2026-01-02 03:04:05.678901' AS g,
  DATE '2026-01-02' AS h, TIME '03:04:05.678901' AS i, NUMERIC '-1.5' AS j, [1, 2] AS k,
  STRUCT(1 AS x, [STRUCT('y' AS z)] AS many) AS l
"""


def read(client: bigquery.Client, dataset: str, table: str, *fields: str) -> tuple[Any, list[Any]]:
    """Return the schema of a table's columns and its rows, as the client parses them."""
    reads = BigQueryReadClient()
    path = f"projects/{client.project}/datasets/{dataset}/tables/{table}"
    asked = {"table": path, "data_format": "AVRO", "read_options": {"selected_fields": fields}}
    session = reads.create_read_session(parent=f"projects/{client.project}", read_session=asked)
    rows = [row for stream in session.streams for row in reads.read_rows(stream.name).rows()]
    return json.loads(session.avro_schema.schema), rows


def test_each_type_is_the_one_of_the_service(client: bigquery.Client, dataset: str) -> None:
    names = "abcdefghij"
    nulls = ", ".join(f"IF(a = 7, NULL, {name}) AS {name}" for name in names)
    client.query_and_wait(f"CREATE TABLE {dataset}.t AS {ROW}")
    client.query_and_wait(f"INSERT INTO {dataset}.t SELECT {nulls}, NULL, NULL FROM {dataset}.t")

    schema, rows = read(client, dataset, "t")

    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901)
    assert rows[0] == {
        **{"a": 7, "b": 0.5, "c": True, "d": "wein", "e": b"\x00\xff"},
        **{"f": moment.replace(tzinfo=datetime.UTC), "g": moment.isoformat(), "h": moment.date()},
        **{"i": moment.time(), "j": Decimal("-1.5"), "k": [1, 2], "l": {"x": 1, "many": [{"z": "y"}]}},
    }
    assert rows[1] == {**dict.fromkeys(names), "k": [], "l": None}
    kinds = {field["name"]: field["type"] for field in schema["fields"]}
    assert schema["name"] == "__root__"
    assert [kinds[name] for name in "abcde"] == [
        ["null", kind] for kind in ("long", "double", "boolean", "string", "bytes")
    ]
    assert [kinds[name][1]["logicalType"] for name in "fghij"] == [
        *("timestamp-micros", "datetime", "date", "time-micros", "decimal")
    ]
    assert kinds["k"] == {"type": "array", "items": "long"}


def test_fields_are_chosen_and_a_required_one_is_never_null(client: bigquery.Client, dataset: str) -> None:
    client.query_and_wait(f"CREATE TABLE {dataset}.t (a INT64 NOT NULL, b STRING)")
    client.query_and_wait(f"INSERT INTO {dataset}.t VALUES (1, 'x'), (2, 'y')")

    schema, rows = read(client, dataset, "t", "A")

    assert schema["fields"] == [{"name": "a", "type": "long"}]
    assert rows == [{"a": 1}, {"a": 2}]


DIRECT_READ = """
import json, sys
import apache_beam as beam
from apache_beam.io.gcp.bigquery import ReadFromBigQuery

project, table, output = sys.argv[1:]
options = beam.options.pipeline_options.PipelineOptions([f"--project={project}"])
with beam.Pipeline(options=options) as pipeline:
    read = pipeline | ReadFromBigQuery(
        table=table, method=ReadFromBigQuery.Method.DIRECT_READ, selected_fields=["ph", "quality"],
        row_restriction="quality >= 8",
    )
    read | beam.Map(json.dumps) | beam.io.WriteToText(output, shard_name_template="")
"""


def test_beam_reads_directly(
    cloud: Cloud, pipeline_python: Path, client: bigquery.Client, wine_table: str, tmp_path: Path
) -> None:
    output = tmp_path / "rows.jsonl"
    project, dataset, table = wine_table.split(".")
    arguments = [project, f"{project}:{dataset}.{table}", str(output)]
    done = subprocess.run(
        [str(pipeline_python), "-c", DIRECT_READ, *arguments],
        env=process_environment(cloud.settings),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == 180
    assert {(tuple(row), row["quality"] >= 8) for row in rows} == {(("ph", "quality"), True)}
