"""
Airflow plugin of the local stack: the API server, where everyone is admin, only answers this machine.

A page in the user's browser may reach a loopback port too, under a host name of its own (DNS rebinding) or
as a request from another origin. Airflow finds the plugin by the entry point in the folder next to it.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin
from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class SameOriginMiddleware:
    """
    Reject a request that a browser sends for a page of another origin.

    :param app: the application that answers everything else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or forward it."""
        headers = Headers(scope=scope) if scope["type"] in ("http", "websocket") else Headers()
        origin = headers.get("origin")
        if origin is None or urlsplit(origin).netloc == headers.get("host"):
            await self.app(scope, receive, send)
        else:
            await PlainTextResponse("Invalid origin header", status_code=403)(scope, receive, send)


class LoopbackOnly(AirflowPlugin):
    """Check Host and Origin before Airflow handles a request."""

    name = "loopback_only"
    fastapi_root_middlewares = [  # noqa: RUF012
        {"name": "Same origin", "middleware": SameOriginMiddleware},
        {
            "name": "Loopback hosts",
            "middleware": TrustedHostMiddleware,
            "kwargs": {"allowed_hosts": LOOPBACK, "www_redirect": False},
        },
    ]
