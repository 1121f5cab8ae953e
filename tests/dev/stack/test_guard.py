"""A command that fails or is interrupted ends with one line, an exit code, and no process left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests
from google.api_core.exceptions import NotFound

from deploy.terminal.progress import Progress
from dev.stack.guard import guarded, stopping
from dev.stack.processes import Processes
from dev.stack.settings import StackSettings
from dev.stack.stack import Stack
from localcloud.config import SettingsError
from localcloud.testing import eventually, free_port
from tests.dev.stack.real_processes import SLEEP, lives, start
from tests.support.repository import REPOSITORY

DEMO = """
import pathlib, sys
from dev.demo.train import run_demo
from dev.stack.guard import guarded

sys.exit(guarded("make demo", lambda: run_demo(pathlib.Path(sys.argv[1]))))
"""


@pytest.mark.parametrize(
    "error",
    [
        SettingsError("no port"),
        PermissionError("not yours"),
        TimeoutError("too late"),
        RuntimeError("went wrong"),
        NotFound("no such job"),
        requests.ConnectionError("refused"),
    ],
)
def test_a_failure_is_told_in_a_line(error: Exception, capsys: pytest.CaptureFixture[str]):
    def fail() -> None:
        raise error

    code = guarded("make demo", fail)

    assert code == 1
    assert capsys.readouterr().err == f"make demo: {error}\n"


@pytest.mark.usefixtures("interruptible")
def test_a_second_interrupt_does_not_stop_the_stopping(tmp_path: Path):
    stack = Stack(StackSettings(root=tmp_path), Progress(total=1))

    def work() -> None:
        with stopping(stack):
            start(stack.processes, "sleep", SLEEP)
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)

    code = guarded("make demo", work)

    assert code == 130
    assert stack.processes.members() == []


def test_a_stack_that_is_to_be_kept_is_stopped_only_after_a_failure(tmp_path: Path):
    stack = Stack(StackSettings(root=tmp_path), Progress(total=1))

    def work(fails: bool) -> None:
        with stopping(stack, keep=True):
            start(stack.processes, "sleep", SLEEP)
            if fails:
                raise RuntimeError("went wrong")

    try:
        assert guarded("make up", lambda: work(fails=False)) == 0
        assert len(stack.processes.members()) == 1
        assert guarded("make up", lambda: work(fails=True)) == 1
        assert stack.processes.members() == []
    finally:
        stack.stop()


@pytest.mark.parametrize(
    # Airflow imports, and Airflow's processes fork
    ("number", "begun"),
    [(signal.SIGINT, "airflow"), (signal.SIGTERM, "api-server")],
)
def test_a_demo_that_is_interrupted_while_it_starts_leaves_no_process(
    tmp_path: Path, number: signal.Signals, begun: str
):
    root = tmp_path / "demo"
    environment = os.environ | {"WINE_AIRFLOW_PORT": str(free_port()), "LOCALCLOUD_PORT": str(free_port())}
    demo = subprocess.Popen(
        [sys.executable, "-c", DEMO, str(root)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    started: set[psutil.Process] = set()

    def has_started() -> bool:
        started.update(Processes(root).members())
        return (root / "logs" / f"{begun}.log").exists()

    try:
        eventually(has_started)
    finally:
        demo.send_signal(number)
    time.sleep(0.2)
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=240)

    assert demo.returncode == 130
    assert errors.splitlines()[-1] == "make demo: interrupted; every process is stopped"
    assert started
    assert not any(lives(process) for process in started)
    assert not processes_of(root)


def processes_of(root: Path) -> list[psutil.Process]:
    """Return the processes whose environment points into a stack's folder."""
    found = psutil.process_iter(["environ"])
    state = str(root / "cloud")
    return [process for process in found if (process.info["environ"] or {}).get("LOCALCLOUD_STATE") == state]
