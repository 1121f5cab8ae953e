"""The page of what is served is up to date."""

from __future__ import annotations

from tools import coverage

from localcloud.testing import Cloud


def test_the_page_is_what_the_running_localcloud_says(cloud: Cloud) -> None:
    assert coverage.PAGE.read_text() == coverage.page(cloud.settings)


def test_every_method_that_is_served_is_on_the_page(cloud: Cloud) -> None:
    listed = {method for _, method, is_served in coverage.rows(cloud.settings) if is_served}

    assert set((cloud.settings.state / "methods").read_text().split()) <= listed
