"""What a person reads about a DAG before anything has run."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from dev.demo.train import DAG_ID
from tests.support.flow import TASKS
from tests.ui.airflow_ui import AirflowUi

pytestmark = [pytest.mark.ui, pytest.mark.timeout(600)]


def test_the_list_shows_both_wines_with_their_tags(ui: AirflowUi):
    ui.open_list()

    expect(ui.heading("5 Dags")).to_be_visible()
    expect(ui.page.get_by_role("link", name="wine_drift", exact=True)).to_be_visible()
    for wine in ("red", "white"):
        for name in (f"wine_retraining_{wine}", f"wine_rollback_{wine}"):
            expect(ui.page.get_by_role("link", name=name, exact=True)).to_be_visible()
        # a tag of both, and of wine_drift
        expect(ui.page.get_by_role("link", name=wine, exact=True)).to_have_count(3)
    expect(ui.page.get_by_role("link", name="vertex-ai", exact=True)).to_have_count(5)
    ui.picture("dags")


def test_the_owner_can_be_written_to(ui: AirflowUi):
    ui.open_dag(DAG_ID)

    owner = ui.page.get_by_role("link", name="Owner link for wine-mlops")

    expect(owner).to_have_attribute("href", "mailto:wine-mlops@example.com")


def test_the_dag_says_what_it_does_and_what_its_form_takes(ui: AirflowUi):
    ui.open_dag(DAG_ID)

    documentation = ui.read_documentation("Dag Docs")

    for name in ("force", "data_version", "dry_run", "check_freshness", "roll_back"):
        expect(documentation.get_by_text(name, exact=True).first).to_be_attached()
    # Airflow puts a block of preformatted text on one line
    assert all(len(text) < 40 for text in documentation.locator("code").all_inner_texts())
    ui.picture("dag-docs")


# tests/dags reads what each task says; here it is Airflow that shows it
@pytest.mark.parametrize("task_id", ["train", "roll_back"])
def test_a_task_says_what_to_do_when_it_fails(ui: AirflowUi, task_id: str):
    ui.page.goto(f"{ui.url}/dags/{DAG_ID}/tasks/{task_id}")

    documentation = ui.read_documentation("Documentation")

    expect(documentation.get_by_text("If it fails", exact=True)).to_be_visible()
    expect(documentation.get_by_role("listitem").first).to_be_attached()
    if task_id == "train":
        ui.picture("task-docs")


def test_the_graph_reads_as_the_flow(ui: AirflowUi):
    ui.open_dag(DAG_ID)

    graph = ui.show_graph()

    for name in ("data", "rollout", "watch", *TASKS):
        expect(graph.get_by_role("link", name=name, exact=True)).to_be_attached()
    for edge in (
        "data to train",
        "train to cancel",
        "train to gate",
        "gate to upload",
        "check_freshness to check_data",
        "traffic_10 to verify_10",
        "verify_10 to traffic_50",
        "verify_10 to roll_back",
        "promote to watch",
        "monitor to monitor_settled",
        "watch to retire",
    ):
        # an edge of a group may begin or end at the node that joins its tasks
        source, _, target = edge.partition(" to ")
        name = re.compile(rf"^Edge from {source}(\.downstream_join_id)? to {target}(\.upstream_join_id)?$")
        expect(graph.get_by_role("img", name=name)).to_be_attached()
