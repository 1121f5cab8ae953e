"""The docker-compose stack, driven through the command line that users have."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.terminal.progress import Progress
from dev.compose.docker_cli import Docker, DockerError
from dev.stack.settings import REPOSITORY

COMPOSE_FILE = REPOSITORY / "docker-compose.yaml"
STACK_VARIABLE = "WINE_COMPOSE_STACK"
COMMAND_SECONDS = 1800
HEALTHY_SECONDS = 600
STEP = re.compile(r"(Building|Step|Creating|Recreating|Starting|#\d+ \[| ?Container) .*")
ONE_SHOT = ("db-migrate", "seed")
TAIL_LINES = 30


@dataclass(frozen=True)
class ComposeStack:
    """
    One project of docker-compose.

    :param host: address of the Docker daemon; empty for the command line's own default.
    :param command: ``docker-compose`` or ``docker compose``, as words.
    :param project: name of the project; containers, volumes and networks are named after it.
    :param env_file: the secrets.
    :param dags: folder that is mounted as the DAGs.
    :param base_image: base of every image; empty for the one that the Dockerfiles name.
    :param airflow_port: TCP port of Airflow on loopback.
    :param cloud_port: TCP port of localcloud on loopback.
    :param notebook_port: TCP port of Jupyter on loopback.
    """

    host: str
    command: tuple[str, ...]
    project: str
    env_file: str
    dags: str
    base_image: str
    airflow_port: int
    cloud_port: int
    notebook_port: int

    @classmethod
    def from_environment(cls) -> ComposeStack | None:
        """Return the stack that ``make test-compose`` has started, or None."""
        text = os.environ.get(STACK_VARIABLE)
        if not text:
            return None
        values = json.loads(text)
        return cls(**values | {"command": tuple(values["command"])})

    def to_environment(self) -> dict[str, str]:
        """Return what :meth:`from_environment` reads."""
        return {STACK_VARIABLE: json.dumps(asdict(self))}

    @property
    def docker(self) -> Docker:
        """Return the daemon."""
        return Docker(self.host)

    @property
    def secrets(self) -> dict[str, str]:
        """Return the content of the environment file."""
        lines = Path(self.env_file).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))

    def run(self, *arguments: str) -> str:
        """
        Run one command of docker-compose and return what it printed.

        :raises DockerError: it failed.
        """
        done = subprocess.run(
            self._command(arguments),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        self._check(arguments, done.returncode, done.stderr)
        return done.stdout.decode()

    def follow(self, progress: Progress, log: Path, *arguments: str) -> None:
        """
        Run one long command, and print its progress.

        :param log: file that takes its output.
        :raises DockerError: it failed.
        :raises TimeoutError: it took too long.
        """
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._command(arguments),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            code = progress.wait(
                " ".join(arguments),
                lambda: (_last_step(log), process.poll()),
                timeout=COMMAND_SECONDS,
                every=1,
            )
        finally:
            process.kill()
            process.wait()
        self._check(arguments, code, log.read_bytes())

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        options = ["--file", str(COMPOSE_FILE), "--project-name", self.project, "--env-file", self.env_file]
        return [*self.command, *options, *arguments]

    def _check(self, arguments: tuple[str, ...], code: int, said: bytes) -> None:
        if code:
            tail = "\n".join(said.decode(errors="replace").splitlines()[-TAIL_LINES:])
            raise DockerError(f"{' '.join(self.command)} {' '.join(arguments)} failed:\n{tail}")

    def _environment(self) -> dict[str, str]:
        environment = self.docker.environment | {
            "WINE_DAGS": self.dags,
            "WINE_AIRFLOW_PORT": str(self.airflow_port),
            "LOCALCLOUD_PORT": str(self.cloud_port),
            "WINE_NOTEBOOK_PORT": str(self.notebook_port),
            # plain lines instead of an animation
            "BUILDKIT_PROGRESS": "plain",
        }
        # a shell's variables would override the environment file
        for name in (*self.secrets, "BASE_IMAGE", "COMPOSE_FILE", "COMPOSE_PROFILES"):
            environment.pop(name, None)
        return environment | ({"BASE_IMAGE": self.base_image} if self.base_image else {})

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return what ``docker inspect`` says of each container of the project, by service."""
        label = f"label=com.docker.compose.project={self.project}"
        ids = self.docker.run("ps", "--all", "--quiet", "--filter", label).split()
        found = json.loads(self.docker.run("inspect", *ids)) if ids else []
        return {item["Config"]["Labels"]["com.docker.compose.service"]: item for item in found}

    def wait_healthy(self, progress: Progress) -> None:
        """
        Wait until every container is healthy, and the one-shot ones have ended well.

        :raises DockerError: one ended that should not.
        :raises TimeoutError: it takes too long.
        """

        def probe() -> tuple[str, bool | None]:
            states = {name: _state(name, item) for name, item in self.containers().items()}
            waiting = sorted(name for name, state in states.items() if state not in ("healthy", "done"))
            if not waiting:
                return f"healthy: {', '.join(sorted(states))}", True
            return f"waiting for {', '.join(f'{name} ({states[name]})' for name in waiting)}", None

        progress.wait("docker-compose", probe, timeout=HEALTHY_SECONDS, every=2)

    def logs(self) -> str:
        """Return the end of every container's log."""
        return self.run("logs", "--no-color", f"--tail={TAIL_LINES}")

    def remove(self) -> None:
        """Remove containers, volumes and networks of the project."""
        self.run("--profile", "notebook", "down", "--volumes", "--remove-orphans", "--timeout", "20")

    def image_sizes(self) -> dict[str, int]:
        """Return the images of the stack with their sizes in bytes, base included."""
        images = {item["Image"] for item in self.containers().values()}
        inspected = json.loads(self.docker.run("image", "inspect", *images)) if images else []
        return {image["RepoTags"][0]: image["Size"] for image in inspected}


def _state(service: str, container: dict[str, Any]) -> str:
    state = container["State"]
    if service in ONE_SHOT:
        if state["Status"] == "exited":
            if state["ExitCode"]:
                raise DockerError(f"{service} failed with exit code {state['ExitCode']}")
            return "done"
        return str(state["Status"])
    if state["Status"] == "running":
        return str(state.get("Health", {}).get("Status", "no healthcheck"))
    if state["Status"] == "exited" and not container["HostConfig"]["RestartPolicy"]["Name"]:
        raise DockerError(f"{service} ended with exit code {state['ExitCode']}")
    return str(state["Status"])


def _last_step(log: Path) -> str:
    """Return the last line of a log that says what is being done, cut to the width of a terminal."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line.strip()[:100] for line in reversed(lines) if STEP.match(line)), "")
