"""What an error of Google's says about the behaviour that is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions

from deploy.acceptance.__main__ import table
from deploy.acceptance.bench import Bench, Shared
from deploy.acceptance.probes import DID_NOT_HOLD, HELD, NOT_ASKED, NotHeldError, Outcome, Probe, answer
from deploy.acceptance.project import Project
from deploy.acceptance.removal import Removal
from deploy.acceptance.services import composer
from deploy.terminal.progress import Progress
from tests.support.repository import REPOSITORY


class OneThing(Bench):
    """A bench whose one thing cannot be made."""

    @Shared
    def broken_thing(self) -> str:
        """Raise an error."""
        raise exceptions.InvalidArgument("no such machine")


@pytest.fixture
def bench(tmp_path: Path) -> OneThing:
    """Return a bench that asks nobody."""
    project, progress = Project("p", "europe-west1", "b", None, None), Progress(1)
    return OneThing(project, progress, Removal(project, progress), tmp_path)


def raising(error: Exception) -> Callable[[Any], str]:
    def ask(bench: Bench) -> str:
        raise error

    return ask


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (NotHeldError("it is 3"), DID_NOT_HOLD),
        (exceptions.InvalidArgument("no"), DID_NOT_HOLD),
        (TimeoutError("still pending"), DID_NOT_HOLD),
        (KeyError("y"), DID_NOT_HOLD),
        (exceptions.Forbidden("no role"), NOT_ASKED),
        (exceptions.MethodNotImplemented("not served"), NOT_ASKED),
        (exceptions.TooManyRequests("quota"), NOT_ASKED),
        (exceptions.ServiceUnavailable("outage"), NOT_ASKED),
        (exceptions.RetryError("outage", cause=None), NOT_ASKED),
        (ConnectionError("reset"), NOT_ASKED),
    ],
)
def test_an_error_does_not_hold_or_says_nothing(bench: OneThing, error: Exception, result: str) -> None:
    assert answer(Probe("p", "", raising(error)), bench).result == result


def test_what_was_seen_is_told(bench: OneThing) -> None:
    assert answer(Probe("p", "", lambda _: "three"), bench) == Outcome("p", HELD, "three")


def test_only_the_first_who_asks_for_a_broken_thing_finds_it_wanting(bench: OneThing) -> None:
    probe = Probe("p", "", lambda bench: bench.broken_thing)  # type: ignore[attr-defined]

    first, second = answer(probe, bench), answer(probe, bench)

    assert first == Outcome("p", DID_NOT_HOLD, "400 no such machine")
    assert second == Outcome("p", NOT_ASKED, "there is no broken thing: 400 no such machine")


def test_the_table_begins_with_what_did_not_hold() -> None:
    outcomes = [Outcome("a", HELD, "x"), Outcome("bcd", DID_NOT_HOLD, "y"), Outcome("e", NOT_ASKED, "z")]

    assert table(outcomes).splitlines() == [
        "bcd  NOT CONFIRMED        y",
        "e    could not be tested  z",
        "a    confirmed            x",
        "1 confirmed, 1 could not be tested, 1 NOT CONFIRMED",
    ]


def test_the_page_that_is_asked_for_is_that_of_the_plugin() -> None:
    assert (
        f'"/{composer.PAGE.rstrip("/")}"'
        in (REPOSITORY / "plugins" / "vertex_mlops" / "page" / "plugin.py").read_text()
    )


@pytest.mark.parametrize(
    ("environment", "variables", "says"),
    [
        ("staging", {}, "staging: no such environment in deploy/environments.yaml: dev, prod"),
        ("local", {"LOCALCLOUD_PORT": "0"}, "LOCALCLOUD_PORT must be a port from 1 to 65535, not 0"),
    ],
)
def test_a_place_that_is_none_is_one_line(environment: str, variables: dict[str, str], says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.acceptance", environment],
        cwd=REPOSITORY,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == f"acceptance: {says}\n"
