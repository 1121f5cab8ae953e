"""The project of the local stack, and Google's clients of this process that are led to it."""

from __future__ import annotations

import os

# as an environment, in place of one of deploy/environments.yaml
LOCAL = "local"
REGION = "europe-west1"
BUCKET = "wine-local-mlops"
PROJECT = "wine-local"


class NoLocalcloudError(ConnectionError):
    """No localcloud answers, or a variable of it is wrong; the message names the port, or the variable."""


def local_project() -> str:
    """Return the project that localcloud plays."""
    return os.environ.get("LOCALCLOUD_PROJECT", PROJECT)


def lead_to_localcloud() -> None:
    """
    Point the clients at the localcloud that ``LOCALCLOUD_*`` name: with make, that of ``make up``.

    :raises NoLocalcloudError: it is not running, or one of these variables is wrong.
    """
    from localcloud.clients.environment import activate
    from localcloud.config import Settings, SettingsError
    from localcloud.gateway import health

    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        raise NoLocalcloudError(str(error)) from None
    try:
        report = health.ask(settings)
    except (OSError, ValueError):
        report = {}
    if report.get("status") != "SERVING":
        raise NoLocalcloudError(f"no localcloud answers on port {settings.port}: start it with make up")
    # another one has another certificate authority
    if report["state"] != str(settings.state):
        raise NoLocalcloudError(
            f"the localcloud on port {settings.port} has its state in {report['state']},"
            f" and LOCALCLOUD_STATE is {settings.state}"
        )
    activate(settings)
