"""localcloud and Airflow together, started and stopped as one."""

from __future__ import annotations

import socket
import subprocess
import sys

import requests

from deploy.terminal.progress import Progress
from dev.stack.airflow_api import AirflowApi
from dev.stack.airflow_database import prepare_database
from dev.stack.airflow_launcher import AIRFLOW_COMPONENTS
from dev.stack.processes import Processes
from dev.stack.settings import AIRFLOW_PLUGINS, REPOSITORY, StackSettings
from localcloud.config import HOST

LOCALCLOUD = "localcloud"
LAUNCHER = "airflow"
COMMANDS = {LOCALCLOUD: [sys.executable, "-m", "localcloud", "up"]} | AIRFLOW_COMPONENTS
START_SECONDS = 180


class StackError(RuntimeError):
    """The stack cannot start; the message is one line."""


class Stack:
    """
    localcloud and Airflow on this machine.

    :param settings: where it lives.
    :param progress: prints its progress.
    """

    def __init__(self, settings: StackSettings, progress: Progress) -> None:
        self.settings = settings
        self.progress = progress
        self.processes = Processes(settings.root)
        self.airflow = AirflowApi(settings.airflow_url)

    def start(self) -> None:
        """
        Start every process and return when all are healthy; ``settings.activate()`` must have been called.

        :raises StackError: a port is in use.
        :raises ProcessEndedError: a process ended while starting.
        """
        self._require_free_port(self.settings.cloud.port, "LOCALCLOUD_PORT")
        self._require_free_port(self.settings.airflow_port, "WINE_AIRFLOW_PORT")
        environment = self.settings.environment()
        self._start(LOCALCLOUD, COMMANDS[LOCALCLOUD], environment)
        prepare_database(self.settings.airflow_home, lambda: self._migrate(environment))
        # it imports Google's libraries later
        launched = environment | {"PYTHONPATH": str(AIRFLOW_PLUGINS)}
        self._start(
            LAUNCHER, [sys.executable, "-m", "dev.stack.airflow_launcher", str(self.settings.root)], launched
        )
        self.progress.wait("Airflow's processes", self._launched, timeout=START_SECONDS, every=0.2)
        self._await_health()

    def restart(self, name: str) -> None:
        """
        Restart an ended component, and return when all are healthy.

        :param name: a key of COMMANDS.
        :raises ProcessEndedError: a process ended while starting.
        """
        self.processes.forget(name)
        self._start(name, COMMANDS[name], self.settings.environment())
        self._await_health()

    def _await_health(self) -> None:
        self.progress.wait("localcloud", self._localcloud_health, timeout=START_SECONDS, every=0.5)
        self.progress.wait("Airflow", self._airflow_health, timeout=START_SECONDS, every=0.5)

    def check(self) -> None:
        """
        Check that every process is still running.

        :raises ProcessEndedError: one does not.
        """
        for name in COMMANDS:
            self.processes.check(name)

    def is_healthy(self) -> bool:
        """Return whether all processes are running and healthy."""
        running = self.processes.running().keys()
        return COMMANDS.keys() <= running and not self.airflow.unhealthy_components()

    def stop(self) -> int:
        """Stop every process; return how many there were."""
        return self.processes.stop()

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.processes.start(name, command, environment=environment, directory=REPOSITORY)

    def _migrate(self, environment: dict[str, str]) -> None:
        """
        Create or upgrade Airflow's metadata database.

        :raises StackError: Airflow's command fails.
        """
        self.progress.line("Airflow is preparing its metadata database")
        self.processes.logs.mkdir(parents=True, exist_ok=True)
        log = self.processes.logs / "airflow-db-migrate.log"
        with log.open("wb") as output:
            done = subprocess.run(
                ["airflow", "db", "migrate"],
                # it needs none of the libraries that PYTHONPATH would preload
                env={name: value for name, value in environment.items() if name != "PYTHONPATH"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise StackError(f"airflow db migrate failed: see {log}")

    def _launched(self) -> tuple[str, bool | None]:
        self.processes.check(LOCALCLOUD)
        # a recorded process may have ended since: the health check reports it
        if AIRFLOW_COMPONENTS.keys() <= self.processes.names():
            return "", True
        self.processes.check(LAUNCHER)
        return "localcloud and Airflow start", None

    def _localcloud_health(self) -> tuple[str, bool | None]:
        self.processes.check(LOCALCLOUD)
        try:
            requests.get(f"http://{HOST}:{self.settings.cloud.port}/", timeout=2).raise_for_status()
        except requests.RequestException:
            return "localcloud: starting", None
        return "localcloud: gateway, BigQuery, Cloud Storage and Vertex AI are up", True

    def _airflow_health(self) -> tuple[str, bool | None]:
        self.check()
        unhealthy = self.airflow.unhealthy_components()
        if unhealthy:
            return f"Airflow: waiting for {', '.join(unhealthy)}", None
        return "Airflow: scheduler, triggerer, dag-processor and API server are up", True

    @staticmethod
    def _require_free_port(port: int, variable: str) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise StackError(
                    f"port {port} is in use by another program: stop it (`make down` stops what `make up` "
                    f"started), or set {variable} to a free port"
                ) from error
