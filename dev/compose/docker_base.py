"""
Build the base image without a registry: Debian from its mirror, Python from this machine.

It replaces ``python:3.11-slim-trixie``, and trusts the certificate authorities of this machine, as the
base image of a company with a proxy would.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from deploy.terminal.progress import Progress
from dev.compose.docker_cli import Docker, DockerError

SUITE = "trixie"
# What the extension modules of Python link to, and what installs packages.
PACKAGES = (
    "ca-certificates",
    "libbz2-1.0",
    "libcrypt1",
    "libexpat1",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libreadline8t64",
    "libsqlite3-0",
    "libssl3t64",
    "libuuid1",
    "netbase",
    "tzdata",
    "zlib1g",
)
LEFT_OUT = ("site-packages", "dist-packages", "test", "idlelib", "tkinter", "lib2to3", "__pycache__")
AUTHORITIES = Path("etc/ssl/certs/ca-certificates.crt")
PIP_CONFIG = f"[global]\ncert = /{AUTHORITIES}\n"


def make_base(docker: Docker, image: str, folder: Path, progress: Progress) -> None:
    """
    Build the image.

    :param docker: what it is imported into.
    :param image: name and tag that it gets.
    :param folder: an empty folder for the files; the caller removes it.
    :raises DockerError: mmdebstrap is missing, or a command fails.
    """
    if shutil.which("mmdebstrap") is None:
        raise DockerError(
            "mmdebstrap, which builds a base image, is not installed: apt-get install mmdebstrap"
        )
    root, log = folder / "root", folder / "mmdebstrap.log"
    command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root)]
    progress.line(f"mmdebstrap {SUITE}")
    with log.open("wb") as output:
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise DockerError(f"mmdebstrap failed: {log.read_text().splitlines()[-1]}")
    _copy_python(root / "usr" / "local")
    _trust_this_machine(root)
    subprocess.run(["chroot", str(root), "ldconfig"], check=True)
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
    progress.line("docker import")
    archive = subprocess.Popen(
        ["tar", "--create", "--one-file-system", "--directory", str(root), "."], stdout=subprocess.PIPE
    )
    changes = ["--change", 'CMD ["python3"]', "--change", "ENV LANG=C.UTF-8"]
    docker.run("import", *changes, "-", image, stdin=archive.stdout)
    if archive.wait():
        raise DockerError(f"tar failed on {root}")


def _copy_python(prefix: Path) -> None:
    """Copy the Python that runs this, without what was installed into it, to where the image has its own."""
    source = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    shutil.copytree(
        source / "lib" / name,
        prefix / "lib" / name,
        symlinks=True,
        ignore=shutil.ignore_patterns(*LEFT_OUT),
        dirs_exist_ok=True,
    )
    for library in (source / "lib").glob(f"lib{name}*.so*"):
        shutil.copy2(library, prefix / "lib" / library.name, follow_symlinks=False)
    shutil.copy2((source / "bin" / name).resolve(), prefix / "bin" / name)
    for link in ("python", "python3"):
        (prefix / "bin" / link).symlink_to(name)


def _trust_this_machine(root: Path) -> None:
    """Make the image, and pip with its own list, trust the certificate authorities of this machine."""
    own = Path("/") / AUTHORITIES
    if own.exists():
        # update-ca-certificates, which an installed package may call, keeps what lies here
        _split(own, root / "usr/local/share/ca-certificates")
        subprocess.run(["chroot", str(root), "update-ca-certificates"], check=True, capture_output=True)
        (root / "etc/pip.conf").write_text(PIP_CONFIG)


def _split(bundle: Path, folder: Path) -> None:
    """Write each certificate of a bundle into a file of its own."""
    end = "-----END CERTIFICATE-----\n"
    folder.mkdir(parents=True, exist_ok=True)
    for number, part in enumerate(bundle.read_text().split(end)[:-1]):
        (folder / f"machine-{number:03}.crt").write_text(part[part.index("-----BEGIN") :] + end)
