"""One target of the Makefile in the current folder, in processes of its own, with its output in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil

from dev.lanes.events import EVENTS
from dev.lanes.results import Results

# a suite stops its own stack when it is interrupted
STOP_SECONDS = 90
# of what is left once the target has ended: nobody stops it any more
LEFT_SECONDS = 5
# the make that started this one would hand its jobs and variables on
FOREIGN = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTEST_ADDOPTS")


class Lane:
    """
    One lane.

    :param target: target of the Makefile.
    :param folder: gets its log and the events of its tests.
    """

    def __init__(self, target: str, folder: Path) -> None:
        self.target = target
        self.log = folder / f"{target}.log"
        self.results = Results(folder / f"{target}.jsonl")
        self.seconds = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def start(self) -> None:
        """Start it in a session of its own."""
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
        """Return the exit code; None while it runs."""
        assert self._process is not None
        self.seconds = time.monotonic() - self._started
        return self._process.poll()

    def state(self) -> str:
        """Say in a line what it is at."""
        results = str(self.results)
        return f"{results}, at {self.results.current}" if results else last_line(self.log)

    def interrupt(self) -> None:
        """Ask all of it to stop, as ctrl-C would."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)

    def kill(self, deadline: float) -> None:
        """
        Wait until nothing of it runs any more, and kill what does not end by itself.

        :param deadline: when to kill a target that has not ended, on the monotonic clock.
        """
        assert self._process is not None
        while time.monotonic() < deadline and self._process.poll() is None:
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
        """Return its processes, in whatever session they are: all have inherited the file of its events."""
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
