"""One stack for all cases, whose first run has trained, deployed and monitored a model."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from deploy.terminal.progress import Progress
from dev.faults.stack import FaultSettings, copy_dags
from dev.stack.stack import Stack
from localcloud.testing import free_port
from tests.faults.bench import Bench
from tests.faults.fault_table import Row, _bench

_TABLE = pytest.StashKey[list[Row]]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> list[Row]:
    """Return what is printed at the end."""
    return request.config.stash.setdefault(_TABLE, [])


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Start the stack and run the DAG once with the full pipeline; stop every process at the end."""
    settings = FaultSettings(
        root=tmp_path_factory.mktemp("faults"), airflow_port=free_port(), cloud_port=free_port()
    )
    copy_dags(settings.dags)
    outside = dict(os.environ)
    settings.activate()
    stack = Stack(settings, Progress(total=1))
    try:
        stack.start()
        yield _bench(stack, settings)
    finally:
        stack.stop()
        os.environ.clear()
        os.environ.update(outside)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    rows = config.stash.get(_TABLE, [])
    if not rows:
        return
    terminalreporter.section("faults")
    terminalreporter.line(f"{'case':<30}{'jobs made':>9}  {'recovered':<30}{'seconds':>7}")
    for row in rows:
        terminalreporter.line(f"{row.case:<30}{row.jobs:>9}  {row.recovered:<30}{row.seconds:>7.0f}")
        for broken in row.broken:
            terminalreporter.line(f"    broken: {broken}")
