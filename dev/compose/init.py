"""
Create the secrets of the docker-compose stack: ``make compose-init``.

It only needs Python, no environment of this repository. Repeating it adds missing secrets and changes no
existing ones.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
import sys
from difflib import get_close_matches
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ENV_FILE = REPOSITORY / ".env"
HEADER = (
    "# Secrets of the docker-compose stack on this machine, created by `make compose-init`. Do not commit.\n"
)
MOUNTED = ("dags", "plugins")


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _token() -> str:
    return secrets.token_urlsafe(32)


# no character needs quoting in a shell, in docker-compose or in a URL
SECRETS = {
    "POSTGRES_PASSWORD": _token,
    "AIRFLOW_FERNET_KEY": _fernet_key,
    "AIRFLOW_JWT_SECRET": _token,
    "AIRFLOW_API_SECRET_KEY": _token,
    "AIRFLOW_ADMIN_PASSWORD": _token,
    "JUPYTER_TOKEN": _token,
}


_TOKEN = (
    re.compile(r"[A-Za-z0-9_.~=-]+"),
    "letters, digits and _.~=-, which no shell and no URL needs quoted",
)
_PORT = (re.compile(r"[1-9][0-9]{0,4}"), "a port from 1 to 65535")
# what docker-compose takes from the file, and what that must be
EXPECTED = dict.fromkeys(SECRETS, _TOKEN) | {
    # https://github.com/fernet/spec/blob/master/Spec.md#key-format
    "AIRFLOW_FERNET_KEY": (re.compile(r"[A-Za-z0-9_-]{43}="), "32 bytes in URL-safe base64"),
    "NOTEBOOK_USER": (re.compile(r"[0-9]{1,9}:[0-9]{1,9}"), "the ids of a user and a group, like 1000:1000"),
    "LOCALCLOUD_PORT": _PORT,
    "WINE_AIRFLOW_PORT": _PORT,
    # https://cloud.google.com/resource-manager/docs/labels-overview#requirements
    "WINE_GIT_REVISION": (
        re.compile(r"[a-z0-9_-]{1,63}"),
        "1 to 63 lower-case letters, digits, - and _: a label",
    ),
    "WINE_NOTEBOOK_PORT": _PORT,
}
_LINE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")


class InitError(Exception):
    """The file cannot be created, or the containers would not work; the message says why."""


def ensure(path: Path) -> list[str]:
    """
    Write each secret that is missing; make the file readable only by its owner.

    :param path: the environment file.
    :return: names of the secrets that were made.
    :raises InitError: the path is not a regular file, or a value in it would not work.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InitError(f"{path} is not a regular file: remove it")
    present = _read(path) if path.exists() else ""
    check_values(path.name, present)
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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InitError(f"{path.name}: line {line}: is not UTF-8") from None


def check_values(name: str, text: str) -> None:
    """
    Check the lines of the file; an empty value counts as one that is missing.

    :param name: of the file.
    :param text: its content.
    :raises InitError: a line is not NAME=VALUE, a name is there twice or nearly a known one, or a value would
        not work; no message shows a value.
    """
    lines: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{name}: line {number}"
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise InitError(f"{where}: must be NAME=VALUE")
        variable, value = found[1], found[2].strip()
        if variable in lines:
            raise InitError(f"{where}: {variable} is in line {lines[variable]} already")
        lines[variable] = number
        _check_value(where, variable, value)


def _check_value(where: str, variable: str, value: str) -> None:
    if variable not in EXPECTED:
        if near := get_close_matches(variable, EXPECTED, n=1, cutoff=0.85):
            raise InitError(f"{where}: {variable} is unknown; did you mean {near[0]}?")
        return
    # docker-compose removes the quotes around a value
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    pattern, expected = EXPECTED[variable]
    if value and not (pattern.fullmatch(value) and (pattern is not _PORT[0] or int(value) < 2**16)):
        raise InitError(f"{where}: {variable} must be {expected}")


def _user() -> str:
    """Return the user of the notebook's files in this folder; root's containers keep their own user."""
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
    Check that the containers, which run as other users, can read their mounts.

    :param repository: its root.
    :raises InitError: names what they cannot read.
    """
    for folder in MOUNTED:
        for path in (repository / folder, *(repository / folder).rglob("*")):
            needed = stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH
            if path.name != "__pycache__" and path.stat().st_mode & needed != needed:
                raise InitError(f"containers cannot read {path}: chmod -R go+rX {' '.join(MOUNTED)}")


def main() -> int:
    """Create the secrets, print none of them, and return the exit code."""
    try:
        made = ensure(ENV_FILE)
        check_mounts(REPOSITORY)
    except (InitError, OSError) as error:
        print(f"make compose-init: {error}", file=sys.stderr)
        return 1
    print(f"{ENV_FILE.name}: {f'created {len(made)} secrets' if made else 'every secret already exists'}")
    print("Airflow's user is admin, with AIRFLOW_ADMIN_PASSWORD of that file. Next: docker compose up")
    return 0


if __name__ == "__main__":
    sys.exit(main())
