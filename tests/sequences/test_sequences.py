"""Generated sequences: whatever happens to a wine, the invariants hold at the end."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.sequences.bench import Bench
from tests.sequences.machine import WineMachine

# number of sequences, set by make test-sequences
WANTED = int(os.environ.get("SEQUENCES", "0"))
# without it, always the same ones
_FEW = 20
_ACTS = 15


@pytest.mark.timeout(0 if WANTED else 1200)
def test_whatever_happens_what_must_be_true_is_true_in_the_end(bench: Bench) -> None:
    class Machine(WineMachine):
        pass

    Machine.bench = bench
    search = settings(
        max_examples=WANTED or _FEW,
        stateful_step_count=_ACTS,
        derandomize=not WANTED,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=search)
