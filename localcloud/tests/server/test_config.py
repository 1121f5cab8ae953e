"""The default settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from localcloud.config import Settings, SettingsError


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove all variables that localcloud reads."""
    for name in list(os.environ):
        if name.startswith("LOCALCLOUD_") or name == "XDG_STATE_HOME":
            monkeypatch.delenv(name)


def test_nothing_is_taken_from_a_repository() -> None:
    settings = Settings.from_environment()

    assert settings.project == "local-project"
    assert settings.pipeline_python is None
    assert settings.state == Path.home() / ".local" / "state" / "localcloud"


@pytest.mark.parametrize(
    ("base", "state"),
    [("/var/states", Path("/var/states/localcloud")), ("states", Path.home() / ".local/state/localcloud")],
)
def test_the_state_is_where_xdg_says_if_that_is_absolute(
    monkeypatch: pytest.MonkeyPatch, base: str, state: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", base)

    assert Settings.from_environment().state == state


def test_settings_come_back_from_their_environment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wanted in (
        settings,
        Settings(
            state=settings.state,
            port=20001,
            project="other-project",
            pipeline_python=Path("/opt/venv/bin/python"),
            host="0.0.0.0",
            address="cloud",
            clients=settings.state / "clients",
            browser_url="http://example.com:8080",
            smtp=("127.0.0.1", 1025),
            metric_delay=2.5,
            monitoring_delay=60.0,
        ),
    ):
        for name, value in wanted.environment().items():
            monkeypatch.setenv(name, value)
        assert Settings.from_environment() == wanted


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "0", "must be a port from 1 to 65535, not 0"),
        ("PORT", "", "must be a port from 1 to 65535, not ''"),
        ("PORT", "65536", "must be a port from 1 to 65535, not 65536"),
        ("PORT", "1" * 5000, f"must be a port from 1 to 65535, not '{'1' * 80}'"),
        ("PORT", "\u0661\u0669", "must be a port from 1 to 65535, not '\\u0661\\u0669'"),
        (
            "PROJECT",
            "Wine\n",
            "must be a project id of 6 to 30 lower-case letters, digits and hyphens, not 'Wine\\n'",
        ),
        ("PROJECT", "", "must be a project id of 6 to 30 lower-case letters, digits and hyphens, not ''"),
        ("HOST", "0.0.0.0/24", "must be the name or the address of a host, not 0.0.0.0/24"),
        ("ADDRESS", "local cloud", "must be the name or the address of a host, not 'local cloud'"),
        ("CONSOLE_URL", "ftp://host", "must be http://HOST:PORT, not ftp://host"),
        ("SMTP", "mail.example.com:25", "must be HOST:PORT of loopback, not mail.example.com:25"),
        ("METRIC_DELAY", "nan", "must be seconds, 0 or more, not nan"),
        ("METRIC_DELAY", "-1", "must be seconds, 0 or more, not -1"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(f"LOCALCLOUD_{name}", value)

    with pytest.raises(SettingsError) as refused:
        Settings.from_environment()

    assert str(refused.value) == f"LOCALCLOUD_{name} {says}"
