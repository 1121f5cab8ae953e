"""A folder that several workers need is filled by one of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.testing import MakeOnce
from localcloud.testing.shared_folders import fill_once

WORKER = """
import sys, time
from pathlib import Path
from localcloud.testing.shared_folders import fill_once

def fill(folder):
    (folder / "begun").write_text(sys.argv[2])
    time.sleep(0.5)
    (folder / "done").write_text(sys.argv[2])

folder = fill_once(Path(sys.argv[1]), "model", fill)
print((folder / "done").read_text())
"""


def test_one_of_several_processes_fills_it_and_the_others_wait(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    workers = [
        subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True)
        for name in ("one", "two", "three")
    ]

    answers = [worker.communicate(timeout=60)[0].strip() for worker in workers]

    assert len(set(answers)) == 1
    assert answers[0] == (tmp_path / "model" / "begun").read_text()


def test_the_next_one_fills_what_one_that_failed_has_begun(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fill_once(tmp_path, "model", fail)
    assert not (tmp_path / "model").exists()

    folder = fill_once(tmp_path, "model", lambda partial: (partial / "whole").touch())

    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_the_fixture_fills_a_folder_once_in_a_session(make_once: MakeOnce) -> None:
    calls = []

    first = make_once("counted", calls.append)
    second = make_once("counted", calls.append)

    assert first == second
    assert len(calls) == 1
    assert first.is_dir()
