"""The Google provider's hook against localcloud, as Airflow's BigQuery operators call it."""

from __future__ import annotations

import sys

import pytest
from google.api_core.exceptions import NotFound

from localcloud.testing import Cloud

pytest.importorskip("airflow.providers.google", reason="Airflow's Google provider is not installed")

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook


@pytest.fixture
def hook(cloud: Cloud) -> BigQueryHook:
    return BigQueryHook(use_legacy_sql=False, location="EU")


READ = """
import sys
from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook

hook = BigQueryHook(use_legacy_sql=False, location="EU")
count, mean, good, text = hook.get_first(
    f"SELECT COUNT(*), AVG(quality), MAX(quality) >= 6, 'a' FROM `{sys.argv[1]}`"
)
assert (count, round(mean, 3), good, text) == (4898, 5.878, True, "a")
assert len(hook.get_records(f"SELECT quality FROM `{sys.argv[1]}`")) == 4898
"""


def test_get_records_reads_through_the_discovery_client(cloud: Cloud, wine_table: str) -> None:
    pytest.importorskip("socks", reason="httplib2 reaches no proxy without PySocks")
    # in a process of its own: httplib2 reads its certificate authorities when it is imported
    done = cloud.client(sys.executable, "-c", READ, wine_table)
    assert done.returncode == 0, done.stderr


def test_insert_job_gives_the_job_that_the_operators_wait_for(hook: BigQueryHook, wine_table: str) -> None:
    query = f"SELECT SUM(CASE WHEN ph IS NULL THEN 1 ELSE 0 END) AS missing FROM {wine_table}"
    job = hook.insert_job(configuration={"query": {"query": query, "useLegacySql": False}})
    assert [row.values() for row in job.result()] == [(0,)]
    assert job.result().to_dataframe(create_bqstorage_client=False).to_dict("records") == [{"missing": 0}]


def test_tables_are_found_and_missed(hook: BigQueryHook, client, wine_table: str) -> None:
    _, dataset, table = wine_table.split(".")
    assert hook.table_exists(dataset_id=dataset, table_id=table, project_id=client.project)
    assert not hook.table_exists(dataset_id=dataset, table_id="nosuch", project_id=client.project)
    with pytest.raises(NotFound):
        hook.get_client(project_id=client.project).get_table(f"{dataset}.nosuch")


def test_the_sql_of_the_column_check_operator_runs(hook: BigQueryHook, wine_table: str) -> None:
    query = f"""SELECT col_name, check_type, check_result FROM (
        SELECT 'ph' AS col_name, 'min' AS check_type, ph_min AS check_result
        FROM (SELECT MIN(ph) AS ph_min FROM {wine_table} ) AS sq UNION ALL
        SELECT 'quality' AS col_name, 'null_check' AS check_type, quality_null_check AS check_result
        FROM (SELECT SUM(CASE WHEN quality IS NULL THEN 1 ELSE 0 END) AS quality_null_check
        FROM {wine_table} ) AS sq ) AS check_columns"""
    job = hook.insert_job(configuration={"query": {"query": query, "useLegacySql": False}})
    found = sorted(row.values() for row in job.result())
    assert found == [("ph", "min", 2.72), ("quality", "null_check", 0.0)]
