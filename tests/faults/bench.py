"""The stack that cases run on, and what a case does to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import aiplatform_v1

from dev.demo.wine_data import append_vintage
from dev.faults.stack import DAG_ID, WINE, FaultSettings, Pipelines, publish
from dev.stack.airflow_api import AirflowApiError
from dev.stack.stack import COMMANDS, LOCALCLOUD, Stack
from dev.stack.vertex_state import VertexState
from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import eventually
from tests.support.dag_runs import DagRun

NEW_ROWS = 20
# as many as the third run of the demo learns from besides
NEW_ROWS_OF_FULL = 400
WAIT_SECONDS = 600
# while a part of the stack is dead
IGNORED = (AirflowApiError, GoogleAPICallError)
PIPELINE_RUNS = "PIPELINE_STATE_RUNNING"


def wait(read: Callable[[], Any], condition: Callable[[Any], bool]) -> Any:
    """Wait until a condition holds."""
    return eventually(read, condition, WAIT_SECONDS, ignored=IGNORED)


@dataclass(frozen=True)
class Champion:
    """
    What serves, and what the registry says of it.

    :param model_version: resource name of the version with the alias ``champion``.
    :param previous: of the one with the alias ``previous``, if there is one.
    :param deployed_model_id: what has all traffic.
    :param versions: resource names of all versions that there are.
    """

    model_version: str
    previous: str | None
    deployed_model_id: str
    versions: frozenset[str]


@dataclass
class Bench:
    """
    A running stack whose endpoint serves and is monitored.

    :param stack: of Airflow and localcloud.
    :param pipelines: that a run may submit.
    :param gate: while this file is missing, the quick pipeline does not end.
    :param rows: how many rows the table must hold.
    :param endpoint: resource name of the one endpoint.
    :param monitoring_job: name of its monitoring job.
    :param champion: as the case found it.
    """

    stack: Stack
    vertex: VertexState
    pipelines: Pipelines
    gate: Path
    rows: int
    endpoint: str = ""
    monitoring_job: str = ""
    champion: Champion = field(init=False)
    _vintages: int = field(default=1)
    _known_jobs: set[str] = field(default_factory=set)

    @property
    def settings(self) -> FaultSettings:
        """Return the settings of the stack."""
        assert isinstance(self.stack.settings, FaultSettings)
        return self.stack.settings

    @property
    def faults(self) -> Faults:
        """Return the fault switch."""
        return Faults(self.settings.cloud.state)

    def new_jobs(self) -> list[aiplatform_v1.PipelineJob]:
        """Return the pipeline jobs made since the case began, whatever their labels; the oldest first."""
        return [job for job in self.vertex.pipeline_jobs() if job.name not in self._known_jobs]

    def prepare(self, *, full: bool, gate_open: bool) -> None:
        """Change the data, and nothing else, since the last training."""
        self.faults.clear()
        self._heal()
        self.champion = self._read_champion()
        self._known_jobs |= {job.name for job in self.new_jobs()}
        if gate_open:
            self.gate.touch()
        else:
            self.gate.unlink(missing_ok=True)
        publish(self.settings, self.pipelines.full if full else self.pipelines.quick)
        self._vintages += 1
        count = NEW_ROWS_OF_FULL if full else NEW_ROWS
        append_vintage(self.settings, WINE, count, seed=self._vintages)
        self.rows += count

    def _read_champion(self) -> Champion:
        versions = self.vertex.model_versions(f"{self.vertex.parent}/models/wine-{WINE}")
        aliases = {alias: name for name, version in versions.items() for alias in version.version_aliases}
        traffic = self.vertex.serving(self.endpoint).traffic
        return Champion(
            model_version=aliases["champion"],
            previous=aliases.get("previous"),
            deployed_model_id=max(traffic, key=traffic.__getitem__),
            versions=frozenset(versions),
        )

    def _heal(self) -> None:
        """End what a case that went wrong has left dead or running."""
        for component in COMMANDS.keys() - self.stack.processes.running().keys():
            self.stack.restart(component)
        for state in ("queued", "running"):
            path = f"/dags/{DAG_ID}/dagRuns"
            for run in self.stack.airflow.call("GET", f"{path}?state={state}")["dag_runs"]:
                self.stack.airflow.call("PATCH", f"{path}/{run['dag_run_id']}", {"state": "failed"})

    def start(self, faults: tuple[Fault, ...]) -> FaultRun:
        """Trigger a run to whose calls something will happen."""
        for fault in faults:
            self.faults.add(fault)
        return self.trigger()

    def trigger(self) -> FaultRun:
        """Trigger a run."""
        airflow = self.stack.airflow
        return FaultRun(airflow, DAG_ID, airflow.trigger(DAG_ID), self)

    def await_faults(self) -> None:
        """Wait until all faults have happened, the last one perhaps to a call that is still held."""
        wait(self.faults.pending, lambda left: not left)

    def await_crash(self) -> None:
        """Wait until localcloud has died of a fault."""
        wait(self.stack.processes.running, lambda running: LOCALCLOUD not in running)

    def kill(self, component: str) -> None:
        """Kill -9 one component, and leave what it had started to itself."""
        self.stack.processes.kill(component)

    def restart(self, component: str) -> None:
        """Start it again."""
        self.stack.restart(component)


@dataclass(frozen=True)
class FaultRun(DagRun):
    """A run of the DAG to which something happens."""

    bench: Bench = field(repr=False)

    ignored = IGNORED
    every = 0.1

    def wait_until_deferred(self, task_id: str) -> None:
        """Wait until a task is deferred, and until its pipeline runs."""
        self.wait_for_task(task_id, "deferred")
        self.wait(
            lambda: [job.state.name for job in self.bench.vertex.pipeline_jobs(WINE)],
            lambda states: states[-1:] == [PIPELINE_RUNS],
        )

    def kill_executors(self, task_id: str, *, supervisor: bool, runner: bool) -> None:
        """Kill -9 one or both of the processes that execute a task: the supervisor and what it has forked."""
        forked = self.worker(task_id, self.bench.stack.processes)
        parent = forked.parent()
        assert parent is not None
        for process, doomed in ((parent, supervisor), (forked, runner)):
            with suppress(psutil.NoSuchProcess):
                if doomed:
                    process.kill()

    def failed_tasks(self) -> list[str]:
        """Return the tasks that failed, without their downstream tasks."""
        return [task for task, state in self.states.items() if state == "failed"]
