"""
Kill orphans: processes that outlived the one that started them.

The warm process has a mark in its environment, which all of its descendants inherit and cannot remove:
the kernel shows the environment that a process was started with. Standard library only: the warm process
runs this file too.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "LOCALCLOUD_WORKER"
# processes that are forked during the kills are found in the next round
_ROUNDS = 20


def kill(mark: str) -> int:
    """
    Kill every process of this user that has a mark, other than this one.

    :param mark: value of the variable ``MARK``; it may be followed by ``#`` and more.
    :return: how many were killed.
    """
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        found = _marked(f"{MARK}={mark}".encode()) - killed
        if not found:
            break
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
    return len(killed)


def _marked(entry: bytes) -> set[int]:
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            # nothing can be read of a zombie
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(one == entry or one.startswith(entry + b"#") for one in environment.split(b"\0")):
            found.add(int(folder.name))
    return found
