"""
Makes the secrets of the docker-compose stack: ``make compose-init``.

It needs Python alone, no environment of this repository. Calling it again adds what is missing and changes
nothing that is there.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
ENV_FILE = REPOSITORY / ".env"
HEADER = "# Secrets of the docker-compose stack on this machine, made by `make compose-init`. Not for git.\n"
MOUNTED = ("dags", "plugins")


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _token() -> str:
    return secrets.token_urlsafe(32)


# no letter of them needs quoting: not for a shell, not for docker-compose, not in a URL
SECRETS = {
    "POSTGRES_PASSWORD": _token,
    "AIRFLOW_FERNET_KEY": _fernet_key,
    "AIRFLOW_JWT_SECRET": _token,
    "AIRFLOW_API_SECRET_KEY": _token,
    "AIRFLOW_ADMIN_PASSWORD": _token,
    "JUPYTER_TOKEN": _token,
}


class InitError(Exception):
    """The file cannot be made, or the containers could not work; one line that says why."""


def ensure(path: Path) -> list[str]:
    """
    Write each secret that is missing; leave the file readable by its owner alone.

    :param path: the environment file.
    :return: names of the secrets that were made.
    :raises InitError: if what is there is no plain file.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InitError(f"{path} is no plain file: remove it")
    present = path.read_text() if path.exists() else ""
    missing = [name for name in SECRETS if not re.search(rf"^{name}=.+$", present, re.MULTILINE)]
    text = present or HEADER
    if not text.endswith("\n"):
        text += "\n"
    text += "".join(f"{name}={SECRETS[name]()}\n" for name in missing)
    if not present and (user := _user()):
        text += f"NOTEBOOK_USER={user}\n"
    if text != present:
        _replace(path, text)
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return missing


def _user() -> str:
    """Who writes what a notebook writes into this folder; root's containers keep their own user."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else ""


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def check_mounts(repository: Path) -> None:
    """
    Make sure that the containers, which run as other users, can read what they mount.

    :param repository: its root.
    :raises InitError: names what they cannot read.
    """
    for folder in MOUNTED:
        for path in (repository / folder, *(repository / folder).rglob("*")):
            needed = stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH
            if path.name != "__pycache__" and path.stat().st_mode & needed != needed:
                raise InitError(f"containers cannot read {path}: chmod -R go+rX {' '.join(MOUNTED)}")


def main() -> int:
    """Make the secrets, name none of them, and return the exit code."""
    try:
        made = ensure(ENV_FILE)
        check_mounts(REPOSITORY)
    except (InitError, OSError) as error:
        print(f"make compose-init: {error}", file=sys.stderr)
        return 1
    print(f"{ENV_FILE.name}: {f'made {len(made)} secrets' if made else 'every secret is there already'}")
    print("Airflow's user is admin, with AIRFLOW_ADMIN_PASSWORD of that file. Next: docker compose up")
    return 0


if __name__ == "__main__":
    sys.exit(main())
