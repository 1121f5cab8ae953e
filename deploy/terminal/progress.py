"""Print the running step and its duration."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

HEARTBEAT_SECONDS = 15


class Progress:
    """
    Prints numbered steps with the seconds since the start.

    :param total: number of steps that will be announced.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}
        self._number = 0

    def line(self, text: str) -> None:
        """Print one line under the current step."""
        print(f"{time.monotonic() - self.started:6.1f} s    {text}", flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Print a step, and its duration when it has ended; :attr:`seconds` stores it by title."""
        self._number += 1
        started = time.monotonic()
        print(f"\n[{self._number}/{self.total}] {title}", flush=True)
        yield
        self.seconds[title] = time.monotonic() - started
        self.line(f"done in {self.seconds[title]:.1f} s")

    def wait(
        self, what: str, probe: Callable[[], tuple[str, T | None]], *, timeout: float, every: float
    ) -> T:
        """
        Call the probe until it has a result; print each new state and regular signs of life.

        :param what: what is waited for, for the message of the error.
        :param probe: returns a description of the present state, and the result or None.
        :param timeout: seconds to wait at most.
        :param every: seconds between two calls.
        :raises TimeoutError: the probe had no result in time.
        """
        started = said_at = time.monotonic()
        said = ""
        while True:
            state, result = probe()
            now = time.monotonic()
            if state and (state != said or now - said_at > HEARTBEAT_SECONDS):
                self.line(f"{state} ({now - started:.0f} s)")
                said, said_at = state, now
            if result is not None:
                return result
            if now - started > timeout:
                raise TimeoutError(f"{what}: still '{state}' after {timeout:.0f} s")
            time.sleep(every)
