"""An interrupt ends a command once, and never between two things that belong together."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from dev.signals import INTERRUPTS, deferred_interrupts, interrupt_once


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Give the test process its own handlers back."""
    previous = {number: signal.getsignal(number) for number in INTERRUPTS}
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", INTERRUPTS)
def test_the_first_interrupt_is_raised_and_the_ones_after_it_do_nothing(number: signal.Signals):
    interrupt_once()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    for later in INTERRUPTS:
        signal.raise_signal(later)


def test_an_interrupt_waits_for_the_end_of_the_block():
    done = []

    @deferred_interrupts()
    def start_and_write_down() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("written down")

    with pytest.raises(KeyboardInterrupt):
        start_and_write_down()

    assert done == ["written down"]


def test_a_closed_terminal_does_not_interrupt_under_nohup():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    interrupt_once()

    signal.raise_signal(signal.SIGHUP)
