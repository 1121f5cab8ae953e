"""
Names of columns are not case-sensitive, and a result spells them as its query does.

Sources: https://cloud.google.com/bigquery/docs/schemas#column_names and
https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#implicit_aliases
"""

from __future__ import annotations

import io
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import bigquery

CSV = b'"fixed acidity";"pH";"quality"\n7.1;3.5;6\n6.1;3.4;5\n'


def load(client: bigquery.Client, table: str, data: bytes, **config: Any) -> None:
    job = bigquery.LoadJobConfig(**{"autodetect": True, **config})
    client.load_table_from_file(io.BytesIO(data), table, job_config=job).result()


@pytest.fixture
def wines(client: bigquery.Client, dataset: str) -> str:
    """Return the name of a table that is loaded from a file in UCI's format."""
    load(client, f"{dataset}.wines", CSV, source_format="CSV", field_delimiter=";")
    return f"{dataset}.wines"


def names(client: bigquery.Client, table: str) -> list[str]:
    return [field.name for field in client.get_table(table).schema]


def test_a_load_keeps_the_spelling_of_its_file(client: bigquery.Client, wines: str) -> None:
    assert names(client, wines) == ["fixed_acidity", "pH", "quality"]


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT ph, QUALITY FROM {t}", ["ph", "QUALITY"]),
        ("SELECT pH, quality FROM {t}", ["pH", "quality"]),
        ("SELECT `ph`, CAST(`Quality` >= 6 AS INT64) AS `good` FROM {t}", ["ph", "good"]),
        ("SELECT w.PH, AVG(quality) FROM {t} w GROUP BY PH ORDER BY ph", ["PH", "f0_"]),
        ("SELECT * FROM (SELECT Ph FROM {t})", ["Ph"]),
        ("WITH a AS (SELECT PH FROM {t}) SELECT ph FROM a WHERE Ph > 3", ["ph"]),
        ("WITH a AS (SELECT pH AS Acid FROM {t}) SELECT acid FROM a", ["acid"]),
        ("SELECT * FROM {t}", ["fixed_acidity", "pH", "quality"]),
        ("SELECT * EXCEPT (PH) FROM {t}", ["fixed_acidity", "quality"]),
        ("SELECT PH FROM {t} UNION ALL SELECT ph FROM {t}", ["PH"]),
        ("SELECT DISTINCT Ph FROM {t} WHERE PH BETWEEN 3 AND 4 ORDER BY ph", ["Ph"]),
    ],
)
def test_a_result_is_spelled_as_its_query(
    client: bigquery.Client, wines: str, query: str, columns: list[str]
) -> None:
    result = client.query_and_wait(query.format(t=wines))

    assert [field.name for field in result.schema] == columns
    assert result.total_rows >= 2


def test_each_spelling_costs_the_same(client: bigquery.Client, wines: str) -> None:
    config = bigquery.QueryJobConfig(dry_run=True)
    jobs = [client.query(f"SELECT {name} FROM {wines}", job_config=config) for name in ("pH", "PH")]

    assert [job.total_bytes_processed for job in jobs] == [16, 16]


def test_rows_come_in_by_any_spelling(client: bigquery.Client, rows, wines: str) -> None:
    client.query_and_wait(f"INSERT INTO {wines} (FIXED_ACIDITY, PH, Quality) VALUES (1.0, 2.0, 3)")
    client.query_and_wait(f"UPDATE {wines} SET PH = ph + 1 WHERE QUALITY = 3")
    schema = [bigquery.SchemaField("PH", "FLOAT"), bigquery.SchemaField("QUALITY", "INTEGER")]
    config = bigquery.LoadJobConfig(schema=schema)
    client.load_table_from_json([{"ph": 1.5, "quality": 2}], wines, job_config=config).result()
    assert client.insert_rows_json(wines, [{"FIXED_acidity": 1, "ph": 1.0, "QUALITY": 1}]) == []

    assert rows(f"SELECT pH FROM {wines} ORDER BY ph") == [(1.0,), (1.5,), (3.0,), (3.4,), (3.5,)]
    assert names(client, wines) == ["fixed_acidity", "pH", "quality"]


def test_fields_are_selected_by_any_spelling(client: bigquery.Client, wines: str) -> None:
    chosen = [bigquery.SchemaField("PH", "FLOAT")]

    assert [row.values() for row in client.list_rows(wines, selected_fields=chosen)] == [(3.5,), (3.4,)]


def test_files_that_differ_in_spelling_fit(client: bigquery.Client, rows, bucket: Any, dataset: str) -> None:
    for index, name in enumerate(("pH", "ph")):
        bucket.blob(f"{dataset}/{index}.csv").upload_from_string(f"{name}\n3.{index}\n")
    config = bigquery.LoadJobConfig(autodetect=True, source_format="CSV")
    uri = f"gs://{bucket.name}/{dataset}/*.csv"
    client.load_table_from_uri(uri, f"{dataset}.files", job_config=config).result()
    load(client, f"{dataset}.lines", b'{"pH": 1}\n{"PH": 2}\n', source_format="NEWLINE_DELIMITED_JSON")

    assert rows(f"SELECT * FROM {dataset}.files ORDER BY 1") == [(3.0,), (3.1,)]
    assert names(client, f"{dataset}.files") == ["pH"]
    assert rows(f"SELECT * FROM {dataset}.lines ORDER BY 1") == [(1,), (2,)]
    assert names(client, f"{dataset}.lines") == ["pH"]


def test_two_spellings_are_one_column(client: bigquery.Client, rows, dataset: str) -> None:
    fields = [bigquery.SchemaField(name, "INT64") for name in ("pH", "PH")]
    with pytest.raises(BadRequest, match="PH already exists in schema"):
        client.create_table(bigquery.Table(f"{client.project}.{dataset}.t", fields))
    with pytest.raises(BadRequest, match="PH already exists in schema"):
        rows(f"CREATE TABLE {dataset}.t (pH INT64, PH INT64)")
    with pytest.raises(BadRequest, match="ph already exists in schema"):
        load(client, f"{dataset}.t", b"pH,ph\n1,2\n", source_format="CSV")
    with pytest.raises(BadRequest, match="Duplicate column names"):
        rows("SELECT 1 AS pH, 2 AS PH")
