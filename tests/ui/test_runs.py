"""Runs that a person triggers with the form, watches, and looks behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dev.demo.publish import read_spec
from dev.demo.train import DAG_ID, WINE, Demo
from dev.faults.replay import replay
from localcloud.testing import SampleModel
from tests.support.dag_runs import DagRun
from tests.support.flow import ROLLED_OUT, TASKS
from tests.support.handmade import handmade
from tests.support.published import upload_spec
from tests.ui.airflow_ui import RUN_MS, AirflowUi

pytestmark = [pytest.mark.ui, pytest.mark.timeout(1200)]
OpenTab = Callable[[str], AbstractContextManager[AirflowUi]]


@pytest.fixture(scope="module")
def dry_run(open_tab: OpenTab, demo: Demo) -> DagRun:
    """Trigger a dry run, and watch it to its end."""
    with open_tab("dry_run") as ui:
        form = ui.open_trigger_form(DAG_ID)
        form.get_by_role("checkbox", name="Dry run").locator("xpath=..").click()
        expect(form.get_by_role("checkbox", name="Dry run")).to_be_checked()
        form.get_by_role("button", name="Trigger", exact=True).scroll_into_view_if_needed()
        ui.picture("trigger-form")
        run = DagRun.at(demo.stack.airflow, ui.trigger(form))
        ui.watch_run()
        return run


@pytest.fixture(scope="module")
def gate(demo: Demo) -> Path:
    """Return the file without which the Trainer of a training does not end."""
    return demo.settings.root / "gate"


@pytest.fixture(scope="module")
def training(open_tab: OpenTab, demo: Demo, exported: SampleModel, dry_run: DagRun, gate: Path) -> DagRun:
    """Trigger a run that trains; its pipeline runs, and does not end by itself."""
    spec = read_spec(demo.settings, WINE)
    made = handmade(spec, exported, f"gs://{demo.settings.bucket}/card.html")
    upload_spec(demo.settings, WINE, replay(spec, made, gate))
    with open_tab("training") as ui:
        run = DagRun.at(demo.stack.airflow, ui.trigger(ui.open_trigger_form(DAG_ID)))
        expect(ui.task_state("train")).to_have_text("Deferred", timeout=RUN_MS)
        return run


@pytest.fixture(scope="module")
def trained(open_tab: OpenTab, training: DagRun, gate: Path) -> DagRun:
    """Watch the training run to its end."""
    gate.touch()
    with open_tab("trained") as ui:
        ui.page.goto(training.url)
        ui.watch_run()
        return training


@pytest.fixture(scope="module")
def impossible(open_tab: OpenTab, demo: Demo) -> DagRun:
    """Trigger a run on the table as of long before it existed."""
    with open_tab("impossible") as ui:
        form = ui.open_trigger_form(DAG_ID)
        form.get_by_role("spinbutton", name="Data version").press_sequentially("1000000000000")
        run = DagRun.at(demo.stack.airflow, ui.trigger(form))
        ui.watch_run()
        return run


def test_a_dry_run_checks_the_data_and_skips_the_rest(ui: AirflowUi, dry_run: DagRun):
    ui.page.goto(dry_run.url)
    assert ui.watch_run() == "Success"

    ran = {"check_freshness", "check_data", "cancel"}
    for task_id in TASKS:
        expect(ui.task_state(task_id)).to_have_text("Success" if task_id in ran else "Skipped")
    ui.open_task(dry_run.url, "train")
    expect(ui.page.get_by_text("job_id: wine-retraining-white-manual").first).to_be_visible()
    ui.picture("dry-run")


def test_the_graph_shows_the_state_of_each_task_while_the_run_goes_on(ui: AirflowUi, training: DagRun):
    ui.page.goto(training.url)

    graph = ui.show_graph()

    expect(graph.get_by_text("success").first).to_be_visible()
    expect(graph.get_by_text("deferred")).to_be_visible()
    ui.close_groups()
    expect(graph.get_by_role("link", name="verify_10", exact=True)).to_have_count(0)
    expect(graph.get_by_role("link", name="rollout", exact=True)).to_be_visible()
    ui.picture("graph")


def test_while_the_pipeline_runs_train_is_deferred_and_links_to_the_running_job(
    ui: AirflowUi, training: DagRun, gate: Path
):
    ui.open_links(training.url, "train")

    ui.picture("links")
    job = ui.follow("Pipeline Job")

    expect(job.get_by_role("heading", level=1)).to_have_text("wine-white")
    expect(job.locator("#state")).to_have_text("Running")
    expect(job.locator("svg [data-task=Transform]")).to_contain_text("Succeeded", timeout=RUN_MS)
    trainer = job.locator("svg [data-task=Trainer]")
    expect(trainer).to_contain_text("Running")
    ui.picture("pipeline-job", job)
    gate.touch()
    # it refreshes by itself
    expect(trainer).to_contain_text("Succeeded", timeout=RUN_MS)


def test_the_run_turns_green(ui: AirflowUi, trained: DagRun):
    ui.page.goto(trained.url)
    assert ui.watch_run() == "Success"

    for task_id, state in ROLLED_OUT.items():
        expect(ui.task_state(task_id)).to_have_text(state.capitalize())
    ui.picture("run-green")


@pytest.mark.parametrize("task_id", ["check_freshness", "check_data"])
def test_the_data_tasks_link_to_the_table(ui: AirflowUi, trained: DagRun, task_id: str):
    ui.open_links(trained.url, task_id)

    table = ui.follow("BigQuery Table")

    expect(table.get_by_role("heading", level=1)).to_contain_text("white_wine")
    expect(table.get_by_text("4,898").first).to_be_visible()


def test_train_links_to_its_pipeline_job_with_every_step_done(ui: AirflowUi, trained: DagRun):
    ui.open_links(trained.url, "train")

    job = ui.follow("Pipeline Job")

    expect(job.locator("#state")).to_have_text("Succeeded")
    for step in ("BigQueryExampleGen", "Transform", "Trainer", "Evaluator"):
        expect(job.locator(f"svg [data-task={step}]")).to_contain_text("Succeeded")


@pytest.mark.parametrize("task_id", ["deploy", "verify_100", "monitor"])
def test_the_serving_tasks_link_to_the_endpoint_where_the_new_model_has_all_traffic(
    ui: AirflowUi, trained: DagRun, task_id: str
):
    ui.open_links(trained.url, task_id)

    endpoint = ui.follow("Endpoint")

    expect(endpoint.get_by_role("heading", level=1)).to_have_text("wine-white")
    expect(endpoint.locator("#deployed [data-deployed]")).to_have_count(1)
    expect(endpoint.locator("#deployed [data-deployed]")).to_contain_text("100 %")
    ui.picture("endpoint", endpoint)


@pytest.mark.parametrize("task_id", ["monitor", "monitor_settled"])
def test_the_monitoring_tasks_link_to_the_job_with_a_threshold_for_each_feature(
    ui: AirflowUi, trained: DagRun, demo: Demo, task_id: str
):
    contract = read_spec(demo.settings, WINE)["dataContract"]
    ui.open_links(trained.url, task_id)

    monitoring = ui.follow("Model Monitoring Job")

    expect(monitoring.locator("#state")).to_have_text("Running")
    watched = monitoring.locator("[data-feature]").evaluate_all(
        "rows => rows.map(row => row.dataset.feature)"
    )
    assert set(watched) == set(contract["columns"]) - {contract["label"]}
    ui.picture("monitoring-job", monitoring)


def test_a_red_task_says_in_its_log_what_was_wrong(ui: AirflowUi, impossible: DagRun):
    ui.page.goto(impossible.url)
    assert ui.watch_run() == "Failed"
    expect(ui.task_state("check_freshness")).to_have_text("Failed")

    ui.open_task(impossible.url, "check_freshness")

    said = re.compile("data_version 1000000000000 .* is older than the table")
    expect(ui.page.get_by_text(said).first).to_be_visible()
    # wrapped, and without the traceback
    ui.page.get_by_text(said).first.click()
    ui.page.keyboard.press("w")
    expect(ui.page.get_by_text(", in execute")).not_to_be_visible()
    ui.picture("red-task")


# one task for each kind of link
@pytest.mark.parametrize("task_id", ["train", "upload", "deploy", "monitor"])
def test_a_task_that_made_nothing_has_no_link(ui: AirflowUi, impossible: DagRun, task_id: str):
    ui.open_task(impossible.url, task_id)
    # until Airflow has answered there is no link in any case
    with ui.page.expect_response(re.compile(f"/taskInstances/{task_id}/links")):
        ui.page.get_by_role("link", name="Details", exact=True).click()

    expect(ui.page.get_by_role("cell", name="upstream_failed")).to_be_visible()
    for link in ("Pipeline Job", "Model Card", "Vertex AI Model", "Endpoint", "Model Monitoring Job"):
        expect(ui.page.get_by_role("link", name=link, exact=True)).to_have_count(0)
