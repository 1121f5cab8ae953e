"""One set of services for all fuzz tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fuzz.services import Services

from localcloud.config import Settings

_SERVICES = pytest.StashKey[Services]()


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Services]:
    """Return the running services."""
    state = tmp_path_factory.mktemp("fuzz") / "state"
    started = Services(Settings(state=state, pipeline_python=Path("no/pipeline/python"), metric_delay=0))
    started.start()
    pytestconfig.stash[_SERVICES] = started
    yield started
    started.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Report how many requests were sent."""
    found = config.stash.get(_SERVICES, None)
    if found:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(found.asked.items()))
        terminalreporter.write_line(f"requests sent: {counts}")
