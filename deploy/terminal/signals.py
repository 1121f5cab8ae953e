"""Handle ctrl-C and similar signals, so that no command leaves a process behind."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_once() -> None:
    """
    Make the first of these signals raise :exc:`KeyboardInterrupt`, and the ones after it do nothing.

    SIGINT too where the parent ignores it, as a script does for its background jobs.
    """
    for number in INTERRUPTS:
        # nohup means that a closed terminal is no reason to stop
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def ignore_interrupts() -> None:
    """Ignore all signals but SIGKILL from here on, while the other processes are stopped."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defer an interrupt until the block has ended."""
    caught: list[int] = []
    previous = {number: signal.getsignal(number) for number in INTERRUPTS}
    for number, handler in previous.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, lambda held, _: caught.append(held))
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if caught:
            signal.raise_signal(caught[0])


def _interrupt(*_: object) -> None:
    ignore_interrupts()
    raise KeyboardInterrupt
