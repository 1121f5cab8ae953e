"""Run lanes in parallel, print their progress, and show failures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from deploy.terminal.signals import deferred_interrupts, ignore_interrupts
from dev.lanes.durations import Durations, file_of, read_durations, seconds_by_file
from dev.lanes.lane import STOP_SECONDS, Lane

LOGS = Path(".local/lanes")
POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 30
SLOWEST = 10
# a suite that starts a stack waits as much as it computes
LANES_BEYOND_CORES = 1


class LanesFailedError(RuntimeError):
    """A lane has failed; its output has been shown."""


class Run:
    """
    One run of several lanes; the longest start first.

    :param targets: targets of the Makefile.
    :param at_once: how many run at the same time; by default one more than there are cores.
    :param folder: gets the logs.
    :param say: called with each line for the terminal.
    """

    def __init__(
        self,
        targets: Iterable[str],
        at_once: int | None = None,
        folder: Path = LOGS,
        say: Callable[[str], None] = lambda line: print(line, flush=True),
    ) -> None:
        known = read_durations()["lanes"]
        # a lane that was not measured may take long
        self._waiting = sorted(targets, key=lambda target: -known.get(target, float("inf")))
        self._at_once = at_once or (os.cpu_count() or 1) + LANES_BEYOND_CORES
        self._folder = folder
        self._say = say
        self._started = time.monotonic()
        self._running: list[Lane] = []
        self._ended: list[tuple[Lane, int]] = []

    def __call__(self) -> None:
        """
        Run every lane to its end, even after one has failed.

        :raises LanesFailedError: at least one has failed.
        :raises KeyboardInterrupt: everything is stopped.
        """
        try:
            self._run_all()
        except BaseException:
            ignore_interrupts()
            self._stop()
            raise
        failed = [lane for lane, code in self._ended if code]
        for lane in failed:
            self._say(f"\n----- {lane.target}: the whole output ({lane.log}) -----")
            self._say(lane.log.read_text(errors="replace"))
        for line in self._summary():
            self._say(line)
        if failed:
            raise LanesFailedError(f"failed: {', '.join(lane.target for lane in failed)}")

    def measured(self) -> Durations:
        """Return the seconds of all lanes and tests that have run."""
        lanes = [lane for lane, _ in self._ended]
        tests = _merged(lane.results.seconds for lane in lanes)
        return {
            "lanes": {lane.target: lane.seconds for lane in lanes},
            "files": seconds_by_file(tests),
            "fixtures": _merged(lane.results.fixtures for lane in lanes),
            "tests": _merged(lane.results.calls for lane in lanes),
        }

    def ran(self) -> set[str]:
        """Return the test files that have run."""
        return {file_of(test) for lane, _ in self._ended for test in lane.results.seconds}

    def _run_all(self) -> None:
        said = time.monotonic()
        while self._waiting or self._running:
            while self._waiting and len(self._running) < self._at_once:
                lane = Lane(self._waiting.pop(0), self._folder)
                # an interrupt in between would leave a process that nobody stops
                with deferred_interrupts():
                    lane.start()
                    self._running.append(lane)
                self._tell(lane, f"begins, {lane.log}")
            for lane in list(self._running):
                self._look_at(lane)
            if time.monotonic() - said >= HEARTBEAT_SECONDS:
                said = time.monotonic()
                for lane in self._running:
                    self._tell(lane, lane.state())
            time.sleep(POLL_SECONDS)

    def _look_at(self, lane: Lane) -> None:
        code = lane.poll()
        for failed in lane.results.update():
            self._tell(lane, f"FAILED {failed}")
        if code is not None:
            self._running.remove(lane)
            self._ended.append((lane, code))
            self._tell(lane, f"{'FAILED' if code else 'passed'} in {lane.seconds:.0f} s {lane.results}")

    def _tell(self, lane: Lane, text: str) -> None:
        self._say(f"{time.monotonic() - self._started:6.0f} s  {lane.target}: {text}")

    def _stop(self) -> None:
        self._say("stopping every lane")
        for lane in self._running:
            lane.interrupt()
        deadline = time.monotonic() + STOP_SECONDS
        for lane in self._running:
            lane.kill(deadline)

    def _summary(self) -> Iterable[str]:
        tests = _merged(lane.results.seconds for lane, _ in self._ended)
        if tests:
            yield f"\nThe {SLOWEST} slowest tests, with set-up and teardown:"
            for test in sorted(tests, key=lambda test: -tests[test])[:SLOWEST]:
                yield f"{tests[test]:6.1f} s  {test}"
        yield "\nLanes, with the processor seconds of the processes that they waited for:"
        for lane, code in self._ended:
            yield (
                f"{lane.seconds:6.0f} s {lane.cpu_seconds:6.0f} s"
                f"  {'FAILED' if code else 'passed'}  {lane.target}  {lane.results}"
            ).rstrip()


def _merged(parts: Iterable[dict[str, float]]) -> dict[str, float]:
    return {name: seconds for part in parts for name, seconds in part.items()}
