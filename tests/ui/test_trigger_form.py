"""The form that triggers a run, and what it does not take."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from dev.demo.train import DAG_ID
from tests.ui.airflow_ui import AirflowUi

pytestmark = [pytest.mark.ui, pytest.mark.timeout(600)]


def test_each_field_has_a_type_and_says_what_it_does(ui: AirflowUi):
    form = ui.open_trigger_form(DAG_ID)

    for role, name, says in (
        ("checkbox", "Force", "Train even if"),
        ("spinbutton", "Data version", "milliseconds since the epoch"),
        ("checkbox", "Dry run", "submit nothing"),
    ):
        field = form.get_by_role(role, name=name)
        expect(field).to_be_attached()
        expect(field).to_have_accessible_description(re.compile(says))


def test_letters_cannot_be_typed_as_a_data_version(ui: AirflowUi):
    form = ui.open_trigger_form(DAG_ID)
    field = form.get_by_role("spinbutton", name="Data version")

    field.press_sequentially("yesterday")

    expect(field).to_have_value("")


def test_a_fraction_as_a_data_version_is_refused_by_name(ui: AirflowUi):
    form = ui.open_trigger_form(DAG_ID)
    form.get_by_role("spinbutton", name="Data version").press_sequentially("1764028800000.5")

    form.get_by_role("button", name="Trigger", exact=True).click()

    expect(form.get_by_text("400 Bad Request")).to_be_visible()
    expect(form.get_by_text("Invalid input for param data_version: 1764028800000.5")).to_be_visible()
    # a run that is made is shown at once
    expect(ui.page).to_have_url(f"{ui.url}/dags/{DAG_ID}")
