"""Poll with a growing interval."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from deploy.terminal.progress import HEARTBEAT_SECONDS, Progress

T = TypeVar("T")

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
_GROWTH = 1.5


def wait(progress: Progress, what: str, look: Callable[[], tuple[str, T | None]], seconds: float) -> T:
    """
    Poll until there is a result, and print each new state and regular signs of life.

    :param progress: prints the lines.
    :param what: is waited for, for the message of the error.
    :param look: gives the present state in words, and the result or None.
    :param seconds: after which to give up.
    :raises TimeoutError: there is no result by then.
    """
    started = said_at = time.monotonic()
    pause, said = _FIRST_PAUSE, ""
    while True:
        state, result = look()
        if result is not None:
            return result
        now = time.monotonic()
        if state != said or now - said_at > HEARTBEAT_SECONDS:
            progress.line(f"{state} ({now - started:.0f} s)")
            said, said_at = state, now
        if now - started > seconds:
            raise TimeoutError(f"{what}: {state} after {seconds:.0f} s")
        time.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
