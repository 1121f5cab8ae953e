"""The browser of the UI tests: what a person is told where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.install.browser import HOW_TO_INSTALL


def _look_for_a_browser(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dev.install.browser"],
        env=os.environ | {"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_browser_and_a_way_to_install_it_one_line_names_the_package(tmp_path: Path):
    done = _look_for_a_browser(tmp_path)

    assert done.returncode == 1
    assert done.stderr == f"make test-ui: Chromium is not installed: {HOW_TO_INSTALL}\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may install packages")
def test_an_installation_that_fails_says_why_in_one_line(tmp_path: Path):
    # breaking the machine's real package lists is not an option
    apt = tmp_path / "apt-get"
    apt.write_text('#!/bin/sh\necho "E: Could not resolve host" >&2\nexit 100\n')
    apt.chmod(0o755)

    done = _look_for_a_browser(tmp_path)

    assert done.returncode == 1
    why = "apt-get update failed (E: Could not resolve host)"
    assert done.stderr == f"make test-ui: {why}: {HOW_TO_INSTALL}\n"


def test_an_installed_browser_is_found_by_its_path(tmp_path: Path):
    chromium = tmp_path / "chromium"
    chromium.write_text("#!/bin/sh\n")
    chromium.chmod(0o755)

    done = _look_for_a_browser(tmp_path)

    assert (done.returncode, done.stdout) == (0, f"Browser: {chromium}\n")
