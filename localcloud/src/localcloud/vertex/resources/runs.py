"""Background runs of resources: each in its own thread, until localcloud stops."""

from __future__ import annotations

import threading
from typing import Generic, Protocol, TypeVar


class Run(Protocol):
    """Something that ends by itself, or when it is abandoned."""

    def run(self) -> None:
        """Run to the end."""

    def abandon(self) -> None:
        """Stop without waiting, and write nothing more."""


R = TypeVar("R", bound=Run)


class Runs(Generic[R]):
    """The runs that have not ended, by the name of their resource."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, tuple[R, threading.Thread]] = {}

    def launch(self, name: str, run: R, thread_name: str) -> None:
        """
        Start a run.

        :param name: name of the resource.
        :param run: what runs.
        :param thread_name: name of its thread.
        """
        thread = threading.Thread(target=self._run, args=(name, run), name=thread_name, daemon=True)
        with self._lock:
            self._running[name] = (run, thread)
        thread.start()

    def find(self, name: str) -> R | None:
        """Return the run of a resource; None if none is running."""
        with self._lock:
            found = self._running.get(name)
        return found[0] if found else None

    def abandon(self) -> None:
        """Stop every run without waiting."""
        with self._lock:
            runs = [run for run, _ in self._running.values()]
        for run in runs:
            run.abandon()

    def stop(self) -> None:
        """End every run, and wait until each has ended."""
        self.abandon()
        with self._lock:
            threads = [thread for _, thread in self._running.values()]
        for thread in threads:
            thread.join()

    def _run(self, name: str, run: R) -> None:
        run.run()
        with self._lock:
            del self._running[name]
