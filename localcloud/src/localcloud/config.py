"""What localcloud is told from outside: its project, its port, its folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 19443
HOST = "127.0.0.1"


class SettingsError(Exception):
    """A variable of the environment that makes no sense, named in one line."""


@dataclass(frozen=True)
class Settings:
    """
    Where one localcloud lives and which project it plays.

    :param state: folder that holds everything that outlives a restart.
    :param port: TCP port of the gateway on loopback; every other socket is chosen by the system.
    :param project: id of the one project that exists.
    :param project_number: its number, which Vertex puts into resource names.
    :param location: BigQuery and Cloud Storage location of what is created without one.
    :param pipeline_python: interpreter of the pipeline environment; it stands for the container image.
    :param host: address that the gateway listens on; everything else stays on loopback.
    :param address: name or address by which clients in other containers reach the gateway.
    :param clients: folder shared with those clients, for what they need; None if there are none.
    :param browser_url: where a browser finds the pages, if not at this machine's loopback.
    :param smtp: host and port of the mail server that alerts go to, on loopback; None if no mail leaves.
    :param metric_delay: seconds after its end that a point of a metric can be read.
    """

    state: Path
    port: int = DEFAULT_PORT
    project: str = "wine-local"
    project_number: str = "123456789012"
    location: str = "EU"
    pipeline_python: Path = Path("pipeline/.venv/bin/python")
    host: str = HOST
    address: str = HOST
    clients: Path | None = None
    browser_url: str = ""
    smtp: tuple[str, int] | None = None
    metric_delay: float = 0.1

    @classmethod
    def from_environment(cls) -> Settings:
        """
        Read ``LOCALCLOUD_STATE``, ``_PORT``, ``_PROJECT``, ``_PIPELINE_PYTHON``, ``_HOST``, ``_ADDRESS``,
        ``_CLIENTS``, ``_CONSOLE_URL``, ``_SMTP`` and ``_METRIC_DELAY``.

        :raises SettingsError: when a port is none, a delay is no number, the URL is no host, or mail would
            leave loopback.
        """
        repository = Path(__file__).resolve().parent.parent
        env = os.environ
        return cls(
            state=Path(env.get("LOCALCLOUD_STATE", repository / ".local" / "cloud")).absolute(),
            port=_port(env.get("LOCALCLOUD_PORT", str(DEFAULT_PORT))),
            project=env.get("LOCALCLOUD_PROJECT", cls.project),
            # absolute(), not resolve(): the venv's python is a link that must not be followed
            pipeline_python=Path(
                env.get("LOCALCLOUD_PIPELINE_PYTHON", repository / cls.pipeline_python)
            ).absolute(),
            host=env.get("LOCALCLOUD_HOST", HOST),
            address=env.get("LOCALCLOUD_ADDRESS", HOST),
            clients=Path(env["LOCALCLOUD_CLIENTS"]).absolute() if env.get("LOCALCLOUD_CLIENTS") else None,
            browser_url=_base_url(env.get("LOCALCLOUD_CONSOLE_URL", "")),
            smtp=_smtp(env.get("LOCALCLOUD_SMTP", "")),
            metric_delay=_seconds(env.get("LOCALCLOUD_METRIC_DELAY", str(cls.metric_delay))),
        )

    @property
    def console_url(self) -> str:
        """Base URL of the pages."""
        return self.browser_url or f"http://{HOST}:{self.port}"

    @property
    def pki(self) -> Path:
        """Folder of the certificate authority and the service account file: its owner's alone."""
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        """Folder of the logs of the child processes and of the pipeline tasks."""
        return self.state / "logs"

    @property
    def gcs_mount(self) -> Path:
        """Folder that stands for ``/gcs`` of a pipeline task, with the buckets below it."""
        return self.state / "gcs"


def _port(text: str, variable: str = "LOCALCLOUD_PORT") -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise SettingsError(f"{variable} must be a port from 1 to 65535, not {text}")
    return int(text)


def _smtp(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if host != "localhost" and not re.fullmatch(r"127(\.\d{1,3}){3}|\[::1\]", host):
        raise SettingsError(f"LOCALCLOUD_SMTP must be HOST:PORT of loopback, not {text}")
    return host.strip("[]"), _port(port, "the port of LOCALCLOUD_SMTP")


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise SettingsError(f"LOCALCLOUD_METRIC_DELAY must be seconds, 0 or more, not {text}")
    return float(text)


def _base_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^/?#@\s]+/?", text):
        raise SettingsError(f"LOCALCLOUD_CONSOLE_URL must be http://HOST:PORT, not {text}")
    return text.rstrip("/")
