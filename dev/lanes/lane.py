"""One target of the Makefile in the current folder, in its own processes, with its output in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.terminal.signals import deferred_interrupts
from dev.lanes.events import EVENTS
from dev.lanes.results import Results

# a suite stops its own stack when it is interrupted
STOP_SECONDS = 90
# for processes left once the target has ended
LEFT_SECONDS = 5
# the parent make would pass on its jobs and variables
FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTEST_ADDOPTS")


class Lane:
    """
    One lane.

    :param target: target of the Makefile.
    :param folder: for its log and the events of its tests.
    """

    def __init__(self, target: str, folder: Path) -> None:
        self.target = target
        self.log = folder / f"{target}.log"
        self.results = Results(folder / f"{target}.jsonl")
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def start(self) -> None:
        """Start it in its own session."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.results.path.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        environment |= {EVENTS: str(self.results.path.absolute()), "PYTEST_PLUGINS": "dev.lanes.events"}
        self._started = time.monotonic()
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                ["make", "--no-print-directory", self.target],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """Return the exit code; None while it is running."""
        assert self._process is not None
        self.seconds = time.monotonic() - self._started
        if self._process.returncode is None:
            # the kernel gives the exit code only once
            with deferred_interrupts():
                # not poll(): it drops what the kernel says of the processor time
                ended, status, usage = os.wait4(self._process.pid, os.WNOHANG)
                if ended:
                    self._process.returncode = os.waitstatus_to_exitcode(status)
                    self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self._process.returncode

    def state(self) -> str:
        """Return its progress in one line."""
        results = str(self.results)
        return f"{results}, at {self.results.current}" if results else last_line(self.log)

    def interrupt(self) -> None:
        """Interrupt all of its processes, like ctrl-C."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)

    def kill(self, deadline: float) -> None:
        """
        Wait until all its processes have ended, and kill those that do not end.

        :param deadline: when to kill a target that has not ended, on the monotonic clock.
        """
        assert self._process is not None
        while time.monotonic() < deadline and self.poll() is None:
            time.sleep(0.2)
        deadline = time.monotonic() + LEFT_SECONDS
        while time.monotonic() < deadline and self._members():
            time.sleep(0.2)
        members = self._members()
        for process in members:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(members)
        self._process.wait()

    def _members(self) -> list[psutil.Process]:
        """Return its processes in any session: all have inherited the file of its events."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return (
                process.environ().get(EVENTS) == str(self.results.path.absolute())
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.Error, OSError):
            return False


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty, cut to the width of a terminal."""
    lines = log.read_text(errors="replace").splitlines()
    return next((line.strip()[:100] for line in reversed(lines) if line.strip()), "")
