"""The settings of localcloud: its project, its port, its state folder."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

DEFAULT_PORT = 19443
HOST = "127.0.0.1"


class SettingsError(Exception):
    """An environment variable has an invalid value; the message names it in one line."""


@dataclass(frozen=True)
class Settings:
    """
    Settings of one localcloud.

    :param state: folder that holds everything that outlives a restart.
    :param port: TCP port of the gateway on loopback; every other socket is chosen by the system.
    :param project: id of the one project that exists.
    :param project_number: its number, which Vertex puts into resource names.
    :param location: BigQuery and Cloud Storage location of what is created without one.
    :param pipeline_python: interpreter of the pipeline environment, which stands for the container images;
        without one no pipeline job and no model can run.
    :param host: address that the gateway listens on; everything else stays on loopback.
    :param address: name or address by which clients in other containers reach the gateway.
    :param clients: folder shared with those clients, for what they need; None if there are none.
    :param browser_url: where a browser finds the pages, if not at this machine's loopback.
    :param smtp: host and port of the mail server that alerts go to, on loopback; None if no mail leaves.
    :param metric_delay: seconds after its end that a point of a metric can be read.
    :param monitoring_delay: seconds that a monitoring job is pending or updating.
    """

    state: Path
    port: int = DEFAULT_PORT
    project: str = "local-project"
    project_number: str = "123456789012"
    location: str = "EU"
    pipeline_python: Path | None = None
    host: str = HOST
    address: str = HOST
    clients: Path | None = None
    browser_url: str = ""
    smtp: tuple[str, int] | None = None
    metric_delay: float = 0.1
    monitoring_delay: float = 1.0

    @classmethod
    def from_environment(cls) -> Settings:
        """
        Read ``LOCALCLOUD_STATE``, ``_PORT``, ``_PROJECT``, ``_PIPELINE_PYTHON``, ``_HOST``, ``_ADDRESS``,
        ``_CLIENTS``, ``_CONSOLE_URL``, ``_SMTP``, ``_METRIC_DELAY`` and ``_MONITORING_DELAY``.

        :raises SettingsError: when a port, the project or a host is none, a delay is not a number, the URL is
            no host, or mail would leave loopback.
        """
        env = os.environ
        return cls(
            state=_path(env.get("LOCALCLOUD_STATE", "")) or _default_state(),
            port=_port(env.get("LOCALCLOUD_PORT", str(DEFAULT_PORT))),
            project=_project(env.get("LOCALCLOUD_PROJECT", cls.project)),
            pipeline_python=_path(env.get("LOCALCLOUD_PIPELINE_PYTHON", "")),
            host=_host(env.get("LOCALCLOUD_HOST", HOST), "LOCALCLOUD_HOST"),
            address=_host(env.get("LOCALCLOUD_ADDRESS", HOST), "LOCALCLOUD_ADDRESS"),
            clients=_path(env.get("LOCALCLOUD_CLIENTS", "")),
            browser_url=_base_url(env.get("LOCALCLOUD_CONSOLE_URL", "")),
            smtp=_smtp(env.get("LOCALCLOUD_SMTP", "")),
            metric_delay=_seconds("LOCALCLOUD_METRIC_DELAY", cls.metric_delay),
            monitoring_delay=_seconds("LOCALCLOUD_MONITORING_DELAY", cls.monitoring_delay),
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that :meth:`from_environment` reads these settings from."""
        variables = {
            "STATE": self.state,
            "PORT": self.port,
            "PROJECT": self.project,
            "PIPELINE_PYTHON": self.pipeline_python,
            "HOST": self.host,
            "ADDRESS": self.address,
            "CLIENTS": self.clients,
            "CONSOLE_URL": self.browser_url,
            "SMTP": ":".join(map(str, self.smtp or ())),
            "METRIC_DELAY": self.metric_delay,
            "MONITORING_DELAY": self.monitoring_delay,
        }
        # an empty variable is the default of each that may be empty
        return {
            f"LOCALCLOUD_{name}": "" if value is None else str(value) for name, value in variables.items()
        }

    @property
    def console_url(self) -> str:
        """Return the base URL of the pages."""
        return self.browser_url or f"http://{HOST}:{self.port}"

    @property
    def pki(self) -> Path:
        """Return the folder of the certificate authority and the service account file, closed to others."""
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        """Return the folder of the logs of the child processes and of the pipeline tasks."""
        return self.state / "logs"

    @property
    def gcs_mount(self) -> Path:
        """Return the folder that stands for ``/gcs`` of a pipeline task; it contains the buckets."""
        return self.state / "gcs"


def _default_state() -> Path:
    # https://specifications.freedesktop.org/basedir-spec/latest/: a relative path counts as unset
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "state") / "localcloud"


def _path(text: str) -> Path | None:
    # absolute(), not resolve(): the python of a virtual environment is a link that must not be followed
    return Path(text).absolute() if text else None


def _project(text: str) -> str:
    # https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin
    if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", text):
        raise SettingsError(
            "LOCALCLOUD_PROJECT must be a project id of 6 to 30 lower-case letters, digits and hyphens,"
            f" not {_shown(text)}"
        )
    return text


def _host(text: str, variable: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", text):
        raise SettingsError(f"{variable} must be the name or the address of a host, not {_shown(text)}")
    return text


def _port(text: str, variable: str = "LOCALCLOUD_PORT") -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 2**16:
        raise SettingsError(f"{variable} must be a port from 1 to 65535, not {_shown(text)}")
    return int(text)


def _shown(text: str) -> str:
    # quoted and escaped: empty values and letters of other alphabets are visible
    return text if re.fullmatch(r"[!-~]{1,80}", text) else ascii(text[:80])


def _smtp(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if host != "localhost" and not re.fullmatch(r"127(\.[0-9]{1,3}){3}|\[::1\]", host):
        raise SettingsError(f"LOCALCLOUD_SMTP must be HOST:PORT of loopback, not {_shown(text)}")
    return host.strip("[]"), _port(port, "the port of LOCALCLOUD_SMTP")


def _seconds(variable: str, default: float) -> float:
    text = os.environ.get(variable, str(default))
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise SettingsError(f"{variable} must be seconds, 0 or more, not {_shown(text)}")
    return float(text)


def _base_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^/?#@\s]+/?", text):
        raise SettingsError(f"LOCALCLOUD_CONSOLE_URL must be http://HOST:PORT, not {_shown(text)}")
    return text.rstrip("/")
