"""A pool over the real pipeline environment, and modules for it to run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from localcloud.config import Settings
from localcloud.vertex.worker.pool import WorkerPool

MODULES = Path(__file__).with_name("modules")


@pytest.fixture(scope="session")
def pipeline_python() -> Path:
    """Return the interpreter of the pipeline environment."""
    python = Settings.from_environment().pipeline_python
    if not os.access(python, os.X_OK):
        pytest.skip(f"the pipeline environment is not installed: no {python}")
    return python


@pytest.fixture
def own_modules(tmp_path: Path) -> Path:
    """Return a folder where a test may put modules of its own."""
    folder = tmp_path / "modules"
    folder.mkdir()
    return folder


@pytest.fixture
def pool(pipeline_python: Path, own_modules: Path, tmp_path: Path) -> Iterator[WorkerPool]:
    """Return a pool whose tasks can import the modules of these tests."""
    settings = Settings(state=tmp_path / "state", pipeline_python=pipeline_python)
    pool = WorkerPool(settings, {"PYTHONPATH": f"{MODULES}:{own_modules}"})
    pool.start()
    yield pool
    pool.stop()


@pytest.fixture(scope="session")
def saved_model(pipeline_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small SavedModel."""
    folder = tmp_path_factory.mktemp("saved_model")
    subprocess.run([pipeline_python, MODULES / "save_model.py", folder], check=True, capture_output=True)
    return folder


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait until a condition holds; tell whether it came to hold."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def runs(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
