"""One real stack for all modules: localcloud, Airflow, the compiled pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.configured import ConfiguredSettings
from dev.demo import Demo
from tests.conftest import free_port
from tests.demo_stack import running_demo
from tests.e2e.drift_wines import configure


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give the one stack of this suite."""
    settings = ConfiguredSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    settings.write_dags(configure)
    with running_demo(settings) as demo:
        yield demo
