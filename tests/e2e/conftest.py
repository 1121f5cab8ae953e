"""One real stack for all modules: localcloud, Airflow, the compiled pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from dev.demo import WINE, Demo
from dev.publish import publish_pipeline
from dev.settings import StackSettings
from dev.wine_data import load_wine
from tests.conftest import free_port


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Start the stack, load the white wines, publish the pipeline; stop every process at the end."""
    settings = StackSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    outside = dict(os.environ)
    settings.activate()
    demo = Demo(settings)
    try:
        demo.stack.start()
        load_wine(settings, WINE)
        publish_pipeline(settings, demo.progress, WINE)
        yield demo
    finally:
        demo.stack.stop()
        os.environ.clear()
        os.environ.update(outside)
