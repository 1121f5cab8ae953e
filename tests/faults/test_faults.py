"""Whatever dies, and whenever: one pipeline job, one monitoring job, no stray model, no lost row."""

from __future__ import annotations

import time

import pytest

from tests.faults.bench import Bench, Run
from tests.faults.cases import CASES, HOLD_SECONDS, LOCALCLOUD, RUNNER, SUPERVISOR, WORKER, Case, Moment
from tests.faults.conftest import Row
from tests.faults.invariants import jobs_of, violations

BY_ITSELF = "by itself"

pytestmark = pytest.mark.timeout(1200)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_runs_twice_and_nothing_is_lost(bench: Bench, table: list[Row], case: Case) -> None:
    started = time.monotonic()
    deferred = case.moment is not None and not case.moment.faults
    bench.prepare(full=case.full, gate_open=not deferred)
    run = bench.start(case.faults)

    if case.moment is not None:
        _kill(bench, run, case.moment, case.victim)
    elif case.crashes:
        bench.await_crash()
        bench.restart(LOCALCLOUD)
    bench.gate.touch()
    recovered = _recover(run)

    table.append(Row(case.name, len(jobs_of(bench, run)), recovered, time.monotonic() - started))
    assert violations(bench, run) == []


def _kill(bench: Bench, run: Run, moment: Moment, victim: str) -> None:
    """Kill the victim at the moment; if it is a component, start it again."""
    if moment.faults:
        bench.await_faults()
    else:
        run.await_deferred(moment.task)
    reached = time.monotonic()
    if victim in (WORKER, RUNNER, SUPERVISOR):
        supervisor, runner = run.executors(moment.task)
        for process in {WORKER: (supervisor, runner), RUNNER: (runner,), SUPERVISOR: (supervisor,)}[victim]:
            process.kill()
    else:
        bench.kill(victim)
    assert not moment.faults or time.monotonic() - reached < HOLD_SECONDS, "killed too late"
    if victim not in (WORKER, RUNNER, SUPERVISOR):
        bench.restart(victim)


def _recover(run: Run) -> str:
    """Wait for the end; clear what failed, once."""
    if run.await_end() == "success":
        return BY_ITSELF
    failed = run.failed_tasks()
    run.clear(failed)
    assert run.await_end() == "success", f"one clear of {failed} was not enough: {run.states()}"
    return f"one clear of {', '.join(failed)}"
