"""
A plugin of pytest that records, as lines of JSON, the duration and the result of each test.

The variable :data:`EVENTS` names the file; without it nothing is written. With pytest-xdist the controller
writes. It runs in the environments of Airflow and of the pipeline, so it only needs pytest.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
EVENTS = "WINE_LANE_EVENTS"
FIXTURES = "fixture_seconds"


class Recorder:
    """
    Writes the events of one process of pytest.

    :param path: file that they are added to.
    :param suite: folder of the suite, for the names of its tests: see :func:`suite_of`.
    """

    def __init__(self, path: Path, suite: str) -> None:
        self._path = path
        self._suite = suite

    def _write(self, **event: Any) -> None:
        # a lane may run pytest several times
        with self._path.open("a") as file:
            file.write(f"{json.dumps(event)}\n")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Record the number of tests."""
        self._write(collected=len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Record the number of tests once: every worker has collected the same."""
        if node.gateway.id == "gw0":
            self._write(collected=len(ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Record the start of a test."""
        self._write(started=self._suite + nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the result of one phase of a test, its seconds, and those of its fixtures."""
        made = dict(report.user_properties).get(FIXTURES, {}) if report.when == "setup" else {}
        self._write(
            test=self._suite + report.nodeid,
            phase=report.when,
            outcome=report.outcome,
            seconds=report.duration,
            fixtures=made,
        )


class FixtureTimer:
    """
    Add the duration of its fixtures to the properties of each test.

    :param suite: folder of the suite, for the names of its fixtures.
    """

    def __init__(self, suite: str) -> None:
        self._suite = suite
        self._made: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, object | None, object | None]:
        """Measure one fixture; the fixtures that it requests by name are set up before."""
        started = time.monotonic()
        try:
            return (yield)
        finally:
            self._made[fixture_name(fixturedef, self._suite)] = round(time.monotonic() - started, 2)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Assign the fixtures set up since the previous test to this one."""
        self._made = {}
        try:
            return (yield)
        finally:
            item.user_properties.append((FIXTURES, self._made))


def suite_of(config: pytest.Config) -> str:
    """Return what makes the names of pytest paths in the repository: nothing, or a folder and ``/``."""
    if config.rootpath == REPOSITORY or REPOSITORY not in config.rootpath.parents:
        return ""
    return f"{config.rootpath.relative_to(REPOSITORY)}/"


def fixture_name(fixturedef: pytest.FixtureDef[Any], suite: str) -> str:
    """Return the name of a fixture after the file or folder that defines it; a plugin's has neither."""
    return f"{suite if fixturedef.baseid else ''}{fixturedef.baseid}::{fixturedef.argname}"


def pytest_configure(config: pytest.Config) -> None:
    """Measure in every process, write in the one that reports."""
    path = os.environ.get(EVENTS)
    if not path:
        return
    config.pluginmanager.register(FixtureTimer(suite_of(config)))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(Path(path), suite_of(config)))
