"""`make setup` installs once, resumes what was interrupted, and leaves no installer behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from localcloud.testing import eventually

REPOSITORY = Path(__file__).resolve().parents[3]
ENVIRONMENTS = (".venv", "pipeline/.venv")

# Writes down its calls; makes an environment of links; takes its time over a sync while `slow` exists,
# and fails in one while `broken` does.
UV = """#!/bin/sh
echo "$*" >>"$STUB/calls"
case "$1 $2" in
"--version ") echo "uv $(cat "$(dirname "$0")/version")" ;;
venv*)
  for venv in "$@"; do :; done
  rm -rf "$venv"; mkdir -p "$venv/bin"; ln -s "$STUB/python3.11" "$venv/bin/python" ;;
"pip sync")
  [ ! -e "$STUB/slow" ] || sleep 60
  [ ! -e "$STUB/broken" ] ;;
esac
"""


class Clone:
    """
    A clone that holds what setup reads, with a stub of uv first on the PATH.

    :param folder: where it is.
    :param stub: folder of the stub.
    """

    def __init__(self, folder: Path, stub: Path) -> None:
        self.folder = folder
        self.stub = stub
        self.environment = {"PATH": f"{stub}:/usr/bin:/bin", "STUB": str(stub)}

    def setup(self) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            ["dev/install/setup.sh"],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self, word: str) -> list[str]:
        """Return the calls of uv so far that hold a word."""
        path = self.stub / "calls"
        return [call for call in path.read_text().splitlines() if word in call] if path.exists() else []


def install_stub(folder: Path, version: str) -> None:
    """Write a stub of uv into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "version").write_text(version)
    (folder / "uv").write_text(UV)
    (folder / "uv").chmod(0o755)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder, stub = tmp_path / "clone", tmp_path / "stub"
    for name in ("dev/install/setup.sh", "dev/install/uv.sh"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    for project in ("localcloud", "pipeline"):
        (folder / project).mkdir()
        (folder / project / "pyproject.toml").touch()
    locks = ("requirements.txt", "requirements-glibc-below-2.39.txt", "requirements-dev.txt")
    for lock in ("requirements.txt", *(f"pipeline/{name}" for name in locks)):
        (folder / lock).write_text(f"{lock}\n")
    install_stub(stub, version="99.0.0")
    (stub / "python3.11").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (stub / "python3.11").chmod(0o755)
    return Clone(folder, stub)


def test_the_second_call_does_and_says_nothing(clone: Clone):
    first = clone.setup()
    installed = clone.calls("")
    second = clone.setup()

    assert first.returncode == second.returncode == 0, first.stderr
    assert all((clone.folder / name / ".lock-checksum").exists() for name in ENVIRONMENTS)
    assert len(clone.calls("sync")) == len(ENVIRONMENTS)
    assert [call.split()[-1] for call in clone.calls("--editable")] == ["localcloud", "pipeline"]
    assert second.stdout == second.stderr == ""
    assert clone.calls("")[len(installed) :] == ["--version"]


def test_an_installation_that_failed_half_way_is_resumed(clone: Clone):
    (clone.stub / "broken").touch()
    failed = clone.setup()
    (clone.stub / "broken").unlink()
    resumed = clone.setup()

    assert failed.returncode == 1
    assert failed.stderr == (
        "setup.sh: Airflow and localcloud: the installation stopped; call make again to resume it\n"
    )
    assert resumed.returncode == 0
    # what was there already is kept
    assert len(clone.calls("venv --quiet --clear")) == len(ENVIRONMENTS)


def test_a_changed_lock_file_is_synced_into_the_environment_that_is_there(clone: Clone):
    clone.setup()
    (clone.folder / "requirements.txt").write_text("another\n")
    clone.setup()

    assert len(clone.calls("venv --quiet --clear")) == len(ENVIRONMENTS)
    assert [call.split()[-1] for call in clone.calls("sync")].count("requirements.txt") == 2


def test_a_moved_clone_is_made_anew_since_its_scripts_hold_absolute_paths(clone: Clone, tmp_path: Path):
    clone.setup()
    moved = Clone(clone.folder.rename(tmp_path / "moved"), clone.stub)
    done = moved.setup()

    assert done.returncode == 0
    assert len(moved.calls("venv --quiet --clear")) == 2 * len(ENVIRONMENTS)
    assert (moved.folder / ".venv/.made-in").read_text().strip() == str(moved.folder)


# Unlike the commands in Python, a shell cannot trap what its parent ignores.
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_installer_and_frees_the_lock(clone: Clone, number: signal.Signals):
    (clone.stub / "slow").touch()
    setup = subprocess.Popen(
        ["dev/install/setup.sh"], cwd=clone.folder, env=clone.environment, stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: processes_of(clone))

    setup.send_signal(number)
    _, errors = setup.communicate(timeout=120)

    assert setup.returncode == 130
    assert errors == "setup: interrupted; call make again to resume\n"
    assert processes_of(clone) == []
    (clone.stub / "slow").unlink()
    assert clone.setup().returncode == 0


def test_an_old_uv_on_the_path_is_passed_over_for_the_projects_own(clone: Clone):
    install_stub(clone.stub, version="0.1.0")
    own = clone.folder / ".tools/uv/bin"
    install_stub(own, version="99.0.0")

    done = clone.setup()

    assert done.returncode == 0, done.stderr
    assert "installing it" not in done.stdout
    assert len(clone.calls("sync")) == len(ENVIRONMENTS)


def processes_of(clone: Clone) -> list[psutil.Process]:
    """Return the installers of a clone: uv and whatever it has started."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        environ = process.info["environ"] or {}
        command = process.info["cmdline"] or []
        if environ.get("STUB") == str(clone.stub) and ("sync" in command or "60" in command):
            found.append(process)
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]
