"""An environment that has Airflow, the Google provider and the wheel, and nothing else of this repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.plugins.wheel.wheel_environment import DISTRIBUTION, OUTSIDE, Run, _uv
from tests.support.airflow_environment import REPOSITORY

ENVIRONMENT = REPOSITORY / ".tools" / "wheel"
LOCK = REPOSITORY / "deploy" / "composer" / "airflow-requirements.txt"
INSTALL_SECONDS = 1200
RUN_SECONDS = 200


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    _uv("build", "--quiet", "--wheel", "--out-dir", folder, "plugins")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path) -> Path:
    """Install the wheel next to the locked Airflow and Google provider, which must be all that it needs."""
    subprocess.run(
        [REPOSITORY / "dev" / "install" / "wheel-environment.sh"],
        env=OUTSIDE,
        check=True,
        timeout=INSTALL_SECONDS,
    )
    python = ENVIRONMENT / "bin" / "python"
    # not from a registry: whatever it needs must be there
    _uv(
        "pip",
        "install",
        "--quiet",
        "--offline",
        "--python",
        python,
        "--reinstall-package",
        DISTRIBUTION,
        wheel,
    )
    _uv("pip", "check", "--quiet", "--python", python)
    return ENVIRONMENT


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the home of an Airflow with an empty plugins folder."""
    return tmp_path_factory.mktemp("airflow")


@pytest.fixture(scope="session")
def run(installed: Path, home: Path) -> Run:
    """Run a program of the environment to its end and return what it printed."""

    def call(*command: str, **variables: str) -> str:
        done = subprocess.run(
            [installed / "bin" / command[0], *command[1:]],
            cwd=home,
            env={
                "PATH": os.defpath,
                "HOME": str(home),
                "AIRFLOW_HOME": str(home),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
                "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
                "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
            }
            | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    return call
