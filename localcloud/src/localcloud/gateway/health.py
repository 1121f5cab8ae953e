"""The health check: plain HTTP on the gateway's own port."""

from __future__ import annotations

import http.client
import json
import os
from typing import Any

from aiohttp import web

from localcloud.config import HOST, Settings

ASK_SECONDS = 5.0


class Health:
    """
    What localcloud says of itself.

    :param settings: what it was started with.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.status = "STARTING"

    def report(self) -> web.Response:
        """Return the health: 200 when everything serves, else 503."""
        report = {
            "status": self.status,
            "project": self.settings.project,
            "state": str(self.settings.state),
            "pid": os.getpid(),
        }
        return web.json_response(report, status=200 if self.status == "SERVING" else 503)


def ask(settings: Settings) -> dict[str, Any]:
    """
    Return the health of the localcloud with these settings.

    :param settings: names the port.
    :raises OSError: when nothing answers.
    :raises ValueError: when something else answers.
    """
    connection = http.client.HTTPConnection(HOST, settings.port, timeout=ASK_SECONDS)
    try:
        connection.request("GET", "/")
        report = json.loads(connection.getresponse().read())
    except http.client.HTTPException as error:
        raise ValueError(f"port {settings.port} does not speak HTTP: {error}") from error
    finally:
        connection.close()
    if not isinstance(report, dict) or "state" not in report:
        raise ValueError(f"what answers at port {settings.port} is not a localcloud")
    return report


def serves(settings: Settings) -> bool:
    """
    Return whether the localcloud of these settings is ready.

    :param settings: names the port.
    """
    try:
        return bool(ask(settings)["status"] == "SERVING")
    except (OSError, ValueError):
        return False
