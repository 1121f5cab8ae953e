"""The Google provider's check operators and partition sensor, run as they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from google.cloud import bigquery

from localcloud.testing import Cloud

pytest.importorskip("airflow.providers.google", reason="Airflow's Google provider is not installed")

Run = Callable[[str], subprocess.CompletedProcess[str]]
PREPARE = """
import asyncio, functools, sys
from types import SimpleNamespace

import aiohttp
# the triggers' sessions look at no proxy; a real host needs none
aiohttp.ClientSession.__init__.__kwdefaults__["trust_env"] = True

from airflow.exceptions import AirflowException
from airflow.providers.common.compat.sdk import TaskDeferred
from airflow.providers.google.cloud.hooks import bigquery as hooks
from airflow.providers.google.cloud.operators.bigquery import (
    BigQueryCheckOperator, BigQueryColumnCheckOperator, BigQueryIntervalCheckOperator,
    BigQueryTableCheckOperator, BigQueryValueCheckOperator,
)
from airflow.providers.google.cloud.sensors.bigquery import BigQueryTablePartitionExistenceSensor

table = sys.argv[1]
project, dataset, name = table.split(".")
COMMON = {"location": "EU", "use_legacy_sql": False}


def run(kind, **arguments):
    operator = kind(task_id="task", **arguments)
    context = {"ti": SimpleNamespace(xcom_push=lambda key, value: None)}
    try:
        return operator.execute(context)
    except TaskDeferred as deferred:
        async def first():
            async for event in deferred.trigger.run():
                return event.payload
        event = asyncio.run(asyncio.wait_for(first(), 60))
        return getattr(operator, deferred.method_name)(context, event)


def fails(kind, **arguments):
    try:
        run(kind, **arguments)
    except AirflowException as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} passed")

"""


@pytest.fixture
def run(cloud: Cloud, client: bigquery.Client, wine_table: str) -> Run:
    """Return a function that runs operators on the wines, in a process whose httplib2 trusts localcloud."""
    pytest.importorskip("socks", reason="httplib2 reaches no proxy without PySocks")
    first, second = (f"SELECT *, DATE '2026-01-0{day}' AS day FROM {wine_table}" for day in (1, 2))
    client.query_and_wait(f"CREATE TABLE {wine_table}_days PARTITION BY day AS {first}")
    client.query_and_wait(f"INSERT INTO {wine_table}_days {second}")

    def ask(script: str) -> subprocess.CompletedProcess[str]:
        return cloud.client(sys.executable, "-c", PREPARE + script, f"{wine_table}_days")

    return ask


def test_columns_are_checked(run: Run) -> None:
    done = run("""
quality = {"min": {"geq_to": 3}, "max": {"leq_to": 9}, "null_check": {"equal_to": 0}}
ph = {"min": {"equal_to": 2.72}, "distinct_check": {"greater_than": 100}}
run(BigQueryColumnCheckOperator, table=table, column_mapping={"quality": quality, "ph": ph}, **COMMON)
message = fails(
    BigQueryColumnCheckOperator, table=table, column_mapping={"quality": {"max": {"less_than": 9}}}, **COMMON
)
assert "Column: quality" in message and "max" in message, message
""")
    assert done.returncode == 0, done.stderr


def test_a_table_is_checked(run: Run) -> None:
    done = run("""
rows = {"check_statement": "COUNT(*) = 9796"}
sums = {"check_statement": "ph < 14 AND alcohol > 0", "partition_clause": "day = '2026-01-02'"}
run(BigQueryTableCheckOperator, table=table, checks={"size": rows, "sums": sums}, **COMMON)
message = fails(
    BigQueryTableCheckOperator, table=table, checks={"size": {"check_statement": "COUNT(*) = 0"}}, **COMMON
)
assert "Check: size" in message, message
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("deferrable", [False, True])
def test_values_are_checked(run: Run, deferrable: bool) -> None:
    done = run(f"""
COMMON["deferrable"] = {deferrable}
count = f"SELECT COUNT(*) FROM `{{table}}` WHERE day = '2026-01-01'"
run(BigQueryCheckOperator, sql=count, **COMMON)
assert "Test failed" in fails(BigQueryCheckOperator, sql=f"SELECT COUNT(*) = 0 FROM `{{table}}`", **COMMON)
run(BigQueryValueCheckOperator, sql=count, pass_value=4898, **COMMON)
run(BigQueryValueCheckOperator, sql=count, pass_value=5000, tolerance=0.05, **COMMON)
assert "Test failed" in fails(BigQueryValueCheckOperator, sql=count, pass_value=5000, **COMMON)
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_interval_is_checked(run: Run, client: bigquery.Client, wine_table: str, deferrable: bool) -> None:
    table = f"{wine_table}_recent"
    client.query_and_wait(
        f"CREATE TABLE {table} AS SELECT CURRENT_DATE() AS ds, quality FROM {wine_table} "
        f"UNION ALL SELECT DATE_SUB(CURRENT_DATE(), INTERVAL 7 DAY), quality FROM {wine_table} LIMIT 9000"
    )
    done = run(f"""
import datetime
from jinja2 import Template


class Rendered(BigQueryIntervalCheckOperator):
    def execute(self, context):
        today = datetime.datetime.now(datetime.UTC).date()
        macros = {{"ds_add": lambda ds, days: str(today + datetime.timedelta(days=days))}}
        for name in ("sql1", "sql2"):
            setattr(self, name, Template(getattr(self, name)).render(ds=str(today), macros=macros))
        return super().execute(context)


COMMON.update(deferrable={deferrable}, table="{table}", ignore_zero=True)
run(Rendered, metrics_thresholds={{"COUNT(*)": 1.5, "MAX(quality)": 1.01}}, **COMMON)
assert "COUNT(*)" in fails(Rendered, metrics_thresholds={{"COUNT(*)": 1.01}}, **COMMON)
""")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_partition_is_waited_for(run: Run, deferrable: bool) -> None:
    done = run(f"""
there = {{"project_id": project, "dataset_id": dataset, "table_id": name, "deferrable": {deferrable}}}
run(BigQueryTablePartitionExistenceSensor, partition_id="20260102", **there)
sensor = BigQueryTablePartitionExistenceSensor(task_id="task", partition_id="20260103", **there)
assert not sensor.poke({{}})

from airflow.providers.google.cloud.triggers.bigquery import BigQueryTablePartitionExistenceTrigger

trigger = functools.partial(
    BigQueryTablePartitionExistenceTrigger, table_id=name, project_id=project, dataset_id=dataset,
    gcp_conn_id="google_cloud_default", hook_params={{}}, poll_interval=0.1,
)


async def fires(partition_id):
    async for event in trigger(partition_id=partition_id).run():
        return event.payload["status"]


assert asyncio.run(asyncio.wait_for(fires("20260101"), 60)) == "success"
try:
    asyncio.run(asyncio.wait_for(fires("20260103"), 3))
except TimeoutError:
    pass
else:
    raise AssertionError("a partition that is not there was found")
""")
    assert done.returncode == 0, done.stderr
