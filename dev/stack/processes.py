"""Start the long-running processes of a stack, and stop exactly those, even if their starter was killed."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from deploy.terminal.signals import deferred_interrupts

STOP_SECONDS = 15
# a process that outlives the leader of its session is an orphan
ORPHAN_SECONDS = 2


class ProcessEndedError(RuntimeError):
    """A long-running process ended unexpectedly; the message has the end of its output."""


class Processes:
    """
    The processes of one stack, recorded in a file as (pid, start time), so that a later call finds them.

    :param root: folder of the stack, with the file and a folder with one log per process.
    """

    def __init__(self, root: Path) -> None:
        self.record = root / "processes.json"
        self.logs = root / "logs"

    def start(self, name: str, command: list[str], *, environment: dict[str, str], directory: Path) -> None:
        """Start a process in its own session: a ctrl-C for the starter does not reach it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        # started and recorded, or neither
        with deferred_interrupts(), (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.add(name, process.pid)

    def add(self, name: str, pid: int) -> None:
        """Record a process in its own session that was not started by :meth:`start`."""
        with self._locked():
            self._write(self._read() | {name: {"pid": pid, "created": psutil.Process(pid).create_time()}})

    def running(self) -> dict[str, psutil.Process]:
        """Return the recorded processes that are still running."""
        entries = self._read().items()
        return {name: process for name, entry in entries if (process := _recorded(entry)) and _lives(process)}

    def names(self) -> set[str]:
        """Return the names of all started processes, running or not."""
        return set(self._read())

    def check(self, name: str) -> None:
        """
        Check that a process is still running.

        :raises ProcessEndedError: it does not.
        """
        if name not in self.running():
            log = self.logs / f"{name}.log"
            tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
            raise ProcessEndedError("\n".join([f"{name} ended; the last lines of {log}:", *tail]))

    def kill(self, name: str) -> None:
        """
        Kill one process; its children stay known as part of the stack.

        :raises ProcessEndedError: it does not run.
        """
        self.check(name)
        process = self.running()[name]
        process.kill()
        psutil.wait_procs([process], timeout=STOP_SECONDS)

    def forget(self, name: str) -> None:
        """Release the name of an ended process, so that another can be started with it."""
        with self._locked():
            entries = self._read()
            entry = entries.pop(name)
            # the session may have other members
            self._write({f"{name}, once {entry['pid']:.0f}": entry} | entries)

    def members(self) -> list[psutil.Process]:
        """Return every process of the stack: the recorded ones, their descendants, and their sessions."""
        found = {process.pid: process for process in self._sessions()}
        for process in self.running().values():
            with suppress(psutil.NoSuchProcess):
                # some start sessions of their own: the pipeline's worker, and each of its children
                found |= {child.pid: child for child in process.children(recursive=True)}
        return [process for process in found.values() if _lives(process)]

    def _sessions(self) -> Iterator[psutil.Process]:
        # a dead leader's pid is not reused while its session has members, except after a reboot
        sessions = {
            int(entry["pid"])
            for entry in self._read().values()
            if entry["created"] > psutil.boot_time()
            and (_recorded(entry) or not psutil.pid_exists(int(entry["pid"])))
        }
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, PermissionError):
                if os.getsid(process.pid) in sessions:
                    yield process

    def stop(self) -> int:
        """
        Stop every process of the stack, last started first; kill those that do not end in time.

        :return: how many there were.
        """
        # looked up before: an orphan is no longer found as a child
        members = self.members()
        for process in reversed(self.running().values()):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and self.running():
            time.sleep(0.1)
        _, orphans = psutil.wait_procs({*members, *self.members()}, timeout=ORPHAN_SECONDS)
        for process in orphans:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(orphans, timeout=STOP_SECONDS)
        self.record.unlink(missing_ok=True)
        return len(members)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the file against other processes, which may start and record processes too."""
        self.record.parent.mkdir(parents=True, exist_ok=True)
        with self.record.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            return dict(json.loads(self.record.read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    def _write(self, entries: dict[str, dict[str, float]]) -> None:
        temporary = self.record.with_suffix(".new")
        temporary.write_text(json.dumps(entries))
        temporary.replace(self.record)


def _recorded(entry: dict[str, float]) -> psutil.Process | None:
    """Return the process of an entry, unless it has ended or its pid was reused."""
    try:
        process = psutil.Process(int(entry["pid"]))
        return process if abs(process.create_time() - entry["created"]) < 1 else None
    except psutil.NoSuchProcess:
        return None


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
