"""One stack for all cases, whose first run has trained, deployed and monitored a model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from dev.faults_stack import DAG_ID, WINE, FaultSettings, Pipelines, copy_dags
from dev.progress import Progress
from dev.publish import publish_pipeline
from dev.stack import Stack
from dev.vertex_state import VertexState
from dev.wine_data import bigquery_client, load_wine
from tests.conftest import free_port
from tests.faults.bench import Bench, Run


@dataclass
class Row:
    """One line of the table, filled in while the case goes on."""

    case: str
    jobs: str = "?"
    recovered: str = "not"
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


_TABLE = pytest.StashKey[list[Row]]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> list[Row]:
    """What is printed at the end."""
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


def _bench(stack: Stack, settings: FaultSettings) -> Bench:
    load_wine(settings, WINE)
    publish_pipeline(settings, stack.progress, WINE)
    vertex = VertexState(settings)
    stack.airflow.unpause(DAG_ID)
    rows = bigquery_client(settings).get_table(settings.table(WINE)).num_rows
    gate = settings.root / "gate"
    bench = Bench(stack, vertex, Pipelines({}, {}), gate, int(rows or 0))
    run = Run(bench, stack.airflow.trigger(DAG_ID))
    assert run.await_end() == "success", run.states()
    bench.pipelines = Pipelines.of(settings, vertex.pipeline_job(run.xcom("train")["name"]), gate)
    bench.endpoint = run.xcom("deploy")["endpoint"]
    bench.monitoring_job = run.xcom("monitor")["name"]
    return bench


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
