"""Who gets in."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.ui.airflow_ui import AirflowUi
from tests.ui.stack import USER, LoginSettings

pytestmark = [pytest.mark.ui, pytest.mark.timeout(600)]


def test_a_wrong_password_is_refused(stranger: AirflowUi):
    stranger.log_in(USER, "guessed")

    expect(stranger.page.get_by_text("Invalid credentials")).to_be_visible()
    expect(stranger.page.get_by_test_id("nav-dags-link")).to_have_count(0)


def test_the_password_of_the_stack_opens_airflow(stranger: AirflowUi, settings: LoginSettings):
    stranger.log_in(USER, settings.password)

    expect(stranger.page.get_by_test_id("nav-dags-link")).to_be_visible()
