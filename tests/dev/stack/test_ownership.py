"""One call at a time uses a stack; what a killed one left is cleared, what somebody uses is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dev.stack.ownership import BusyError, clear_killed, fresh, owned, stop_all
from dev.stack.processes import Processes
from localcloud.testing import eventually
from tests.dev.stack.real_processes import SLEEP, lives, start

# What a make target does: owns its stack, starts a process in it, stops it when it is interrupted.
CALL = """
import os, pathlib, sys, time
from dev.stack.ownership import owned
from dev.stack.processes import Processes
from deploy.terminal.signals import interrupt_once

root = pathlib.Path(sys.argv[1])
interrupt_once()
with owned(root):
    processes = Processes(root)
    try:
        processes.start("sleep", ["sleep", "60"], environment=dict(os.environ), directory=root.parent)
        time.sleep(60)
    except KeyboardInterrupt:
        processes.stop()
"""


class Call:
    """
    A call of a make target in a process of its own, which has started a process.

    :param root: folder of its stack.
    """

    def __init__(self, root: Path) -> None:
        self.processes = Processes(root)
        self.process = subprocess.Popen([sys.executable, "-c", CALL, str(root)])
        eventually(lambda: len(self.processes.members()) == 1)
        self.started = self.processes.members()

    def kill(self) -> None:
        """Kill it without a chance to stop what it started."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Call]:
    """Return a live call of make demo."""
    call = Call(tmp_path / "demo")
    yield call
    call.kill()
    call.processes.stop()


@pytest.fixture
def said() -> list[str]:
    """Collect the lines that a person is told."""
    return []


def test_a_second_call_is_refused_in_a_line_and_the_first_goes_on(demo: Call, said: list[str]):
    root = demo.processes.record.parent

    with pytest.raises(BusyError, match=rf"`make demo` is already running \(process {demo.process.pid}\)"):
        fresh(root, said.append).__enter__()

    assert all(lives(process) for process in demo.started)
    assert root.exists()
    assert said == []


def test_the_next_call_starts_afresh_after_a_killed_one(demo: Call, said: list[str]):
    root = demo.processes.record.parent
    demo.kill()

    with fresh(root, said.append):
        assert not any(lives(process) for process in demo.started)
        assert not root.exists()

    assert said == ["stopped 1 processes left by an earlier `make demo`"]


def test_a_call_clears_what_a_killed_one_left_of_another_stack(demo: Call, tmp_path: Path, said: list[str]):
    demo.kill()

    with fresh(tmp_path / "bench", said.append):
        assert not any(lives(process) for process in demo.started)

    assert said == ["stopped 1 processes left by an earlier `make demo`"]


def test_a_live_call_of_another_stack_is_left_alone(demo: Call, tmp_path: Path, said: list[str]):
    clear_killed(tmp_path, said.append)

    assert all(lives(process) for process in demo.started)
    assert said == []


def test_what_was_left_running_on_purpose_is_left_alone_by_others_and_stopped_by_down(
    tmp_path: Path, said: list[str]
):
    processes = Processes(tmp_path / "up")
    with owned(tmp_path / "up"):
        start(processes, "sleep", SLEEP)

    clear_killed(tmp_path, said.append)
    assert len(processes.members()) == 1
    assert said == []

    stop_all(tmp_path, said.append)
    assert processes.members() == []
    assert said == ["Stopped 1 processes of `make up`."]


def test_down_ends_a_live_call_and_what_it_started(demo: Call, tmp_path: Path, said: list[str]):
    stop_all(tmp_path, said.append)

    assert demo.process.wait(timeout=60) == 0
    assert not any(lives(process) for process in demo.started)
    assert said == [
        f"`make demo` runs (process {demo.process.pid}): stopping it",
        "Stopped 1 processes of `make demo`.",
    ]


def test_down_says_when_nothing_runs(tmp_path: Path, said: list[str]):
    stop_all(tmp_path, said.append)

    assert said == ["Nothing runs."]


def test_a_stale_name_in_a_lock_file_signals_nobody(demo: Call, tmp_path: Path, said: list[str]):
    demo.kill()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "demo.lock").write_text(str(stranger.pid))

        stop_all(tmp_path, said.append)

        assert psutil.Process(stranger.pid).status() != psutil.STATUS_ZOMBIE
    finally:
        stranger.kill()
        stranger.wait()
