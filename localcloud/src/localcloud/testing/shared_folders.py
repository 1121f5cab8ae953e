"""Folders that one worker of a test session fills, and all of them read."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

MakeOnce = Callable[[str, Callable[[Path], None]], Path]


def fill_once(parent: Path, name: str, fill: Callable[[Path], None]) -> Path:
    """
    Return a folder that the first caller fills, of this process or of another one; others wait for it.

    :param parent: existing folder, the same for all callers.
    :param name: name of the folder.
    :param fill: takes an empty folder; what it leaves there when it fails is deleted by the next caller.
    :return: the filled folder.
    """
    folder, partial = parent / name, parent / f"{name}.part"
    with (parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            fill(partial)
            partial.rename(folder)
    return folder
