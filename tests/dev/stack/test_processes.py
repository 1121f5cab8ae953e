"""Processes of a stack are found again and stopped, and nobody else's are touched."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dev.stack.processes import ProcessEndedError, Processes
from localcloud.testing import eventually
from tests.dev.stack.real_processes import SLEEP, lives, start

PARENT_OF_SLEEP = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)",
]
PARENT_OF_SESSION = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; "
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True); "
    "time.sleep(60)",
]


@pytest.fixture
def processes(tmp_path: Path):
    found = Processes(tmp_path)
    yield found
    found.stop()


def wait_for_members(processes: Processes, count: int) -> list[psutil.Process]:
    eventually(lambda: len(processes.members()) >= count)
    return processes.members()


def test_a_later_call_finds_and_stops_what_a_killed_one_started(processes: Processes, tmp_path: Path):
    start(processes, "parent", PARENT_OF_SLEEP)
    members = wait_for_members(processes, 2)

    later = Processes(tmp_path)
    stopped = later.stop()

    assert stopped == 2
    assert not any(lives(process) for process in members)


def test_a_child_whose_parent_was_killed_is_stopped_too(processes: Processes):
    start(processes, "parent", PARENT_OF_SLEEP)
    members = wait_for_members(processes, 2)
    processes.running()["parent"].kill()
    members[0].wait(timeout=60)

    processes.stop()

    assert not any(lives(process) for process in members)


def test_a_descendant_in_a_session_of_its_own_is_counted_and_stopped(processes: Processes):
    start(processes, "parent", PARENT_OF_SESSION)
    members = wait_for_members(processes, 2)

    stopped = processes.stop()

    assert stopped == 2
    assert not any(lives(process) for process in members)


def test_a_process_that_has_ended_keeps_its_name(processes: Processes):
    start(processes, "short", [sys.executable, "-c", "print('wrong')"])

    eventually(lambda: not processes.running())

    assert processes.names() == {"short"}
    with pytest.raises(ProcessEndedError, match=r"(?s)short ended.*wrong"):
        processes.check("short")


def test_a_process_that_took_over_a_recorded_pid_is_left_alone(processes: Processes, tmp_path: Path):
    stranger = subprocess.Popen(SLEEP, start_new_session=True)
    try:
        record = {"localcloud": {"pid": stranger.pid, "created": time.time() - 3600}}
        (tmp_path / "processes.json").write_text(json.dumps(record))

        stopped = processes.stop()

        assert stopped == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ended_by_itself_is_reported_with_its_last_words(processes: Processes):
    start(processes, "broken", [sys.executable, "-c", "raise SystemExit('no room left')"])
    psutil.Process(json.loads(processes.record.read_text())["broken"]["pid"]).wait(timeout=60)

    with pytest.raises(ProcessEndedError, match=r"broken ended(.|\n)*no room left"):
        processes.check("broken")


def test_a_damaged_record_means_nothing_runs(processes: Processes):
    processes.record.write_text("{")

    assert processes.running() == {}


def test_what_a_killed_process_leaves_behind_is_stopped_although_another_has_its_name(
    processes: Processes,
):
    start(processes, "parent", PARENT_OF_SLEEP)
    members = wait_for_members(processes, 2)
    processes.kill("parent")
    with pytest.raises(ProcessEndedError):
        processes.check("parent")

    processes.forget("parent")
    start(processes, "parent", SLEEP)
    stopped = processes.stop()

    assert stopped == 2
    assert not any(lives(process) for process in members)
