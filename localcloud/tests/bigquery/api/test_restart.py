"""What survives a restart, after a stop or a kill."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aiohttp import web
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from localcloud.bigquery import create_app
from localcloud.config import HOST, Settings
from localcloud.gateway.faults import Faults
from localcloud.storage import ObjectStore, Store
from localcloud.testing import Cloud


@contextmanager
def served(settings: Settings) -> Iterator[bigquery.Client]:
    """Serve BigQuery alone, from a thread of this process."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> tuple[web.AppRunner, int]:
        runner = web.AppRunner(
            create_app(settings, ObjectStore(Store(settings.state / "objects")), Faults(settings.state))
        )
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        return runner, runner.addresses[0][1]

    runner, port = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    try:
        yield bigquery.Client(
            project=settings.project,
            credentials=AnonymousCredentials(),
            client_options=ClientOptions(api_endpoint=f"http://{HOST}:{port}"),
        )
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


def test_tables_history_and_results_outlive_a_restart(settings: Settings) -> None:
    # given a table with a past and a query with a result
    with served(settings) as client:
        client.create_dataset("wine_quality")
        client.query_and_wait("CREATE TABLE wine_quality.t AS SELECT 1 AS a")
        past = client.get_table("wine_quality.t")._properties
        client.query_and_wait("UPDATE wine_quality.t SET a = 2 WHERE TRUE")
        present = client.get_table("wine_quality.t")._properties
        job = client.query("SELECT a FROM wine_quality.t")
        job.result()

    # when it is served again
    with served(settings) as client:
        # then all of it is still there
        assert client.get_table("wine_quality.t")._properties == present
        at = f"FOR SYSTEM_TIME AS OF TIMESTAMP_MILLIS({int(past['lastModifiedTime']) + 1})"
        assert [row.a for row in client.query_and_wait(f"SELECT a FROM wine_quality.t {at}")] == [1]
        assert [row.a for row in client.get_job(job.job_id).result()] == [2]


def test_a_failed_statement_leaves_nothing_behind(settings: Settings) -> None:
    with served(settings) as client:
        client.create_dataset("wine_quality")
        job = client.query("CREATE TABLE wine_quality.t AS SELECT 1 / x AS a FROM UNNEST([1, 0]) AS x")
        assert job.exception() is not None
    with served(settings) as client:
        assert list(client.list_tables("wine_quality")) == []
        client.query_and_wait("CREATE TABLE wine_quality.t AS SELECT 1 AS a")


WRITE = """
from google.cloud import bigquery
client = bigquery.Client()
client.create_dataset("wine_quality")
client.query_and_wait("CREATE TABLE wine_quality.t AS SELECT 1 AS a")
client.query_and_wait("UPDATE wine_quality.t SET a = 2 WHERE TRUE")
table = client.get_table("wine_quality.t")
table.schema = [*table.schema, bigquery.SchemaField("b", "STRING")]
client.update_table(table, ["schema"])
client.insert_rows_json(table, [{"a": 3, "b": "x"}])
"""
READ = """
from google.cloud import bigquery
rows = bigquery.Client().query_and_wait("SELECT a, b FROM wine_quality.t ORDER BY a")
assert [row.values() for row in rows] == [(2, None), (3, "x")]
"""


def test_what_was_answered_outlives_a_kill(make_localcloud: Callable[[], Cloud]) -> None:
    cloud = make_localcloud()
    cloud.start()
    try:
        written = cloud.client(sys.executable, "-c", WRITE)
        assert written.returncode == 0, written.stderr
        cloud.kill()
        cloud.start()
        read = cloud.client(sys.executable, "-c", READ)
        assert read.returncode == 0, read.stderr
        assert cloud.stop() == 0
    finally:
        cloud.kill()
