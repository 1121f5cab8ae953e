"""What localcloud is told from outside: its project, its port, its folder."""

from __future__ import annotations

import os
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
    """

    state: Path
    port: int = DEFAULT_PORT
    project: str = "wine-local"
    project_number: str = "123456789012"
    location: str = "EU"
    pipeline_python: Path = Path("pipeline/.venv/bin/python")

    @classmethod
    def from_environment(cls) -> Settings:
        """
        Read ``LOCALCLOUD_STATE``, ``_PORT``, ``_PROJECT`` and ``_PIPELINE_PYTHON``.

        :raises SettingsError: when the port is none.
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
        )

    @property
    def pki(self) -> Path:
        """Folder of the certificate authority and the service account file: its owner's alone."""
        return self.state / "pki"

    @property
    def logs(self) -> Path:
        """Folder of the logs of the child processes and of the pipeline tasks."""
        return self.state / "logs"


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**16:
        raise SettingsError(f"LOCALCLOUD_PORT must be a port from 1 to 65535, not {text}")
    return int(text)
