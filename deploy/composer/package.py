"""The files to deploy: those of a folder that git tracks or would add, and no others."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy import REPOSITORY
from deploy.terminal.shell import CommandError

# what makes a wheel of plugins/: Composer gets the folder itself
_OF_THE_WHEEL = frozenset(
    Path("plugins", name) for name in ("CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml")
)
# what the pipeline image is made from; the package around the contract is an empty one
IMAGE_SOURCES = ("pipeline", "plugins/vertex_mlops/__init__.py", "plugins/vertex_mlops/contract")


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


def files_of(*folders: str) -> list[Path]:
    """
    List the files of folders that are shipped: tracked or new, but not ignored.

    :param folders: of the repository, ``dags`` for example.
    :return: paths relative to the repository, sorted.
    :raises CommandError: this is not a git repository.
    """
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *folders)
    paths = (Path(name) for name in sorted(set(listed.split("\0"))) if name)
    return [path for path in paths if path not in _OF_THE_WHEEL and (REPOSITORY / path).is_file()]


def stage(folder: str, destination: Path) -> Path:
    """
    Copy a folder's files to an empty folder.

    :param folders: of the repository, ``dags`` for example.
    :param destination: is emptied first.
    :return: the destination.
    """
    return _copy({path: destination / path.relative_to(folder) for path in files_of(folder)}, destination)


def stage_image(destination: Path) -> Path:
    """
    Copy what the pipeline image is made from to a fresh place, laid out as in the repository.

    :param destination: is emptied first.
    :return: the destination.
    """
    return _copy({path: destination / path for path in files_of(*IMAGE_SOURCES)}, destination)


def _copy(targets: Mapping[Path, Path], destination: Path) -> Path:
    shutil.rmtree(destination, ignore_errors=True)
    destination.mkdir(parents=True)
    for path, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / path, target)
    return destination


def is_clean() -> bool:
    """Return whether everything is committed."""
    return not _git("status", "--porcelain").strip()


def image_tag(target: str) -> str:
    """
    Return the tag of the pipeline image: the same content has the same tag in every commit.

    :param target: of the Dockerfile.
    :return: the target and git's names of what it is made from, with a checksum if there are uncommitted
        changes.
    :raises CommandError: this is not a git repository, or the pipeline was not committed yet.
    """
    objects = [f"HEAD:{source}" for source in IMAGE_SOURCES]
    names = [_git("rev-parse", "--short=12", name).strip() for name in objects]
    tag = "-".join([target, *names])
    if not _git("status", "--porcelain", "--", *IMAGE_SOURCES).strip():
        return tag
    return f"{tag}-{checksum(*IMAGE_SOURCES)}"


def checksum(*folders: str) -> str:
    """
    Return a checksum of the names and contents of the files of folders.

    :param folders: of the repository, ``plugins`` for example.
    :return: 12 hexadecimal digits.
    """
    content = hashlib.sha256()
    for path in files_of(*folders):
        content.update(f"{path}\0".encode() + (REPOSITORY / path).read_bytes() + b"\0")
    return content.hexdigest()[:12]
