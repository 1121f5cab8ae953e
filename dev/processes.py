"""Starts the long-running processes of a stack, and stops exactly those, even after a killed starter."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

STOP_SECONDS = 15
# What outlives the leader of its session has lost its reason to run.
ORPHAN_SECONDS = 2


class ProcessEndedError(RuntimeError):
    """A long-running process ended by itself; the message holds the end of its output."""


class Processes:
    """
    The processes of one stack, written down in a file as (pid, start time), so that a later call finds them.

    :param record: the file.
    :param logs: folder that gets one log file a process.
    """

    def __init__(self, record: Path, logs: Path) -> None:
        self.record = record
        self.logs = logs

    def start(self, name: str, command: list[str], *, environment: dict[str, str], directory: Path) -> None:
        """Start a process in a session of its own: a ctrl-C meant for the starter does not reach it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        entries = self._read()
        entries[name] = {"pid": process.pid, "created": psutil.Process(process.pid).create_time()}
        self._write(entries)

    def running(self) -> dict[str, psutil.Process]:
        """Return the recorded processes that still run."""
        found = {}
        for name, entry in self._read().items():
            process = _recorded(entry)
            if process and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found[name] = process
        return found

    def check(self, name: str) -> None:
        """
        Make sure that a process still runs.

        :raises ProcessEndedError: it does not.
        """
        if name not in self.running():
            log = self.logs / f"{name}.log"
            tail = log.read_text(errors="replace").splitlines()[-15:] if log.exists() else []
            raise ProcessEndedError("\n".join([f"{name} ended; the last lines of {log}:", *tail]))

    def members(self) -> Iterator[psutil.Process]:
        """Yield every process of the stack: the recorded ones and whatever lives in their sessions."""
        # A dead leader's pid is not given away while its session has members.
        sessions = {
            int(entry["pid"])
            for entry in self._read().values()
            if _recorded(entry) or not psutil.pid_exists(int(entry["pid"]))
        }
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                    yield process
            except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                continue

    def stop(self) -> int:
        """
        Stop every process of the stack, last started first; kill what does not end in time.

        :return: how many there were.
        """
        members = list(self.members())
        for process in reversed(self.running().values()):
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline and self.running():
            time.sleep(0.1)
        _, orphans = psutil.wait_procs(list(self.members()), timeout=ORPHAN_SECONDS)
        for process in orphans:
            process.kill()
        psutil.wait_procs(orphans, timeout=STOP_SECONDS)
        self.record.unlink(missing_ok=True)
        return len(members)

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            return dict(json.loads(self.record.read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    def _write(self, entries: dict[str, dict[str, float]]) -> None:
        self.record.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.record.with_suffix(".new")
        temporary.write_text(json.dumps(entries))
        temporary.replace(self.record)


def _recorded(entry: dict[str, float]) -> psutil.Process | None:
    """Return the process of an entry, unless it is gone or its pid is somebody else's by now."""
    try:
        process = psutil.Process(int(entry["pid"]))
        return process if abs(process.create_time() - entry["created"]) < 1 else None
    except psutil.NoSuchProcess:
        return None
