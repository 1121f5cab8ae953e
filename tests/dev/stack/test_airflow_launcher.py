"""A component is forked and written down, or neither; and nobody but its end frees its entry."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from dev.stack.airflow_launcher import AIRFLOW_COMPONENTS
from dev.stack.processes import Processes
from localcloud.testing import eventually
from tests.dev.stack.real_processes import lives

REPOSITORY = Path(__file__).resolve().parents[3]

# The real launcher, whose components say who they are and sleep where Airflow would work.
LAUNCH = """
import os, sys, time
from pathlib import Path
from types import SimpleNamespace
from dev.stack import airflow_launcher
from dev.stack.processes import Processes


def main():
    print(sys.argv[1:], os.getsid(0) == os.getpid(), flush=True)
    time.sleep(60)


def interrupted(self, name, pid):
    raise KeyboardInterrupt


sys.modules["airflow"] = SimpleNamespace(__path__=[])
sys.modules["airflow.__main__"] = SimpleNamespace(main=main)
sys.modules["airflow.configuration"] = SimpleNamespace(write_default_airflow_configuration_if_needed=print)
for name in ("airflow.settings", *airflow_launcher.SHARED_BY_THE_OTHERS, airflow_launcher.PRELOADED.stem):
    sys.modules[name] = SimpleNamespace()
if sys.argv[2] == "interrupted":
    Processes.add = interrupted
airflow_launcher.launch(Path(sys.argv[1]))
"""


@pytest.fixture
def processes(tmp_path: Path):
    found = Processes(tmp_path)
    yield found
    found.stop()


def launch(tmp_path: Path, how: str) -> subprocess.Popen[str]:
    (tmp_path / "logs").mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCH, str(tmp_path), how],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_every_component_runs_with_its_own_arguments_log_and_session(processes: Processes, tmp_path: Path):
    with launch(tmp_path, "whole") as launcher:
        logs = {name: processes.logs / f"{name}.log" for name in AIRFLOW_COMPONENTS}
        eventually(lambda: all(log.exists() and "True" in log.read_text() for log in logs.values()))
        for name, log in logs.items():
            assert f"{AIRFLOW_COMPONENTS[name][1:]} True" in log.read_text()
        running = processes.running()
        assert running.keys() == AIRFLOW_COMPONENTS.keys()

        # it stays until its children have ended, and has waited for them
        launcher.terminate()
        assert processes.stop() == len(AIRFLOW_COMPONENTS)
        assert launcher.wait(timeout=120) == 0
    assert not any(lives(process) for process in running.values())


def test_a_component_that_could_not_be_written_down_never_begins(tmp_path: Path):
    with launch(tmp_path, "interrupted") as launcher:
        _, errors = launcher.communicate(timeout=120)

    assert "KeyboardInterrupt" in errors
    eventually(lambda: not of_session(launcher.pid))
    assert list((tmp_path / "logs").iterdir()) == []


def of_session(pid: int) -> list[psutil.Process]:
    """Return the launcher's processes that still run, in its session or out of it."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if LAUNCH in (process.info["cmdline"] or []) and lives(process) and process.pid != pid
    ]
