"""Find the implementations of docker-compose on this machine: Debian's 1.29 in Python, and Compose v2."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from deploy.terminal.progress import Progress
from dev.compose.docker_cli import DockerError
from dev.install.apt import AptError, apt_get

SUITE = "trixie"
PLUGIN = Path("usr/libexec/docker/cli-plugins/docker-compose")


def compose_commands(folder: Path, progress: Progress) -> dict[str, tuple[str, ...]]:
    """
    Return the command of each version that can be had: ``1`` and ``2``.

    On Debian, a missing Compose v2 comes from the package of trixie, unpacked and not installed.

    :param folder: where it is unpacked.
    :raises DockerError: there is none at all.
    """
    found: dict[str, tuple[str, ...]] = {}
    commands: tuple[tuple[str, ...], ...] = (("docker", "compose"), ("docker-compose",))
    for command in commands:
        if version := _version(command):
            found.setdefault(version.partition(".")[0].lstrip("v"), command)
            progress.line(f"{' '.join(command)} {version}")
    if "2" not in found and (plugin := _from_trixie(folder)):
        found["2"] = (str(plugin),)
        progress.line(f"Compose {_version(found['2'])}, unpacked from the package of {SUITE}")
    if not found:
        raise DockerError("neither docker-compose nor docker compose is installed")
    return found


def _version(command: tuple[str, ...]) -> str:
    try:
        done = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _from_trixie(folder: Path) -> Path | None:
    """Download and unpack the package with apt's state in the folder, so that the machine's own stays."""
    keyring = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None or not keyring.exists():
        return None
    if not (mirror := _mirror()):
        return None
    for name in ("lists/partial", "cache/archives/partial", "root"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb [signed-by={keyring}] {mirror} {SUITE} main\n")
    settings = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    try:
        apt_get(*options, "update")
        apt_get(*options, "--download-only", "--no-install-recommends", "install", "docker-compose")
    except AptError:
        return None
    (package,) = (folder / "cache/archives").glob("docker-compose_*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(folder / "root")], check=True)
    return folder / "root" / PLUGIN


def _mirror() -> str:
    """Return the mirror that this machine gets Debian's packages from; empty if there is none."""
    # $(LABEL) tells the archive from its security updates
    command = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    mirrors = [
        line.removeprefix("Debian ") for line in done.stdout.splitlines() if line.startswith("Debian ")
    ]
    return mirrors[0] if mirrors else ""
