"""An interrupt ends a command once, and never between two things that belong together."""

from __future__ import annotations

import signal

import pytest

from deploy.terminal.signals import INTERRUPTS, deferred_interrupts, interrupt_once

pytestmark = pytest.mark.usefixtures("interruptible")


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


@pytest.mark.parametrize("number", INTERRUPTS)
def test_a_background_job_of_a_script_is_interrupted_as_well(number: signal.Signals):
    # a shell without job control starts it so that the ctrl-C of the script passes it by
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    interrupt_once()

    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_a_closed_terminal_does_not_interrupt_under_nohup():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    interrupt_once()

    signal.raise_signal(signal.SIGHUP)
