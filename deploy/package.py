"""What is shipped: the files of a folder as git would take them, and nothing that lies beside them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from deploy import REPOSITORY
from deploy.shell import CommandError


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise CommandError(f"git {arguments[0]}: {' '.join(done.stderr.split())}")
    return done.stdout


def files_of(folder: str) -> list[Path]:
    """
    List the files of a folder that are tracked or new, but not ignored, relative to the repository.

    :raises CommandError: this is no git repository.
    """
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder)
    names = sorted(name for name in set(listed.split("\0")) if name)
    return [Path(name) for name in names if (REPOSITORY / name).is_file()]


def stage(folder: str, destination: Path) -> Path:
    """
    Copy a folder's files to a fresh place.

    :param folder: of the repository, ``dags`` for example.
    :param destination: is emptied first.
    :return: the destination.
    """
    shutil.rmtree(destination, ignore_errors=True)
    destination.mkdir(parents=True)
    for path in files_of(folder):
        target = destination / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / path, target)
    return destination


def is_clean() -> bool:
    """Tell whether everything is committed."""
    return not _git("status", "--porcelain").strip()


def image_tag(target: str) -> str:
    """
    Name what the pipeline image is made from, so that the same content has the same tag in every commit.

    :param target: of the Dockerfile.
    :return: the target and git's tree of pipeline/, with a checksum if there are uncommitted changes.
    :raises CommandError: this is no git repository, or pipeline/ was not committed yet.
    """
    tree = f"{target}-{_git('rev-parse', '--short=12', 'HEAD:pipeline').strip()}"
    if not _git("status", "--porcelain", "--", "pipeline").strip():
        return tree
    return f"{tree}-{checksum('pipeline')}"


def checksum(folder: str) -> str:
    """
    Give a checksum of the names and contents of a folder's files.

    :param folder: of the repository, ``plugins`` for example.
    :return: 12 hexadecimal digits.
    """
    content = hashlib.sha256()
    for path in files_of(folder):
        content.update(f"{path}\0".encode() + (REPOSITORY / path).read_bytes() + b"\0")
    return content.hexdigest()[:12]
