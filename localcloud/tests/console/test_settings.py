"""The URL of the pages that clients get."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.clients.environment import client_environment
from localcloud.config import Settings, SettingsError


@pytest.fixture
def console_url(monkeypatch: pytest.MonkeyPatch):
    """Return the URL that clients get for a value of LOCALCLOUD_CONSOLE_URL."""

    def tell(value: str | None) -> str:
        monkeypatch.setenv("LOCALCLOUD_PORT", "20001")
        monkeypatch.delenv("LOCALCLOUD_CONSOLE_URL", raising=False)
        if value is not None:
            monkeypatch.setenv("LOCALCLOUD_CONSOLE_URL", value)
        return client_environment(Settings.from_environment())["GOOGLE_CLOUD_CONSOLE_URL"]

    return tell


def test_the_pages_are_at_the_port_of_the_gateway(console_url):
    assert console_url(None) == "http://127.0.0.1:20001"
    assert console_url("") == "http://127.0.0.1:20001"


def test_a_browser_elsewhere_may_need_another_address(console_url):
    assert console_url("http://wine.example.com:8080/") == "http://wine.example.com:8080"


@pytest.mark.parametrize(
    "value", ["wine.example.com", "http://wine.example.com/console", "ftp://a", "http://a b"]
)
def test_what_is_no_address_of_a_host_is_refused_by_name(console_url, value):
    with pytest.raises(SettingsError, match=r"LOCALCLOUD_CONSOLE_URL must be .*, not "):
        console_url(value)


def test_settings_made_by_hand_need_no_address():
    assert Settings(state=Path("/nowhere"), port=20002).console_url == "http://127.0.0.1:20002"
