"""Build, run and test the docker-compose stack: ``make test-compose``."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from deploy.terminal.progress import Progress
from deploy.terminal.signals import ignore_interrupts
from dev.compose import init as compose_init
from dev.compose.docker_base import make_base
from dev.compose.docker_cli import Docker, DockerError
from dev.compose.docker_daemon import docker_daemon
from dev.compose.stack import ComposeStack
from dev.compose.versions import compose_commands
from dev.stack.guard import guarded
from dev.stack.settings import REPOSITORY

BASE_IMAGE = "wine-mlops/base:local"
DOCKERFILE = REPOSITORY / "pipeline" / "Dockerfile"
TESTS = REPOSITORY / "tests" / "dev" / "compose"
# built at the same time; the later ones find the pipeline's environment that localcloud's build has made
IMAGES = (("postgres", "localcloud", "db-migrate"), ("seed", "notebook"))
PULL_SECONDS = 180
MEGABYTE = 10**6


class ChecksFailedError(RuntimeError):
    """A test of the running stack failed; pytest has said which."""


def run_compose_test() -> None:
    """
    Find or start a daemon, build, start, test, start again with the other Compose, and remove everything.

    :raises DockerError: Docker, or a dependency of it, is missing or fails.
    :raises ChecksFailedError: a test failed.
    """
    progress = Progress(total=8)
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="wine-compose-")))
        with progress.step("Find a Docker daemon"):
            docker = cleanup.enter_context(docker_daemon(progress))
        with progress.step("Find docker-compose, and get the base image"), ThreadPoolExecutor() as pool:
            found = pool.submit(compose_commands, folder / "compose-v2", progress)
            base = _base_image(docker, folder, progress)
            versions = found.result()
        stack = _stack(docker, versions.get("1") or versions["2"], base, folder)
        cleanup.enter_context(_removed(stack, progress))
        other = replace(stack, command=versions.get("2") or stack.command)
        _build_and_test(stack, other, folder, progress)
    print("\ncompose: all tests passed, and nothing is left running")


def _build_and_test(stack: ComposeStack, other: ComposeStack, folder: Path, progress: Progress) -> None:
    with progress.step("Build the images"):
        for images in IMAGES:
            stack.follow(progress, folder / "build.log", "build", "--parallel", *images)
    with progress.step("docker-compose up"):
        stack.follow(progress, folder / "up.log", "up", "--detach", "--no-build")
        stack.wait_healthy(progress)
    with progress.step("Test the stack"):
        _pytest(stack, "test_stack.py")
    with progress.step("Start and test the notebook"):
        notebook = ("--profile", "notebook", "up", "--detach", "--no-build", "notebook")
        stack.follow(progress, folder / "notebook.log", *notebook)
        stack.wait_healthy(progress)
        _pytest(stack, "test_notebook.py")
    for image, size in sorted(stack.image_sizes().items()):
        progress.line(f"{image}: {size / MEGABYTE:,.0f} MB")
    with progress.step(f"Stop, and start again with {' '.join(other.command)}"):
        stack.run("--profile", "notebook", "down", "--timeout", "20")
        other.follow(progress, folder / "again.log", "up", "--detach", "--no-build")
        other.wait_healthy(progress)
        _pytest(other, "test_restart.py")


def _base_image(docker: Docker, folder: Path, progress: Progress) -> str:
    """Return the image that stands for the Dockerfiles' own; empty when that one can be had."""
    if given := os.environ.get("BASE_IMAGE"):
        return given
    (named,) = re.findall(r"^ARG BASE_IMAGE=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    try:
        docker.run("pull", named, timeout=PULL_SECONDS)
    except DockerError:
        progress.line(f"{named} cannot be pulled: building one like it")
    else:
        return ""
    make_base(docker, BASE_IMAGE, folder, progress)
    return BASE_IMAGE


def _stack(docker: Docker, command: tuple[str, ...], base: str, folder: Path) -> ComposeStack:
    env_file = folder / "secrets.env"
    compose_init.ensure(env_file)
    # the containers' users read it, and a test edits it
    dags = folder / "dags"
    shutil.copytree(REPOSITORY / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    folder.chmod(0o755)
    airflow, cloud, notebook = _free_ports(3)
    return ComposeStack(
        host=docker.environment.get("DOCKER_HOST", ""),
        command=command,
        project=f"wine-test-{os.getpid()}",
        env_file=str(env_file),
        dags=str(dags),
        base_image=base,
        airflow_port=airflow,
        cloud_port=cloud,
        notebook_port=notebook,
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in sockets]


@contextmanager
def _removed(stack: ComposeStack, progress: Progress) -> Iterator[None]:
    """Remove containers, volumes and networks at the end; after a failure, show the logs before."""
    try:
        try:
            yield
        finally:
            ignore_interrupts()
    except Exception:
        # the first failure says more than unavailable logs
        with suppress(DockerError):
            print(stack.logs(), file=sys.stderr)
        raise
    finally:
        with progress.step("Remove containers, volumes and networks"):
            stack.remove()


def _pytest(stack: ComposeStack, module: str) -> None:
    command = [sys.executable, "-m", "pytest", "-v", "--no-header", str(TESTS / module)]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | stack.to_environment(), check=False)
    if done.returncode:
        raise ChecksFailedError(f"{module}: failed (pytest's exit code {done.returncode})")


if __name__ == "__main__":
    sys.exit(guarded("make test-compose", run_compose_test))
