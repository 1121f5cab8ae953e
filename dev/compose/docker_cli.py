"""Calls the docker command line against one daemon."""

from __future__ import annotations

import os
import subprocess
from typing import IO

DOCKER = "docker"
TAIL_LINES = 15


class DockerError(RuntimeError):
    """Docker, or a dependency of it, is missing or failed."""


class Docker:
    """
    One Docker daemon.

    :param host: its address, like ``unix:///run/docker.sock``; empty for the command line's own default.
    """

    def __init__(self, host: str = "") -> None:
        self.environment = dict(os.environ)
        if host:
            self.environment["DOCKER_HOST"] = host
            self.environment.pop("DOCKER_CONTEXT", None)

    def answers(self) -> bool:
        """Return whether the daemon can be used."""
        try:
            done = subprocess.run(
                [DOCKER, "version", "--format", "{{.Server.Version}}"],
                env=self.environment,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError:
            return False
        return done.returncode == 0

    def run(self, *arguments: str, stdin: IO[bytes] | None = None, timeout: float | None = None) -> str:
        """
        Run one command and return what it printed.

        :param stdin: what it reads.
        :param timeout: seconds after which it is stopped.
        :raises DockerError: it failed, or took too long.
        """
        try:
            done = subprocess.run(
                [DOCKER, *arguments],
                env=self.environment,
                stdin=stdin or subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DockerError(f"docker {arguments[0]} took more than {timeout:.0f} s") from error
        if done.returncode:
            tail = "\n".join(done.stderr.decode(errors="replace").splitlines()[-TAIL_LINES:])
            raise DockerError(f"docker {arguments[0]} failed: {tail}")
        return done.stdout.decode()
