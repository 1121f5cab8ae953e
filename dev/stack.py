"""Starts and stops localcloud and Airflow together: ``python -m dev.stack up|down``."""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys

import requests

from dev.airflow_api import AirflowApi
from dev.processes import Processes
from dev.progress import Progress
from dev.publish import publish_pipeline
from dev.settings import HOST, REPOSITORY, StackSettings
from dev.wine_data import load_wine

AIRFLOW_COMPONENTS = {
    # Their log servers would listen on every address of the machine: the API server reads the files itself.
    "scheduler": ["airflow", "scheduler", "--skip-serve-logs"],
    "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
    "dag-processor": ["airflow", "dag-processor"],
    "api-server": ["airflow", "api-server"],
}
START_SECONDS = 180


class StackError(RuntimeError):
    """The stack cannot start; the message is one line for the person who called."""


class Stack:
    """
    localcloud and Airflow on this machine.

    :param settings: where it lives.
    :param progress: what it tells a person while it starts.
    """

    def __init__(self, settings: StackSettings, progress: Progress) -> None:
        self.settings = settings
        self.progress = progress
        self.processes = Processes(settings.root)
        self.airflow = AirflowApi(settings.airflow_url)

    def repair(self) -> None:
        """Stop what a killed call left behind."""
        leftovers = self.processes.stop()
        if leftovers:
            self.progress.line(f"stopped {leftovers} processes that an earlier, killed call had left")

    def start(self) -> None:
        """
        Start every process and return when all are healthy.

        :raises StackError: a port is taken.
        :raises ProcessEndedError: a process ended while starting.
        """
        self._require_free_port(self.settings.cloud.port, "LOCALCLOUD_PORT")
        self._require_free_port(self.settings.airflow_port, "WINE_AIRFLOW_PORT")
        environment = self.settings.environment()
        self._start("localcloud", [sys.executable, "-m", "localcloud", "up"], environment)
        self._migrate(environment)
        for name, command in AIRFLOW_COMPONENTS.items():
            self._start(name, command, environment)
        self.progress.wait("localcloud", self._localcloud_health, timeout=START_SECONDS, every=0.5)
        self.progress.wait("Airflow", self._airflow_health, timeout=START_SECONDS, every=1)

    def stop(self) -> int:
        """Stop every process; return how many there were."""
        return self.processes.stop()

    def _start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.processes.start(name, command, environment=environment, directory=REPOSITORY)

    def _migrate(self, environment: dict[str, str]) -> None:
        """Make or upgrade Airflow's metadata database."""
        self.progress.line("localcloud starts; Airflow prepares its metadata database")
        self.processes.logs.mkdir(parents=True, exist_ok=True)
        log = self.processes.logs / "airflow-db-migrate.log"
        with log.open("wb") as output:
            done = subprocess.run(
                ["airflow", "db", "migrate"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise StackError(f"airflow db migrate failed: see {log}")

    def _localcloud_health(self) -> tuple[str, bool | None]:
        self.processes.check("localcloud")
        try:
            requests.get(f"http://{HOST}:{self.settings.cloud.port}/", timeout=2).raise_for_status()
        except requests.RequestException:
            return "localcloud: starting", None
        return "localcloud: gateway, BigQuery, Cloud Storage and Vertex AI are up", True

    def _airflow_health(self) -> tuple[str, bool | None]:
        for name in AIRFLOW_COMPONENTS:
            self.processes.check(name)
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
                    f"port {port} is taken by another program: stop it (`make down` stops what `make up` "
                    f"started), or set {variable} to a free port"
                ) from error


def up(settings: StackSettings) -> None:
    """Start the stack if it does not run, give it data and a pipeline, and leave it running."""
    settings.activate()
    stack = Stack(settings, Progress(total=3))
    if stack.processes.running():
        if (
            len(stack.processes.running()) == len(AIRFLOW_COMPONENTS) + 1
            and not stack.airflow.unhealthy_components()
        ):
            print(f"Already running. Airflow: {settings.airflow_url}   Stop it with: make down")
            return
        stack.repair()
    try:
        with stack.progress.step("Start localcloud and Airflow"):
            stack.start()
        with stack.progress.step("Load the white and red wines into BigQuery, where they are missing"):
            for wine in ("white", "red"):
                stack.progress.line(load_wine(settings, wine))
        with stack.progress.step("Compile the pipelines and upload them"):
            for wine in ("white", "red"):
                stack.progress.line(f"{publish_pipeline(settings, stack.progress, wine)} uploaded")
    except BaseException:
        stack.stop()
        raise
    print(f"\nAirflow: {settings.airflow_url}   (trigger wine_retraining_white there)")
    print(
        "Google clients and curl: "
        f'eval "$(LOCALCLOUD_STATE={settings.cloud.state} .venv/bin/python -m localcloud env)"'
    )
    print("Stop it with: make down")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.stack", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    settings = StackSettings(root=REPOSITORY / ".local" / "up")
    if parser.parse_args().command == "down":
        count = Stack(settings, Progress(total=1)).stop()
        print(f"Stopped {count} processes." if count else "Nothing runs.")
        return 0
    try:
        up(settings)
    except (StackError, TimeoutError, RuntimeError) as error:
        print(f"make up: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
