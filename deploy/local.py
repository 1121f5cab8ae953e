"""Leads Google's clients in this process to a localcloud."""

from __future__ import annotations

import os

LOCAL = "local"


class NoLocalcloudError(ConnectionError):
    """No localcloud answers; the message says where it was looked for."""


def lead_to_localcloud() -> None:
    """
    Lead them to the localcloud of ``make up``, or of LOCALCLOUD_STATE.

    :raises NoLocalcloudError: it does not run.
    """
    from dev.settings import LOCAL as LOCAL_FOLDER
    from dev.settings import StackSettings
    from localcloud import health
    from localcloud.config import Settings
    from localcloud.environment import CLEARED, client_environment

    own = "LOCALCLOUD_STATE" in os.environ
    settings = Settings.from_environment() if own else StackSettings(root=LOCAL_FOLDER / "up").cloud
    try:
        serves = health.ask(settings)["status"] == "SERVING"
    except (OSError, ValueError):
        serves = False
    if not serves:
        raise NoLocalcloudError(f"no localcloud answers on port {settings.port}: start it with make up")
    for name in CLEARED:
        os.environ.pop(name, None)
    os.environ.update(client_environment(settings))
