"""Whatever dies, and whenever: one pipeline job, one monitoring job, no stray model, no lost row."""

from __future__ import annotations

import time

import pytest

from dev.stack.stack import COMMANDS, LOCALCLOUD
from tests.faults.bench import Bench, FaultRun
from tests.faults.cases import CASES, HOLD_SECONDS, RUNNER, SUPERVISOR, Case, Moment
from tests.faults.fault_table import Row
from tests.faults.invariants import violations
from tests.support.flow import DEPLOYED

BY_ITSELF = "by itself"

pytestmark = pytest.mark.timeout(1200)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nothing_runs_twice_and_nothing_is_lost(bench: Bench, table: list[Row], case: Case) -> None:
    row = Row(case.name)
    table.append(row)
    started = time.monotonic()
    bench.prepare(full=case.full, gate_open=not case.in_the_middle)
    run = bench.start(case.faults)
    try:
        _let_it_happen(bench, run, case)
        row.recovered = _recover(bench, run, case)
        row.jobs = str(len(bench.new_jobs()))
        row.broken += violations(bench, run, rejected=case.rejected)
    finally:
        row.seconds = time.monotonic() - started

    assert row.broken == []


def _let_it_happen(bench: Bench, run: FaultRun, case: Case) -> None:
    if case.moment is not None:
        _kill(bench, run, case.moment, case.victim)
    elif case.crashes:
        bench.await_crash()
        bench.restart(LOCALCLOUD)
    bench.gate.touch()


def _kill(bench: Bench, run: FaultRun, moment: Moment, victim: str) -> None:
    """Kill the victim at the moment; if it is a component, start it again."""
    if moment.faults:
        bench.await_faults()
    else:
        run.wait_until_deferred(moment.task)
    reached = time.monotonic()
    component = victim in COMMANDS
    if component:
        bench.kill(victim)
    else:
        run.kill_executors(moment.task, supervisor=victim != RUNNER, runner=victim != SUPERVISOR)
    assert not moment.faults or time.monotonic() - reached < HOLD_SECONDS, "killed too late"
    if component:
        bench.restart(victim)


def _recover(bench: Bench, run: FaultRun, case: Case) -> str:
    """Wait for the end; when all faults are over, clear what failed, once."""
    state, states = run.wait_for_end()
    untouched = [fault for fault in bench.faults.pending() if fault in case.faults]
    bench.faults.clear()
    assert not untouched, f"no call met {untouched}"
    if case.rejected:
        assert state == "failed", states
        return BY_ITSELF
    if state == "success":
        return BY_ITSELF
    failed = run.failed_tasks()
    cleared = ["deploy"] if set(failed) & set(DEPLOYED) else failed
    run.clear(*cleared)
    state, states = run.wait_for_end()
    assert state == "success", f"one clear of {cleared} was not enough: {states}"
    return f"one clear of {', '.join(cleared)}"
