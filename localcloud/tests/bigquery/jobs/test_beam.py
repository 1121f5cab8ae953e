"""Beam's own BigQuery source against localcloud, as BigQueryExampleGen uses it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from google.cloud import bigquery, storage

from localcloud.clients.environment import process_environment
from localcloud.testing import Cloud

READ = """
import json, sys
import apache_beam as beam
from apache_beam.io.gcp.bigquery import ReadFromBigQuery

project, query, temp, output = sys.argv[1:]
options = beam.options.pipeline_options.PipelineOptions([f"--project={project}", f"--temp_location={temp}"])
with beam.Pipeline(options=options) as pipeline:
    read = pipeline | ReadFromBigQuery(query=query, use_standard_sql=True)
    read | beam.Map(json.dumps) | beam.io.WriteToText(output, shard_name_template="")
"""


def test_beam_exports_a_pinned_query_and_leaves_only_the_users_dataset(
    cloud: Cloud, pipeline_python: Path, client: bigquery.Client, wine_table: str, tmp_path: Path
) -> None:
    # given a table that spells a column in another way, its version, and a row that came later
    spelled = f"SELECT * EXCEPT (ph), ph AS pH FROM `{wine_table}`"
    client.query_and_wait(f"CREATE OR REPLACE TABLE `{wine_table}` AS {spelled}")
    version = int(client.get_table(wine_table).modified.timestamp() * 1000)
    client.query_and_wait(f"INSERT INTO `{wine_table}` (quality) VALUES (3)")
    bucket = storage.Client().create_bucket(f"beam-{os.getpid()}")
    datasets = {dataset.dataset_id for dataset in client.list_datasets()}

    # when Beam reads the query of that version
    query = (
        f"SELECT `ph`, `quality`, CAST(`quality` >= 6 AS INT64) AS `good` FROM `{wine_table}` "
        f"FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({version + 1})"
    )
    output = tmp_path / "rows.jsonl"
    arguments = [client.project, query, f"gs://{bucket.name}/temp", str(output)]
    done = subprocess.run(
        [str(pipeline_python), "-c", READ, *arguments],
        env=process_environment(cloud.settings),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    # then it has that version's rows, typed, and leaves no temporary table
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == 4898
    assert {tuple(row) for row in rows} == {("ph", "quality", "good")}
    assert all(row["good"] == (row["quality"] >= 6) for row in rows)
    assert {dataset.dataset_id for dataset in client.list_datasets()} == datasets
    assert list(bucket.list_blobs()) == []
