"""
The end of processes that outlived whoever started them, wherever the kernel has put them.

The warm process gets a mark in its environment, which all that comes from it inherits and cannot take off:
the kernel shows the environment that a process was started with. Standard library only: the warm process
runs this file too.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "LOCALCLOUD_WORKER"
# forks that come while the others are killed are found the next time
_ROUNDS = 20


def end(mark: str) -> int:
    """
    Kill every process of this user that bears a mark, other than this one.

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
            # of a zombie nothing can be read
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(one == entry or one.startswith(entry + b"#") for one in environment.split(b"\0")):
            found.add(int(folder.name))
    return found
