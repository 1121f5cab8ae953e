"""Lanes end as a whole: all of them run, what failed is shown, and an interrupt leaves no process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from dev.lanes.run import Run
from dev.stack.guard import guarded
from localcloud.testing import eventually

REPOSITORY = Path(__file__).resolve().parents[3]
# `apart` starts a process that the terminal's signals do not reach, as the stacks of the tests are
MAKEFILE = f"""
good:
	@{sys.executable} -m pytest -q test_good.py
bad:
	@echo the first line
	@{sys.executable} -m pytest -q test_bad.py
apart:
	@setsid sleep 3601 & exec sleep 3602
"""
GOOD = "def test_one(): pass\ndef test_two(): pass\n"
BAD = "def test_three(): assert 1 == 2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Create a folder with targets to run."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "test_good.py").write_text(GOOD)
    (tmp_path / "test_bad.py").write_text(BAD)
    return tmp_path


def start(folder: Path, *targets: str, before: str = "") -> subprocess.Popen[str]:
    """
    Start lanes.

    :param before: what the shell does that becomes the process.
    """
    return subprocess.Popen(
        ["sh", "-c", f'{before} exec "$@"', "sh", sys.executable, "-m", "dev.lanes", *targets],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_others_finish_when_one_fails_and_its_whole_output_comes_last(folder: Path):
    lanes = start(folder, "bad", "good")
    said, errors = lanes.communicate(timeout=120)

    assert lanes.returncode == 1
    assert errors == "make: failed: bad\n"
    told, _, rest = said.partition("----- bad: the whole output")
    assert "good: passed" in told
    assert "bad: FAILED test_bad.py::test_three" in told
    assert "the first line" in rest
    assert "assert 1 == 2" in rest
    assert "2 of 2 tests (2 passed)" in rest
    assert "test_good.py::test_one" in rest.partition("slowest tests")[2]


def test_the_summary_has_the_processor_time_of_what_a_lane_started(folder: Path):
    (folder / "test_good.py").write_text(
        "import time\ndef test_one():\n    while time.process_time() < 3: pass\n"
    )
    said, _ = start(folder, "good").communicate(timeout=120)

    (cpu,) = re.findall(r"^ +\d+ s +(\d+) s  passed  good", said, re.MULTILINE)
    assert int(cpu) >= 3


def test_all_passed_shows_no_output_of_theirs(folder: Path):
    lanes = start(folder, "good")
    said, errors = lanes.communicate(timeout=120)

    assert (lanes.returncode, errors) == (0, "")
    assert "whole output" not in said


@pytest.mark.parametrize("before", ["", "trap '' INT;"], ids=["foreground", "interrupts ignored"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_every_process_of_every_lane(folder: Path, number: signal.Signals, before: str):
    lanes = start(folder, "apart", "good", before=before)
    eventually(lambda: len(sleepers(folder)) == 2)

    lanes.send_signal(number)
    _, errors = lanes.communicate(timeout=120)

    assert lanes.returncode == 130
    assert errors == "make: interrupted; every process is stopped\n"
    assert sleepers(folder) == []


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("call", ["subprocess.Popen", "os.wait4"])
def test_an_interrupt_while_a_lane_starts_or_ends_stops_them_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], call: str
):
    module, _, name = call.partition(".")
    real = getattr(sys.modules[module], name)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        result = real(*arguments, **options)
        if call == "subprocess.Popen" or result[0]:
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.chdir(folder)
    monkeypatch.setattr(f"dev.lanes.lane.{call}", interrupted)

    assert guarded("make", Run(["apart", "good"], folder=folder / "logs")) == 130
    assert capsys.readouterr().err == "make: interrupted; every process is stopped\n"
    assert sleepers(folder) == []


def sleepers(folder: Path) -> list[psutil.Process]:
    """Return what the target `apart` has started."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        command = process.info["cmdline"] or []
        if process.info["cwd"] == str(folder) and command in (["sleep", "3601"], ["sleep", "3602"]):
            found.append(process)
    return [process for process in found if process.info["status"] != psutil.STATUS_ZOMBIE]
