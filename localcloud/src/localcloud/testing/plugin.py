"""
Fixtures of pytest, installed with localcloud.

They are ``localcloud``, ``make_localcloud``, ``localcloud_mail`` and ``make_once``.

.. code-block:: python

    def test_a_query(localcloud):
        assert list(bigquery.Client().query_and_wait("SELECT 1"))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.config import HOST, Settings
from localcloud.testing.cloud import Cloud, free_port
from localcloud.testing.mail_sink import MailSink
from localcloud.testing.shared_folders import MakeOnce, fill_once

FIRST_POLL_SECONDS = 0.1


@pytest.fixture(scope="session")
def make_localcloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cloud]]:
    """
    Return a function that makes a :class:`Cloud` with a state folder and a port of its own, not started yet.

    Keywords are fields of :class:`localcloud.config.Settings`; project and pipeline environment are those of
    the variables ``LOCALCLOUD_*`` by default. What still runs at the end of the session is killed.
    """
    made: list[Cloud] = []

    def make(**fields: Any) -> Cloud:
        own: dict[str, Any] = {
            "state": tmp_path_factory.mktemp("localcloud") / "state",
            "port": free_port(),
            "host": HOST,
            "address": HOST,
            "clients": None,
            "browser_url": "",
            "smtp": None,
        }
        made.append(Cloud(replace(Settings.from_environment(), **(own | fields))))
        return made[-1]

    yield make
    for cloud in made:
        cloud.kill()


@pytest.fixture(scope="session")
def localcloud_mail() -> Iterator[MailSink]:
    """Return the mail server that gets the alerts of the session's localcloud."""
    with MailSink() as sink:
        yield sink


@pytest.fixture(scope="session")
def localcloud(make_localcloud: Callable[..., Cloud], localcloud_mail: MailSink) -> Iterator[Cloud]:
    """
    Return the session's localcloud, running; the Google clients of this process are led to it.

    Create clients in tests or fixtures that ask for it: a client reads the environment when it is created.
    """
    from google.api_core.future import polling

    cloud = make_localcloud(smtp=localcloud_mail.address)
    with pytest.MonkeyPatch.context() as patch, cloud.running(), cloud.activated():
        # a client waits a second before it looks again at an operation, which ends here in 0.2 s
        patch.setattr(polling.DEFAULT_POLLING, "_initial", FIRST_POLL_SECONDS)
        yield cloud


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """
    Return a function that fills a temporary folder once in a session: ``make_once(name, fill)``.

    With pytest-xdist, one worker fills it; the others wait for it and share it.
    """
    base = tmp_path_factory.getbasetemp()
    # a worker of xdist has a folder of its own in that of the session
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        return fill_once(shared, name, fill)

    return make
