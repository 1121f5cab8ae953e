"""Runs of the demo's stack, waited for while the stack is well."""

from __future__ import annotations

from collections.abc import Callable

from dev.demo.train import Demo
from tests.support.dag_runs import DagRun


def finish(
    demo: Demo, dag_id: str, run_id: str, watch: Callable[[DagRun, dict[str, str]], None] | None = None
) -> DagRun:
    """
    Wait for the end of a run, successful or not.

    :param watch: called with the run and the states of its tasks while the run goes on.
    :raises ProcessEndedError: a process of the stack has ended.
    """
    run = DagRun(demo.stack.airflow, dag_id, run_id)

    def check(states: dict[str, str]) -> None:
        demo.stack.check()
        if watch:
            watch(run, states)

    run.wait_for_end(check)
    return run
