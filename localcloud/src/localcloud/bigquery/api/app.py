"""The routes of BigQuery's REST API, version 2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

from localcloud.bigquery.api.browse import TableReader
from localcloud.bigquery.api.client import InProcessClient
from localcloud.bigquery.api.datasets import Datasets
from localcloud.bigquery.api.jobs import Jobs
from localcloud.bigquery.api.request_types import check_query, read_body
from localcloud.bigquery.api.row_access import RowAccessPolicies
from localcloud.bigquery.api.tabledata import TableData
from localcloud.bigquery.api.tables import Tables
from localcloud.bigquery.api.uploads import ResumableUploads, read_multipart
from localcloud.bigquery.errors import unsupported
from localcloud.bigquery.reads.server import ReadService
from localcloud.bigquery.warehouse import Warehouse
from localcloud.config import Settings
from localcloud.errors import error_middleware, too_large
from localcloud.gateway.faults import Faults, method_of, serves
from localcloud.storage.objects import ObjectStore

_PROJECT = "/bigquery/v2/projects/{project}"
_DATASET = _PROJECT + "/datasets/{dataset}"
_TABLE = _DATASET + "/tables/{table}"
_POLICIES = _TABLE + "/rowAccessPolicies"
_UPLOADS = (
    "/upload/bigquery/v2/projects/{project}/jobs",
    "/resumable/upload/bigquery/v2/projects/{project}/jobs",
)
# https://cloud.google.com/bigquery/quotas#streaming_inserts; the frontend holds every JSON body to it
_LARGEST_JSON = 10 * 1024**2
# of a resumable upload; files can be larger
_LARGEST_CHUNK = 256 * 1024**2

READER: web.AppKey[TableReader] = web.AppKey("reader", TableReader)
INSIDE: web.AppKey[InProcessClient] = web.AppKey("inside", InProcessClient)
READS: web.AppKey[ReadService] = web.AppKey("reads", ReadService)


def create_app(settings: Settings, objects: ObjectStore, faults: Faults) -> web.Application:
    """
    Create the service; its state is under ``settings.state``/bigquery, its tables are read by ``READER``, the
    other services use it by ``INSIDE``, and ``READS`` makes the gRPC server of its Storage Read API.

    :param settings: project, location and state.
    :param objects: where load and extract jobs find gs:// objects.
    :param faults: the fault switch.
    """
    return _Service(Warehouse(settings, objects), faults).app


class _Service:
    def __init__(self, warehouse: Warehouse, faults: Faults) -> None:
        self._warehouse = warehouse
        # DuckDB's connection belongs to one thread, so changes come one after the other
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bigquery")
        self._datasets = Datasets(warehouse)
        self._tables = Tables(warehouse)
        self._tabledata = TableData(warehouse)
        self._policies = RowAccessPolicies(warehouse)
        self._jobs = Jobs(warehouse, self._tabledata)
        self._uploads = ResumableUploads()
        self.app = web.Application(
            middlewares=[error_middleware, _check_query, faults.middleware()], client_max_size=_LARGEST_CHUNK
        )
        self.app[READER] = TableReader(warehouse, self._thread, self._jobs)
        self.app[INSIDE] = InProcessClient(warehouse, self._thread, self._tabledata, self._jobs)
        self.app[READS] = ReadService(warehouse, self._thread, faults)
        self.app.cleanup_ctx.append(self._close)
        self.app.add_routes(self._routes())

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get(_PROJECT + "/datasets", self.list_datasets),
            web.post(_PROJECT + "/datasets", self.insert_dataset),
            web.get(_DATASET, self.get_dataset),
            web.patch(_DATASET, self.patch_dataset),
            web.put(_DATASET, self.update_dataset),
            web.delete(_DATASET, self.delete_dataset),
            web.get(_DATASET + "/tables", self.list_tables),
            web.post(_DATASET + "/tables", self.insert_table),
            web.get(_TABLE, self.get_table),
            web.patch(_TABLE, self.patch_table),
            web.put(_TABLE, self.update_table),
            web.delete(_TABLE, self.delete_table),
            web.get(_TABLE + "/data", self.list_rows),
            web.post(_TABLE + "/insertAll", self.insert_rows),
            web.get(_POLICIES, self.list_policies),
            web.post(_POLICIES, self.insert_policy),
            web.delete(_POLICIES + "/{policy}", self.delete_policy),
            web.get(_PROJECT + "/jobs", self.list_jobs),
            web.post(_PROJECT + "/jobs", self.insert_job),
            web.get(_PROJECT + "/jobs/{job}", self.get_job),
            web.post(_PROJECT + "/jobs/{job}/cancel", self.cancel_job),
            web.delete(_PROJECT + "/jobs/{job}/delete", self.delete_job),
            web.post(_PROJECT + "/queries", self.query),
            web.get(_PROJECT + "/queries/{job}", self.get_query_results),
            *[web.post(path, self.start_upload) for path in _UPLOADS],
            *[web.put(path, self.continue_upload) for path in _UPLOADS],
        ]

    async def _close(self, app: web.Application) -> AsyncIterator[None]:
        yield
        await asyncio.get_running_loop().run_in_executor(self._thread, self._warehouse.catalog.close)
        self._thread.shutdown()

    async def _call(self, request: web.Request, method: Callable[..., Any], *arguments: Any) -> web.Response:
        """Run a method in a transaction of its own and answer with what it gives."""

        def run() -> Any:
            with self._warehouse.catalog.transaction():
                self._warehouse.sweep()
                return method(*arguments)

        return await self._in_thread(request, run)

    async def _in_thread(
        self, request: web.Request, method: Callable[..., Any], *arguments: Any
    ) -> web.Response:
        self._warehouse.check_project(request.match_info["project"])
        result = await asyncio.get_running_loop().run_in_executor(self._thread, method, *arguments)
        return web.Response(status=204) if result is None else web.json_response(result)

    # datasets

    @serves("bigquery.datasets.list")
    async def list_datasets(self, request: web.Request) -> web.Response:
        return await self._call(request, self._datasets.list, request.query)

    @serves("bigquery.datasets.insert")
    async def insert_dataset(self, request: web.Request) -> web.Response:
        return await self._call(request, self._datasets.insert, await _read(request))

    @serves("bigquery.datasets.get")
    async def get_dataset(self, request: web.Request) -> web.Response:
        return await self._call(request, self._datasets.get, request.match_info["dataset"])

    @serves("bigquery.datasets.patch")
    async def patch_dataset(self, request: web.Request) -> web.Response:
        name, body = request.match_info["dataset"], await _read(request)
        return await self._call(request, self._datasets.patch, name, body, request.headers.get("If-Match"))

    @serves("bigquery.datasets.update")
    async def update_dataset(self, request: web.Request) -> web.Response:
        name, body = request.match_info["dataset"], await _read(request)
        return await self._call(request, self._datasets.update, name, body, request.headers.get("If-Match"))

    @serves("bigquery.datasets.delete")
    async def delete_dataset(self, request: web.Request) -> web.Response:
        contents = request.query.get("deleteContents", "").lower() == "true"
        return await self._call(request, self._datasets.delete, request.match_info["dataset"], contents)

    # tables

    @serves("bigquery.tables.list")
    async def list_tables(self, request: web.Request) -> web.Response:
        return await self._call(request, self._tables.list, request.match_info["dataset"], request.query)

    @serves("bigquery.tables.insert")
    async def insert_table(self, request: web.Request) -> web.Response:
        return await self._call(
            request, self._tables.insert, request.match_info["dataset"], await _read(request)
        )

    @serves("bigquery.tables.get")
    async def get_table(self, request: web.Request) -> web.Response:
        return await self._call(request, self._tables.get, *_table(request))

    @serves("bigquery.tables.patch")
    async def patch_table(self, request: web.Request) -> web.Response:
        body, if_match = await _read(request), request.headers.get("If-Match")
        return await self._call(request, self._tables.patch, *_table(request), body, if_match)

    @serves("bigquery.tables.update")
    async def update_table(self, request: web.Request) -> web.Response:
        body, if_match = await _read(request), request.headers.get("If-Match")
        return await self._call(request, self._tables.update, *_table(request), body, if_match)

    @serves("bigquery.tables.delete")
    async def delete_table(self, request: web.Request) -> web.Response:
        return await self._call(request, self._tables.delete, *_table(request))

    @serves("bigquery.tabledata.list")
    async def list_rows(self, request: web.Request) -> web.Response:
        return await self._call(request, self._tabledata.list, *_table(request), request.query)

    @serves("bigquery.tabledata.insertAll")
    async def insert_rows(self, request: web.Request) -> web.Response:
        return await self._call(request, self._tabledata.insert_all, *_table(request), await _read(request))

    # row access policies

    @serves("bigquery.rowAccessPolicies.list")
    async def list_policies(self, request: web.Request) -> web.Response:
        return await self._call(request, self._policies.list, *_table(request))

    @serves("bigquery.rowAccessPolicies.insert")
    async def insert_policy(self, request: web.Request) -> web.Response:
        return await self._call(request, self._policies.insert, *_table(request), await _read(request))

    @serves("bigquery.rowAccessPolicies.delete")
    async def delete_policy(self, request: web.Request) -> web.Response:
        return await self._call(
            request, self._policies.delete, *_table(request), request.match_info["policy"]
        )

    # jobs: they keep their own transactions, so that a failed job is still recorded

    @serves("bigquery.jobs.list")
    async def list_jobs(self, request: web.Request) -> web.Response:
        states = request.query.getall("stateFilter", [])
        return await self._call(request, self._jobs.list, request.query, states)

    @serves("bigquery.jobs.insert")
    async def insert_job(self, request: web.Request) -> web.Response:
        return await self._in_thread(request, self._jobs.insert, await _read(request))

    @serves("bigquery.jobs.get")
    async def get_job(self, request: web.Request) -> web.Response:
        name, location = request.match_info["job"], request.query.get("location")
        return await self._call(request, self._jobs.get, name, location)

    @serves("bigquery.jobs.cancel")
    async def cancel_job(self, request: web.Request) -> web.Response:
        name, location = request.match_info["job"], request.query.get("location")
        return await self._call(request, self._jobs.cancel, name, location)

    @serves("bigquery.jobs.delete")
    async def delete_job(self, request: web.Request) -> web.Response:
        name, location = request.match_info["job"], request.query.get("location")
        return await self._call(request, self._jobs.delete, name, location)

    @serves("bigquery.jobs.query")
    async def query(self, request: web.Request) -> web.Response:
        return await self._in_thread(request, self._jobs.query, await _read(request))

    @serves("bigquery.jobs.getQueryResults")
    async def get_query_results(self, request: web.Request) -> web.Response:
        return await self._call(request, self._jobs.results, request.match_info["job"], request.query)

    # uploads

    @serves("bigquery.jobs.insert")
    async def start_upload(self, request: web.Request) -> web.Response:
        kind = request.query.get("uploadType")
        if kind == "multipart":
            job, media = await read_multipart(request)
            body = read_body(method_of(request), job)
            return await self._in_thread(request, self._jobs.insert, body, media)
        if kind == "resumable":
            return self._uploads.begin(await _read(request), request)
        raise unsupported(f"uploadType={kind}")

    @serves("bigquery.jobs.insert")
    async def continue_upload(self, request: web.Request) -> web.Response:
        received = await self._uploads.receive(request)
        if isinstance(received, web.Response):
            return received
        return await self._in_thread(request, self._jobs.insert, *received)


@web.middleware
async def _check_query(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    check_query(method_of(request), request.query)
    return await handler(request)


async def _read(request: web.Request) -> dict[str, Any]:
    body = await request.read()
    if len(body) > _LARGEST_JSON:
        raise too_large(_LARGEST_JSON)
    return read_body(method_of(request), body)


def _table(request: web.Request) -> tuple[str, str]:
    return request.match_info["dataset"], request.match_info["table"]
