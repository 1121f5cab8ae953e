"""The answered prediction requests, in one SQLite file that survives a restart: the source of the metrics."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import NamedTuple

# Source: https://cloud.google.com/monitoring/quotas#data_retention_policy
_KEPT_SECONDS = 6 * 7 * 86400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    time REAL NOT NULL,
    endpoint TEXT NOT NULL,
    deployed_model_id TEXT NOT NULL,
    endpoint_display_name TEXT NOT NULL,
    model_display_name TEXT NOT NULL,
    code INTEGER NOT NULL,
    predictions INTEGER NOT NULL,
    overhead_ms REAL NOT NULL,
    model_ms REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS by_time ON requests (time);
"""


class AnsweredRequest(NamedTuple):
    """
    One request that a deployed model was chosen for.

    :param time: when it was answered, in seconds since the epoch.
    :param endpoint: resource name of the endpoint.
    :param deployed_model_id: id of the deployed model.
    :param endpoint_display_name: display name of the endpoint.
    :param model_display_name: display name of the deployed model.
    :param code: HTTP status of the answer.
    :param predictions: how many predictions it holds; 0 if it failed.
    :param overhead_ms: milliseconds spent before and after the model server.
    :param model_ms: milliseconds that the model server took.
    """

    time: float
    endpoint: str
    deployed_model_id: str
    endpoint_display_name: str
    model_display_name: str
    code: int
    predictions: int
    overhead_ms: float
    model_ms: float


class MetricRequests:
    """
    Keep the requests of six weeks; safe to use from any thread.

    :param path: SQLite file; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_SCHEMA)
        self._connection.execute("DELETE FROM requests WHERE time < ?", (time.time() - _KEPT_SECONDS,))

    def add(self, request: AnsweredRequest) -> None:
        """Record a request."""
        with self._lock:
            self._connection.execute("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", request)

    def between(self, start: float, end: float) -> list[AnsweredRequest]:
        """
        Return the requests that were answered from a moment on and before another, oldest first.

        :param start: seconds since the epoch.
        :param end: seconds since the epoch.
        """
        with self._lock:
            rows = self._connection.execute(
                "SELECT * FROM requests WHERE time >= ? AND time < ? ORDER BY time", (start, end)
            ).fetchall()
        return [AnsweredRequest(*row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()
