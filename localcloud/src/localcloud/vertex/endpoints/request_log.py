"""The sampled log of prediction requests: for monitoring, and for the owner of the endpoint."""

from __future__ import annotations

import json
import logging
import queue
import random
import re
import secrets
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.bigquery.api.client import InProcessClient
from localcloud.errors import ApiError
from localcloud.vertex.api.calls import now
from localcloud.vertex.resources.names import id_of, location_of
from localcloud.vertex.resources.store import ResourceStore

log = logging.getLogger(__name__)

MONITORING_TABLE = "serving_predict"
_ENDPOINT_TABLE = "request_response_logging"
# schema version v1, which is the default one.
# Source: https://cloud.google.com/vertex-ai/docs/predictions/online-prediction-logging
FIELDS = [
    {"name": "endpoint", "type": "STRING", "mode": "NULLABLE"},
    {"name": "deployed_model_id", "type": "STRING", "mode": "NULLABLE"},
    {"name": "logging_time", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "request_id", "type": "NUMERIC", "mode": "NULLABLE"},
    {"name": "request_payload", "type": "STRING", "mode": "REPEATED"},
    {"name": "response_payload", "type": "STRING", "mode": "REPEATED"},
]
# a write of one row costs as much as one of a hundred, and more than the prediction
_GATHER_SECONDS = 0.25
_BQ_URI = re.compile(r"bq://(?P<project>[^.]+)(\.(?P<dataset>[^.]+)(\.(?P<table>[^.]+))?)?")


class Exchange(NamedTuple):
    """
    A request and its response.

    :param endpoint: the endpoint that received it.
    :param deployed: the deployed model that answered.
    :param request: body for the model server.
    :param response: the model server's answer, or None if it refused the request.
    """

    endpoint: v1.Endpoint
    deployed: v1.DeployedModel
    request: bytes
    response: bytes | None


class Table(NamedTuple):
    """A table of BigQuery and the region of the dataset, if it has to be made."""

    dataset: str
    name: str
    location: str


class _Entry(NamedTuple):
    tables: list[Table]
    exchange: Exchange
    time: datetime


class RequestLog:
    """
    Write samples of the requests to BigQuery, shortly after they were answered.

    A monitored endpoint is logged to ``model_deployment_monitoring_ENDPOINT.serving_predict`` at the rate of
    its monitoring job, one with a logging config to the table that this names, at its rate.

    :param store: knows the monitoring jobs.
    :param bigquery: where the tables are.
    """

    def __init__(self, store: ResourceStore, bigquery: InProcessClient) -> None:
        self._store = store
        self._bigquery = bigquery
        self._entries: queue.SimpleQueue[_Entry | threading.Event | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)

    def start(self) -> None:
        """Start to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end."""
        if self._thread.is_alive():
            self._entries.put(None)
            self._thread.join()

    def flush(self) -> None:
        """Wait until all that was added is written."""
        written = threading.Event()
        self._entries.put(written)
        # the thread may have ended
        while self._thread.is_alive() and not written.wait(0.1):
            pass

    def add(self, exchange: Exchange) -> None:
        """Record a request, if it is sampled."""
        tables = list(self._sampled(exchange.endpoint))
        if tables:
            self._entries.put(_Entry(tables, exchange, now()))

    def ensure(self, table: Table) -> None:
        """Create the table for requests if it is missing."""
        self._bigquery.ensure_table(table.dataset, table.name, FIELDS, table.location)

    def _sampled(self, endpoint: v1.Endpoint) -> Iterator[Table]:
        name = endpoint.model_deployment_monitoring_job
        if name and self._store.exists(name):
            job = self._store.get(name, v1.ModelDeploymentMonitoringJob)
            rate = job.logging_sampling_strategy.random_sample_config.sample_rate
            if job.state != v1.JobState.JOB_STATE_PAUSED and _is_taken(rate):
                yield monitoring_table(endpoint.name)
        config = endpoint.predict_request_response_logging_config
        if config.enabled and _is_taken(config.sampling_rate):
            yield logging_table(endpoint)

    def _run(self) -> None:
        while True:
            batch = [self._entries.get()]
            gathered = time.monotonic() + _GATHER_SECONDS
            # wake the threads that wait for the log to be written
            while isinstance(batch[-1], _Entry):
                try:
                    batch.append(self._entries.get(timeout=max(0, gathered - time.monotonic())))
                except queue.Empty:
                    break
            self._write([entry for entry in batch if isinstance(entry, _Entry)])
            for entry in batch:
                if isinstance(entry, threading.Event):
                    entry.set()
            if None in batch:
                return

    def _write(self, entries: list[_Entry]) -> None:
        rows: dict[Table, list[dict[str, Any]]] = {}
        for entry in entries:
            for table in entry.tables:
                rows.setdefault(table, []).append(_row(entry))
        for table, its_rows in rows.items():
            try:
                # its owner may have deleted it
                self.ensure(table)
                self._bigquery.append(table.dataset, table.name, its_rows)
            except ApiError as error:
                log.warning("requests were not logged to %s.%s: %s", table.dataset, table.name, error)


def _is_taken(rate: float) -> bool:
    return random.random() < rate  # noqa: S311


def monitoring_table(endpoint: str) -> Table:
    """Return the table that the requests of a monitored endpoint are logged to, by the endpoint's name."""
    dataset = f"model_deployment_monitoring_{id_of(endpoint).replace('-', '_')}"
    return Table(dataset, MONITORING_TABLE, _region(endpoint))


def logging_table(endpoint: v1.Endpoint) -> Table:
    """
    Return the table that an endpoint's own logging config means.

    :raises google.api_core.exceptions.InvalidArgument: it names no BigQuery project, dataset or table.
    """
    uri = endpoint.predict_request_response_logging_config.bigquery_destination.output_uri
    found = _BQ_URI.fullmatch(uri)
    if not found:
        raise exceptions.InvalidArgument(
            "predict_request_response_logging_config.bigquery_destination.output_uri must be"
            f" bq://PROJECT[.DATASET[.TABLE]], got {uri!r}."
        )
    default = re.sub(r"\W", "_", f"logging_{endpoint.display_name}_{id_of(endpoint.name)}")
    return Table(found["dataset"] or default, found["table"] or _ENDPOINT_TABLE, _region(endpoint.name))


def _region(name: str) -> str:
    return location_of(name).rsplit("/", 1)[1]


def _row(entry: _Entry) -> dict[str, Any]:
    exchange = entry.exchange
    return {
        "endpoint": exchange.endpoint.name,
        "deployed_model_id": exchange.deployed.id,
        "logging_time": entry.time.isoformat(),
        "request_id": secrets.randbits(63),
        "request_payload": _items(exchange.request, "instances"),
        "response_payload": _items(exchange.response, "predictions"),
    }


def _items(body: bytes | None, key: str) -> list[str]:
    """Return one text per instance or prediction; of a body that has no such list, the whole of it."""
    if body is None:
        return []
    text = body.decode(errors="replace")
    try:
        items = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        return [text]
    return [json.dumps(item) for item in items] if isinstance(items, list) else [text]
