"""
Airflow plugin of the local stack: the API server handles one call that writes at a time.

SQLite has one lock for all writers. Airflow commits the log of a call on its event loop: if another call held
the lock, the loop would wait for it, and the other one could not commit. After five seconds the first would
be answered with 500 ("database is locked").

.. seealso:: ``log_action`` in airflow/api_fastapi/logging/decorators.py of Airflow 3.3.1
"""

from __future__ import annotations

import asyncio

from airflow.plugins_manager import AirflowPlugin
from starlette.types import ASGIApp, Receive, Scope, Send

READS = ("GET", "HEAD", "OPTIONS")


class OneWriteMiddleware:
    """
    Let a call that writes wait until the one before has committed; calls that read never wait.

    :param app: the application that answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._writes = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward one request."""
        if scope["type"] != "http" or scope["method"] in READS:
            await self.app(scope, receive, send)
            return
        async with self._writes:
            await self.app(scope, receive, send)


class OneWriteAtATime(AirflowPlugin):
    """Serialize the calls that write."""

    name = "one_write_at_a_time"
    fastapi_root_middlewares = [  # noqa: RUF012
        {"name": "One write", "middleware": OneWriteMiddleware}
    ]
