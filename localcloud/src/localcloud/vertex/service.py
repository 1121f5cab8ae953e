"""Vertex AI as one service that the gateway can route to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

from localcloud.bigquery.api.client import InProcessClient
from localcloud.config import Settings
from localcloud.gateway.faults import Faults
from localcloud.storage import ObjectStore
from localcloud.vertex.api.calls import Api
from localcloud.vertex.api.grpc_server import make_server
from localcloud.vertex.api.rest import create_app
from localcloud.vertex.batch.service import BatchPredictionService
from localcloud.vertex.endpoints.deployments import DeploymentService
from localcloud.vertex.endpoints.prediction import PredictionService
from localcloud.vertex.endpoints.replicas import Replicas
from localcloud.vertex.endpoints.request_log import RequestLog
from localcloud.vertex.endpoints.service import EndpointService
from localcloud.vertex.metrics.requests import MetricRequests
from localcloud.vertex.metrics.service import MetricService
from localcloud.vertex.models.registry import ModelRegistry
from localcloud.vertex.models.service import ModelService
from localcloud.vertex.monitoring.command import MonitoringCommand
from localcloud.vertex.monitoring.records import MonitoringRecords
from localcloud.vertex.monitoring.schedule import MonitoringSchedule
from localcloud.vertex.monitoring.service import MonitoringService
from localcloud.vertex.monitoring.windows import MonitoringWindows
from localcloud.vertex.pipelines import PipelineService
from localcloud.vertex.projects import ProjectsService
from localcloud.vertex.reader import VertexReader
from localcloud.vertex.resources.operations import Operations
from localcloud.vertex.resources.store import ResourceStore
from localcloud.vertex.worker.errors import PipelinePythonMissingError
from localcloud.vertex.worker.pool import WorkerPool

_THREADS = 32


class VertexService:
    """
    Serve the Vertex AI API, its endpoints' metrics, and the one call of Resource Manager that clients need.

    :param settings: where the state lives, and the project.
    :param objects: the buckets.
    :param bigquery: where requests are logged.
    :param client_environment: variables that lead the Google clients of pipeline tasks to localcloud.
    :param faults: the fault switch.
    :param drop: ends the connection of the gRPC client that comes from an address.
    """

    def __init__(
        self,
        settings: Settings,
        objects: ObjectStore,
        bigquery: InProcessClient,
        client_environment: Mapping[str, str],
        faults: Faults,
        drop: Callable[[str], None],
    ) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="vertex")
        self._store = ResourceStore(settings.state / "vertex" / "resources.sqlite")
        self._operations = Operations(self._store)
        self._pool = WorkerPool(settings, client_environment)
        self._pipelines = PipelineService(self._store, self._pool, objects, settings, self._operations)
        registry = ModelRegistry(self._store)
        replicas = Replicas(self._pool, registry, objects)
        records = MonitoringRecords(self._store)
        self._requests = RequestLog(self._store, bigquery)
        self._measured = MetricRequests(settings.state / "vertex" / "metrics.sqlite")
        windows = MonitoringWindows(settings, objects, bigquery, self._requests, self._pool, records)
        self._monitoring = MonitoringSchedule(settings, self._store, windows)
        self.reader = VertexReader(settings, self._store, registry, replicas, records)
        self._batch = BatchPredictionService(
            settings, self._store, self._operations, registry, replicas, bigquery
        )
        projects = ProjectsService(settings)
        api = Api(
            settings,
            [
                self._operations,
                self._pipelines,
                self._batch,
                MonitoringService(settings, self._store, self._operations, self._requests, records),
                ModelService(settings, registry, self._operations, objects),
                EndpointService(self._store, self._operations, self._requests),
                DeploymentService(settings, self._store, self._operations, registry, replicas),
                PredictionService(self._store, replicas, self._requests, self._measured),
                MetricService(settings, self._measured),
                projects,
            ],
            faults,
        )
        self.methods = api.served()
        self._grpc = make_server(api, self._threads, drop)
        self.http_app: web.Application = create_app(
            api, self._threads, [*projects.routes(), *MonitoringCommand(settings, self._monitoring).routes()]
        )
        self.grpc_target = ""

    def missing_environment(self) -> str:
        """Return why neither pipeline jobs nor models can run; empty if they can."""
        try:
            self._pool.check()
        except PipelinePythonMissingError as error:
            return str(error)
        return ""

    async def start(self) -> None:
        """Load the state of the last run, and listen."""
        await asyncio.to_thread(self._start)

    async def stop_logging(self) -> None:
        """Write the requests that were answered; BigQuery must still be there."""
        self._monitoring.abandon()
        self._batch.abandon()
        await asyncio.to_thread(self._requests.stop)

    async def stop(self) -> None:
        """Stop listening, and end every process that was started."""
        await asyncio.to_thread(self._stop)

    def _start(self) -> None:
        self._pool.start()
        self._pipelines.start()
        self._batch.start()
        self._operations.resume()
        self._requests.start()
        self._monitoring.start()
        self.grpc_target = self._grpc.start()

    def _stop(self) -> None:
        self._grpc.stop()
        self._pipelines.abandon()
        self._operations.abandon()
        # a task may be waiting for an import in the warm process, which only the pool can end
        self._pool.stop()
        self._monitoring.stop()
        self._pipelines.stop()
        self._batch.stop()
        self._operations.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._store.close()
        self._measured.close()
