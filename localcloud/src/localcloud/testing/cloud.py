"""A localcloud in a process of its own, started and stopped as its users do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from localcloud.clients.environment import CLEARED, activate, client_environment, process_environment
from localcloud.config import HOST, Settings
from localcloud.gateway import health

# on a machine that is busy with other tests
START_SECONDS = 240
STOP_SECONDS = 30


class CloudError(RuntimeError):
    """A localcloud does not start; the message has its output."""


@dataclass
class Cloud:
    """
    One localcloud, not started yet.

    :param settings: what it is started with.
    :param python: interpreter that has its libraries.
    :param variables: of its environment, in addition to its settings.
    """

    # what `up` is a command of
    MODULE: ClassVar[str] = "localcloud"

    settings: Settings
    python: Path = Path(sys.executable)
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables that a client needs."""
        return client_environment(self.settings)

    @property
    def output(self) -> str:
        """Return what it has printed so far."""
        return self._output_path.read_text()

    @property
    def _output_path(self) -> Path:
        return self.settings.state.with_name(f"{self.settings.state.name}.out")

    @property
    def _own_environment(self) -> dict[str, str]:
        # a developer's own settings or proxies must not reach it
        foreign = (*CLEARED, *self.environment)
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in foreign and not name.startswith("LOCALCLOUD_")
        }
        return kept | self.settings.environment() | self.variables

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``localcloud ARGUMENTS`` to its end."""
        return subprocess.run(
            [self.python, "-m", "localcloud", *arguments],
            env=self._own_environment,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def client(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a client to its end in a process of its own, led to this localcloud."""
        return subprocess.run(
            command,
            env=process_environment(self.settings),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def launch(self) -> None:
        """Start it, and return at once."""
        with self._output_path.open("a") as output:
            self.process = subprocess.Popen(
                [self.python, "-m", self.MODULE, "up"],
                env=self._own_environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def start(self) -> None:
        """
        Start it and wait until it serves.

        :raises CloudError: it ends instead.
        """
        self.launch()
        assert self.process is not None
        while self.process.poll() is None:
            if self.serves():
                return
            time.sleep(0.1)
        raise CloudError(f"localcloud does not start:\n{self.output}")

    def serves(self) -> bool:
        """Return whether it answers and is ready."""
        return health.serves(self.settings)

    def stop(self) -> int:
        """Stop it as ctrl-C does, and return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill it, if it runs, without a chance to clean up."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @contextmanager
    def running(self) -> Iterator[Cloud]:
        """
        Start it, and stop it at the end.

        :raises CloudError: it does not start, or does not end well.
        """
        try:
            self.start()
            yield self
            if code := self.stop():
                raise CloudError(f"localcloud ended with exit code {code}:\n{self.output}")
        finally:
            self.kill()

    @contextmanager
    def activated(self) -> Iterator[Cloud]:
        """Point the Google clients of this process at it, and restore the environment at the end."""
        before = {name: os.environ.get(name) for name in (*CLEARED, *self.environment)}
        activate(self.settings)
        try:
            yield self
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def free_port() -> int:
    """Return a port of loopback that is free now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])
