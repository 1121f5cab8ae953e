"""Training on a table of BigQuery, on a live Airflow: only if it has changed, only if its rows are fit."""

from __future__ import annotations

import pytest
from google.cloud import bigquery

from tests.plugins.contract.contracts import CONTRACT
from tests.plugins.live.example_settings import Start
from tests.plugins.live.runs import Runs

DAG_ID = "example_bigquery"
TASKS = ("check_freshness", "check_data", "train")
FIT = {"ph": 3.53, "alcohol": 13.8, "quality": 7}

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def client(runs: Runs) -> bigquery.Client:
    """Return a client of a project with the example's table, one row in it; pipelines end at once."""
    runs.open_gate()
    client = bigquery.Client(project=runs.stack.settings.cloud.project)
    client.create_dataset("example")
    schema = [bigquery.SchemaField(name, column["type"]) for name, column in CONTRACT["columns"].items()]
    client.create_table(bigquery.Table(f"{client.project}.example.wines", schema))
    add(client, FIT)
    return client


def add(client: bigquery.Client, row: dict[str, float]) -> None:
    values = ", ".join(str(value) for value in row.values())
    client.query(f"INSERT INTO example.wines ({', '.join(row)}) VALUES ({values})").result()


def test_the_example_trains_on_new_rows_and_skips_when_there_are_none(
    runs: Runs, client: bigquery.Client, start: Start
) -> None:
    first = start(DAG_ID)
    trained = first.wait_for_end()
    skipped = start(DAG_ID).wait_for_end()
    add(client, FIT)
    again = start(DAG_ID)
    retrained = again.wait_for_end()

    assert trained == retrained == ("success", dict.fromkeys(TASKS, "success"))
    assert skipped == ("success", dict.fromkeys(TASKS, "skipped") | {"check_freshness": "success"})
    assert [run.xcom("check_data")["rows"] for run in (first, again)] == [1, 2]


def test_rows_that_break_the_contract_stop_the_example_before_its_pipeline(
    client: bigquery.Client, start: Start
) -> None:
    add(client, FIT | {"quality": 11})

    run = start(DAG_ID)

    assert run.wait_for_end() == (
        "failed",
        {"check_freshness": "success", "check_data": "failed", "train": "upstream_failed"},
    )
    assert run.jobs() == []
