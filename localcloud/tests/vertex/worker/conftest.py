"""A pool over the real pipeline environment, and modules for it to run."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.vertex.worker.processes import MODULES

from localcloud.config import Settings
from localcloud.vertex.worker.pool import WorkerPool


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
