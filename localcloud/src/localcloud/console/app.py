"""The web application on the gateway's own port: the health check and the pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import web

from localcloud.config import Settings
from localcloud.console import guard, paths
from localcloud.console.pages import Page, Sources, View, environment
from localcloud.console.views import batch, bigquery, endpoints, models, monitoring, overview, pipelines
from localcloud.errors import ApiError
from localcloud.gateway.health import Health
from localcloud.storage.http import downloads

log = logging.getLogger(__name__)

_VIEWS: dict[str, View] = {
    paths.PIPELINE_JOBS: pipelines.jobs,
    paths.PIPELINE_JOB: pipelines.job,
    paths.ENDPOINTS: endpoints.endpoints,
    paths.ENDPOINT: endpoints.endpoint,
    paths.MODELS: models.models,
    paths.MODEL: models.model,
    paths.BATCH_PREDICTION_JOBS: batch.jobs,
    paths.BATCH_PREDICTION_JOB: batch.job,
    paths.MONITORING_JOBS: monitoring.jobs,
    paths.MONITORING_JOB: monitoring.job,
    paths.BIGQUERY: bigquery.bigquery,
}
# requests are few, and wait for the store and BigQuery's single thread
_THREADS = 4


class Console:
    """
    Serves the health check at once, and the pages once the services have started.

    :param settings: names the project and the host that is answered.
    :param health: what localcloud says of itself.
    """

    def __init__(self, settings: Settings, health: Health) -> None:
        self.settings = settings
        self.health = health
        self.sources: Sources | None = None
        self._templates = environment(settings)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="console")

    def create_app(self) -> web.Application:
        """Create the application: health as JSON at ``/`` unless the client accepts HTML; pages elsewhere."""
        app = web.Application(middlewares=[self._errors_as_pages])
        app.on_response_prepare.append(guard.add_headers)
        app.router.add_get("/", self._root)
        app.router.add_static("/static", Path(__file__).with_name("static"))
        app.router.add_get(paths.route(paths.TASK_LOG), self._task_log)
        app.router.add_get(paths.OBJECT.replace("{name}", "{name:.+}"), self._object)
        for path, view in _VIEWS.items():
            app.router.add_get(paths.route(path), self._handler(view))
        return app

    async def _root(self, request: web.Request) -> web.Response:
        if "text/html" in request.headers.get("Accept", ""):
            return await self._show(request, overview.overview)
        return self.health.report()

    def _handler(self, view: View) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            return await self._show(request, view)

        return handle

    async def _show(self, request: web.Request, view: View) -> web.Response:
        sources = self._ready(request)
        asked = {**request.query, **request.match_info}

        def write() -> str:
            return self._written(view(sources, asked))

        text = await asyncio.get_running_loop().run_in_executor(self._threads, write)
        return web.Response(text=text, content_type="text/html")

    async def _task_log(self, request: web.Request) -> web.StreamResponse:
        sources = self._ready(request)
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, pipelines.whole_log, sources, request.match_info
        )
        return web.FileResponse(found, headers={"Content-Type": "text/plain; charset=utf-8"})

    async def _object(self, request: web.Request) -> web.StreamResponse:
        sources = self._ready(request)
        uri = "gs://{bucket}/{name}".format(**request.match_info)
        opened = sources.objects.open
        found, file = await asyncio.get_running_loop().run_in_executor(self._threads, opened, uri)
        headers = {"Content-Security-Policy": guard.SANDBOX, "Cache-Control": "no-store"}
        with file:
            return await downloads.send(request, found, file, headers)

    def _ready(self, request: web.Request) -> Sources:
        if self.sources is None:
            raise ApiError(503, "UNAVAILABLE", "localcloud is starting or stopping; reload in a few seconds.")
        project = request.query.get("project", self.settings.project)
        if project not in (self.settings.project, self.settings.project_number):
            message = f"There is no project {project}: the only one here is {self.settings.project}."
            raise ApiError(404, "NOT_FOUND", message)
        return self.sources

    def _written(self, page: Page) -> str:
        return self._templates.get_template(page.template).render(page.values)

    @web.middleware
    async def _errors_as_pages(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            guard.check(request, self.settings)
            return await handler(request)
        except ApiError as error:
            return self._error(error.code, error.message)
        except web.HTTPException as error:
            return self._error(error.status, f"There is no page {request.path}.")
        except Exception as error:
            log.exception("the page %s failed", request.path)
            return self._error(500, f"localcloud failed on this page: {type(error).__name__}: {error}")

    def _error(self, code: int, message: str) -> web.Response:
        text = self._written(Page("error.html", {"code": code, "message": message}))
        return web.Response(text=text, status=code, content_type="text/html")
