"""Waits in a test for what happens in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
# below the usual limit of a test, so that what takes too long is named
SECONDS = 240


def eventually(
    read: Callable[[], T],
    condition: Callable[[T], Any] = bool,
    seconds: float = SECONDS,
    *,
    every: float = 0.1,
    ignored: tuple[type[Exception], ...] = (),
) -> T:
    """
    Poll until a condition holds.

    :param read: returns the present state.
    :param condition: holds for the state that is waited for; by default, any that is true.
    :param seconds: to wait at most.
    :param every: seconds between two polls.
    :param ignored: errors of ``read`` that may pass, such as those of a server that starts.
    :return: the state that meets the condition.
    :raises AssertionError: no state did in time; it names the last one.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            state = read()
            if condition(state):
                return state
            seen = repr(state)
        except ignored as error:
            seen = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still {seen}")
        time.sleep(every)
