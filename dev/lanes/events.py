"""
A plugin of pytest that writes down, as lines of JSON, what each test takes and how it ends.

The variable :data:`EVENTS` names the file; without it nothing is written. Of pytest-xdist the controller
writes. It runs in the environments of Airflow and of the pipeline alike, so it needs pytest alone.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

EVENTS = "WINE_LANE_EVENTS"
FIXTURES = "fixture_seconds"


class Recorder:
    """
    Writes the events of one process of pytest.

    :param path: file that they are added to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def _write(self, **event: Any) -> None:
        # a lane may run pytest several times
        with self._path.open("a") as file:
            file.write(f"{json.dumps(event)}\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell how many tests there are."""
        self._write(collected=len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Tell how many tests there are, once: every worker has collected the same."""
        if node.gateway.id == "gw0":
            self._write(collected=len(ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell which test begins."""
        self._write(started=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell how one phase of a test has ended, its seconds, and those of the fixtures made in it."""
        made = dict(report.user_properties).get(FIXTURES, {}) if report.when == "setup" else {}
        self._write(
            test=report.nodeid,
            phase=report.when,
            outcome=report.outcome,
            seconds=report.duration,
            fixtures=made,
        )


class FixtureTimer:
    """Adds to the properties of each test how long the fixtures took that were made for it."""

    def __init__(self) -> None:
        self._made: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object | None, object | None]:
        """Measure one fixture; those that it asks for by name are made before."""
        started = time.monotonic()
        try:
            return (yield)
        finally:
            self._made[fixture_name(fixturedef)] = round(time.monotonic() - started, 2)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Take what was made since the test before as made for this one."""
        self._made = {}
        try:
            return (yield)
        finally:
            item.user_properties.append((FIXTURES, self._made))


def fixture_name(fixturedef: pytest.FixtureDef[Any]) -> str:
    """Return the name of a fixture after the file or folder that defines it."""
    return f"{fixturedef.baseid}::{fixturedef.argname}"


def pytest_configure(config: pytest.Config) -> None:
    """Measure in every process, write in the one that reports."""
    path = os.environ.get(EVENTS)
    if not path:
        return
    config.pluginmanager.register(FixtureTimer())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path)))
