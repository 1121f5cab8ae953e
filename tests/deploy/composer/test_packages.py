"""The environment's packages are those of requirements.txt, and are updated only if they differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import deployment
from deploy.composer.environment import describe
from deploy.deployment import Deployment
from deploy.environments import read_environment
from deploy.terminal.shell import Shell
from tests.deploy.checkouts import Recorder


@pytest.fixture
def requirements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a requirements file that lists nothing."""
    path = tmp_path / "requirements.txt"
    path.write_text("# none\n")
    monkeypatch.setattr(deployment, "REQUIREMENTS_FILE", path)
    return path


def install(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Install the file's packages into the recorder's environment; return the flags of the updates."""
    monkeypatch.setenv("RECORDER", str(recorder.folder))
    monkeypatch.setenv("PATH", str(recorder.folder / "bin"))
    environment, shell = read_environment("dev"), Shell(dry_run=False)
    recorder.forget()
    Deployment("dev", environment, shell).install_packages(describe(environment, shell))
    return [call[-1] for call in recorder.calls if call[3] == "update"]


def test_a_package_is_added_once_replaced_and_taken_away(
    requirements: Path, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_file = f"--update-pypi-packages-from-file={requirements}"
    flags = []
    for text in ("# none\n", "humanize==4.13.0\n", "Humanize==4.13.0\n", "arrow==1.3.0\n", "# none\n", ""):
        requirements.write_text(text)
        flags.append(install(recorder, monkeypatch))

    assert flags == [[], [from_file], [], [from_file], ["--clear-pypi-packages"], []]
