"""One real localcloud for all tests of a session, which plays the wines' project."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.terminal.signals import INTERRUPTS
from dev.stack.settings import StackSettings
from localcloud.testing import Cloud

pytest_plugins = ["localcloud.testing.plugin", "dev.lanes.selection"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Handle signals as from a terminal, even in a background job of a script or under nohup."""
    inherited = {number: signal.getsignal(number) for number in INTERRUPTS}
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in inherited.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def make_localcloud(
    make_localcloud: Callable[..., Cloud], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Cloud]:
    """Return a function that makes a localcloud with the wines' project and pipeline environment."""
    stack = StackSettings(root=tmp_path_factory.getbasetemp()).cloud

    def make(**fields: Any) -> Cloud:
        return make_localcloud(project=stack.project, pipeline_python=stack.pipeline_python, **fields)

    return make


@pytest.fixture(scope="session")
def cloud(localcloud: Cloud) -> Cloud:
    """Return the session's localcloud; from its first use on, the clients of this process are led to it."""
    return localcloud
