"""Find a Docker daemon, or start a temporary one and remove it afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.terminal.progress import Progress
from dev.compose.docker_cli import Docker, DockerError
from dev.compose.docker_network import untouched_network
from dev.install.apt import apt_get

PACKAGES = ("docker.io", "docker-compose", "mmdebstrap", "iptables", "iproute2")
START_SECONDS = 60
STOP_SECONDS = 60
GIBIBYTE = 2**30
NEEDED_BYTES = 15 * GIBIBYTE


@contextmanager
def docker_daemon(progress: Progress) -> Iterator[Docker]:
    """
    Return the running daemon, or start one.

    :raises DockerError: there is none, and it cannot be started.
    """
    docker = Docker()
    if not docker.answers() and shutil.which("dockerd") is None:
        _install(progress)
    if docker.answers():
        progress.line("the Docker daemon of this machine is running")
        yield docker
        return
    # sockets need a short path, images need disk space
    with (
        tempfile.TemporaryDirectory(prefix="wine-docker-", dir="/tmp") as sockets,
        _data_folder() as data,
        untouched_network(),
        _own_daemon(Path(sockets), data, progress) as own,
    ):
        yield own


def _install(progress: Progress) -> None:
    packages = " ".join(PACKAGES)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise DockerError(
            "no Docker daemon is running: start one, or install it "
            f"(on Debian, as root: apt-get install {packages})"
        )
    progress.line(f"no Docker daemon is running: apt-get install {packages}")
    apt_get("update")
    apt_get("install", "--no-install-recommends", *PACKAGES)


@contextmanager
def _data_folder() -> Iterator[Path]:
    parent = Path(os.environ.get("TMPDIR", "/var/tmp"))  # noqa: S108
    free = shutil.disk_usage(parent).free
    if free < NEEDED_BYTES:
        raise DockerError(
            f"images need {NEEDED_BYTES // GIBIBYTE} GiB, and {parent} has {free // GIBIBYTE}: set TMPDIR"
        )
    folder = tempfile.mkdtemp(prefix="wine-docker-", dir=parent)
    try:
        yield Path(folder)
    finally:
        # the images hold some hundred thousand files: Python takes minutes for them
        subprocess.run(["rm", "-rf", "--one-file-system", folder], check=False)


@contextmanager
def _own_daemon(sockets: Path, data: Path, progress: Progress) -> Iterator[Docker]:
    host = f"unix://{sockets / 's'}"
    log = data / "dockerd.log"
    command = [
        # its mounts end with it, and it ends with the process that started it
        *("unshare", "--mount", "setpriv", "--pdeathsig", "TERM", "dockerd", f"--host={host}"),
        *(f"--data-root={data / 'data'}", f"--exec-root={sockets / 'x'}", f"--pidfile={sockets / 'pid'}"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    docker = Docker(host)
    try:
        progress.wait("dockerd", lambda: _started(docker, process, log), timeout=START_SECONDS, every=0.5)
        yield docker
    finally:
        _stop(process)
        progress.line("the Docker daemon is stopped")


def _started(docker: Docker, process: subprocess.Popen[bytes], log: Path) -> tuple[str, bool | None]:
    if process.poll() is not None:
        tail = "\n".join(log.read_text().splitlines()[-10:])
        raise DockerError(f"dockerd does not start:\n{tail}")
    if docker.answers():
        return "a separate Docker daemon is running", True
    return "a Docker daemon is starting", None


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the daemon and its containers, then kill what remains of its session, such as containerd."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
