"""Sequences that are made up: whatever happens to a wine, some things are true of it in the end."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sequences.bench import Bench
from tests.sequences.machine import WineMachine

# how many sequences are looked at when nobody says a number, always the same ones
_FEW = 25
_ACTS = 15


@pytest.mark.timeout(36000)
def test_whatever_happens_what_must_be_true_is_true_in_the_end(bench: Bench) -> None:
    wanted = os.environ.get("SEQUENCES")

    class Machine(WineMachine):
        pass

    Machine.bench = bench
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(wanted or _FEW),
            stateful_step_count=_ACTS,
            derandomize=not wanted,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
