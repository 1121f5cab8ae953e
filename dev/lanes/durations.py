"""
``durations.json``: the seconds of test files, fixtures, tests and lanes, as last measured.

Workers and lanes start with the longest; ``make check`` skips tests that are slow or use a slow fixture.
``make test-durations`` updates it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DURATIONS = Path(__file__).with_name("durations.json")
KINDS = ("lanes", "files", "fixtures", "tests")
# shorter durations do not matter for order or skipping
LEAST_SECONDS = 1.0

Durations = dict[str, dict[str, float]]


def read_durations(path: Path = DURATIONS) -> Durations:
    """Return the seconds by name, of each of :data:`KINDS`; empty without the file."""
    found = json.loads(path.read_text()) if path.exists() else {}
    return {kind: found.get(kind, {}) for kind in KINDS}


def file_of(test: str) -> str:
    """Return the file of a test or fixture."""
    return test.partition("::")[0]


def seconds_by_file(tests: Mapping[str, float]) -> dict[str, float]:
    """Add up the seconds of tests."""
    files: dict[str, float] = defaultdict(float)
    for test, seconds in tests.items():
        files[file_of(test)] += seconds
    return dict(files)


def write_durations(measured: Durations, ran: Iterable[str], path: Path = DURATIONS) -> None:
    """
    Update the measured entries, keep the others, and remove those of deleted files.

    :param measured: seconds by name, of each of :data:`KINDS`.
    :param ran: the test files that have run.
    """
    kept, replaced = read_durations(path), set(ran)
    renewed = {
        kind: {
            name: round(seconds, 1)
            for name, seconds in sorted((_kept(kind, kept[kind], replaced) | measured[kind]).items())
            if seconds >= LEAST_SECONDS and (kind == "lanes" or (REPOSITORY / file_of(name)).exists())
        }
        for kind in KINDS
    }
    path.write_text(f"{json.dumps(renewed, indent=1)}\n")


def _kept(kind: str, before: dict[str, float], replaced: set[str]) -> dict[str, float]:
    return {name: seconds for name, seconds in before.items() if file_of(name) not in replaced}
