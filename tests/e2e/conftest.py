"""One real stack for all modules: localcloud, Airflow, the compiled pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.demo import Demo
from dev.settings import StackSettings
from tests.conftest import free_port
from tests.demo_stack import running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give the one stack of this suite."""
    settings = StackSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    with running_demo(settings) as demo:
        yield demo
