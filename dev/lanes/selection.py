"""A pytest plugin for durations.json: the longest files first; ``--quick`` leaves out what is slow."""

from __future__ import annotations

import pytest

from dev.lanes.durations import file_of, read_durations
from dev.lanes.events import fixture_name, suite_of

# every localcloud of a test comes from it, whenever the test starts it
STARTS = "make_localcloud"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of ``make check``."""
    parser.addoption(
        "--quick",
        action="store_true",
        help="only tests that start no localcloud, and are quick by dev/lanes/durations.json",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out and put in order."""
    durations, suite = read_durations(), suite_of(config)
    if config.getoption("quick"):
        slow = [item for item in items if _is_slow(item, suite, durations["tests"], durations["fixtures"])]
        items[:] = [item for item in items if item not in set(slow)]
        config.hook.pytest_deselected(items=slow)
    # workers take file by file, in this order; tests of one process may share what they set up
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -durations["files"].get(suite + file_of(item.nodeid), 0))


def _is_slow(item: pytest.Item, suite: str, tests: dict[str, float], fixtures: dict[str, float]) -> bool:
    # pytest gives the definitions of a test's fixtures in no other way
    info = getattr(item, "_fixtureinfo", None)
    named = info.name2fixturedefs if info else {}
    # one of a name may ask for the one before it
    definitions = {fixture_name(definition, suite) for found in named.values() for definition in found}
    return suite + item.nodeid in tests or STARTS in named or not definitions.isdisjoint(fixtures)
