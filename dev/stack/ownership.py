"""
Lock a stack's folder: one call at a time, and the processes of a killed one are stopped.

The lock file next to the folder names the process that holds it, and is emptied when that process exits
normally: a name in a free lock file is that of a killed process.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from dev.stack.processes import Processes

STACKS = ("up", "demo", "demo-drift", "bench", "bench-scale")
STOP_SECONDS = 60


class BusyError(RuntimeError):
    """Another call uses the stack; the message is one line."""


@contextmanager
def owned(root: Path) -> Iterator[None]:
    """
    Lock a stack's folder while the block runs.

    :param root: the folder, named after the make target.
    :raises BusyError: another call has it.
    """
    with _open(root) as lock:
        if not _take(lock):
            raise BusyError(
                f"`make {root.name}` is already running (process {_owner(lock)}): wait until it ends, "
                "or stop it with `make down`"
            )
        _write(lock, str(os.getpid()))
        try:
            yield
        finally:
            _write(lock, "")


@contextmanager
def fresh(root: Path, say: Callable[[str], None]) -> Iterator[None]:
    """
    Lock a stack's folder, empty it, and stop the processes of a killed call.

    :param say: is told in a line what was stopped.
    :raises BusyError: another call has it.
    """
    with owned(root):
        stop_leftovers(root, say)
        clear_killed(root.parent, say)
        shutil.rmtree(root, ignore_errors=True)
        yield


def stop_leftovers(root: Path, say: Callable[[str], None]) -> None:
    """Stop the processes that a killed call left in a stack that this call owns."""
    count = Processes(root).stop()
    if count:
        say(f"stopped {count} processes left by an earlier `make {root.name}`")


def clear_killed(home: Path, say: Callable[[str], None]) -> None:
    """Stop the processes of killed calls in the stacks below a folder; other stacks keep running."""
    for name in STACKS:
        with _open(home / name) as lock:
            if _take(lock) and _owner(lock):
                stop_leftovers(home / name, say)
                _write(lock, "")


def stop_all(home: Path, say: Callable[[str], None]) -> None:
    """
    Stop every stack below a folder, and the call that works with it.

    :param say: is told in a line what was stopped.
    :raises BusyError: a call does not end.
    """
    stopped = [stop_stack(home / name, say) for name in STACKS]
    if not any(stopped):
        say("Nothing runs.")


def stop_stack(root: Path, say: Callable[[str], None]) -> bool:
    """Stop one stack, and return whether anything was running."""
    processes = Processes(root)
    count = len(processes.members())
    with _open(root) as lock:
        was_owned = not _take(lock)
        if was_owned:
            say(f"`make {root.name}` runs (process {_owner(lock)}): stopping it")
            _end_owner(lock, root.name)
        processes.stop()
        _write(lock, "")
    if count:
        say(f"Stopped {count} processes of `make {root.name}`.")
    return was_owned or count > 0


def _end_owner(lock: TextIO, name: str) -> None:
    deadline = time.monotonic() + STOP_SECONDS
    while not _take(lock):
        # it may not have written its name yet, and only handles the first signal
        with suppress(ProcessLookupError, ValueError):
            os.kill(int(_owner(lock)), signal.SIGTERM)
        if time.monotonic() > deadline:
            raise BusyError(f"`make {name}` (process {_owner(lock)}) does not end")
        time.sleep(0.1)


def _open(root: Path) -> TextIO:
    root.parent.mkdir(parents=True, exist_ok=True)
    return root.with_name(f"{root.name}.lock").open("a+")


def _take(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(lock: TextIO) -> str:
    lock.seek(0)
    return lock.read()


def _write(lock: TextIO, owner: str) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(owner)
    lock.flush()
