"""The table that the fault suite prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from dev.demo.publish import publish_pipeline
from dev.demo.wine_data import bigquery_client, load_wine
from dev.faults.stack import DAG_ID, WINE, FaultSettings, Pipelines
from dev.stack.stack import Stack
from dev.stack.vertex_state import VertexState
from tests.faults.bench import Bench


@dataclass
class Row:
    """One line of the table, filled in while the case goes on."""

    case: str
    jobs: str = "?"
    recovered: str = "not"
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def _bench(stack: Stack, settings: FaultSettings) -> Bench:
    load_wine(settings, WINE)
    publish_pipeline(settings, stack.progress, WINE)
    vertex = VertexState(settings)
    stack.airflow.unpause(DAG_ID)
    rows = bigquery_client(settings).get_table(settings.table(WINE)).num_rows
    gate = settings.root / "gate"
    bench = Bench(stack, vertex, Pipelines({}, {}), gate, int(rows or 0))
    run = bench.trigger()
    state, states = run.wait_for_end()
    assert state == "success", states
    bench.pipelines = Pipelines.of(settings, vertex.pipeline_job(run.xcom("train")["name"]), gate)
    bench.endpoint = run.xcom("deploy")["endpoint"]
    bench.monitoring_job = run.xcom("monitor")["name"]
    return bench
