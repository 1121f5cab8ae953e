"""Fixtures of all tests: a running localcloud, and the pipeline environment if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.config import Settings
from localcloud.testing import Cloud

TASK_MODULES = Path(__file__).parent / "vertex" / "pipelines" / "modules"


@pytest.fixture(scope="session")
def make_localcloud(make_localcloud: Callable[..., Cloud]) -> Callable[..., Cloud]:
    """Return a function that makes a localcloud whose tasks can import the modules of these tests."""

    def make(**fields: Any) -> Cloud:
        made = make_localcloud(**fields)
        made.variables["PYTHONPATH"] = str(TASK_MODULES)
        return made

    return make


@pytest.fixture(scope="session")
def cloud(localcloud: Cloud) -> Cloud:
    """Return the session's localcloud; from its first use on, the clients of this process use it."""
    return localcloud


@pytest.fixture(scope="session")
def pipeline_python() -> Path:
    """Return the interpreter of the pipeline environment."""
    python = Settings.from_environment().pipeline_python
    if python is None or not os.access(python, os.X_OK):
        pytest.skip(f"LOCALCLOUD_PIPELINE_PYTHON names no environment with TFX: {python}")
    return python


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with a state folder of their own, for parts that need no running localcloud."""
    return Settings(state=tmp_path / "state")
