"""The results of the tests of a lane so far."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Results:
    """
    Reads the records of :mod:`dev.lanes.events`.

    :param path: its file.
    """

    path: Path
    collected: int = 0
    current: str = ""
    outcomes: Counter[str] = field(default_factory=Counter)
    # seconds with set-up and teardown
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    # seconds of the test's own function
    calls: dict[str, float] = field(default_factory=dict)
    fixtures: dict[str, float] = field(default_factory=dict)
    _read: int = 0

    def update(self) -> list[str]:
        """
        Read what is new.

        :return: the tests that have failed since the last call.
        """
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self._read)
            # the last line may be incomplete
            lines = [line for line in file if line.endswith(b"\n")]
        self._read += sum(map(len, lines))
        return [failed for line in lines if (failed := self._take(json.loads(line)))]

    def _take(self, event: dict[str, Any]) -> str | None:
        self.collected += event.get("collected", 0)
        self.current = event.get("started", self.current)
        test = event.get("test")
        if test is None:
            return None
        self.seconds[test] += event["seconds"]
        for name, seconds in event["fixtures"].items():
            self.fixtures[name] = max(seconds, self.fixtures.get(name, 0))
        if event["phase"] == "call":
            self.calls[test] = event["seconds"]
        # set-up and teardown count if they end the test, or fail
        if event["phase"] == "call" or event["outcome"] != "passed":
            self.outcomes[event["outcome"]] += 1
        return test if event["outcome"] == "failed" else None

    def __str__(self) -> str:
        if not self.collected:
            return ""
        done = sum(self.outcomes.values())
        counts = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(self.outcomes.items()))
        return f"{done:,} of {self.collected:,} tests ({counts or 'none yet'})"
