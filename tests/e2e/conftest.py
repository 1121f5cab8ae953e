"""One real stack for all modules: localcloud, Airflow, the compiled pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dev.configured import ConfiguredSettings
from dev.demo import Demo
from tests.conftest import free_port
from tests.demo_stack import running_demo
from tests.e2e.drift_wines import add_wine, configure
from tests.e2e.gate_wine import GATE_WINE


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give the one stack of this suite."""
    settings = ConfiguredSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    settings.write_dags(_add_wines)
    with running_demo(settings) as demo:
        yield demo


def _add_wines(content: dict[str, Any]) -> None:
    configure(content)
    add_wine(content, GATE_WINE)
