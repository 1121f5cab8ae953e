"""Calls Debian's apt-get, one call at a time."""

from __future__ import annotations

import fcntl
import os
import subprocess

from dev.stack.settings import LOCAL


class AptError(RuntimeError):
    """A command of apt-get failed; the message holds its last line."""


def apt_get(*arguments: str) -> None:
    """
    Run apt-get, waiting for another running call.

    :raises AptError: it failed.
    """
    # this option only waits for the lock of dpkg: a second `update` fails on that of the package lists
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "--yes", "--quiet", *arguments]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    LOCAL.mkdir(exist_ok=True)
    with (LOCAL / "apt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        problem = (done.stderr.strip() or "no message").splitlines()[-1]
        # options may come first
        name = next(word for word in arguments if word in ("update", "install"))
        raise AptError(f"apt-get {name} failed ({problem})")
