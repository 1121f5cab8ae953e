"""The page of a running job in a real browser, which refreshes it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright
from tests.console.pages import job_page
from tests.vertex.pipelines.specs import Pipeline

from localcloud.config import HOST

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 60_000


@pytest.fixture
def window() -> Iterator[Page]:
    """Return a window of Chromium; an error in its console fails the test."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("there is no Chromium on the PATH")
    with sync_playwright() as playwright:
        # its sandbox does not run as root
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        window = browser.new_page()
        window.set_default_timeout(TIMEOUT_MS)
        complaints: list[str] = []
        window.on("console", lambda message: complaints.append(message.text))
        window.on("pageerror", lambda error: complaints.append(str(error)))
        yield window
        browser.close()
    assert complaints == []


def test_it_follows_the_job_to_its_end_and_keeps_open_what_was_opened(window, cloud, jobs, tmp_path):
    signal = tmp_path / "go"
    pipeline = Pipeline().container("Slow", outputs={"model": "tfx.Model"}, wait_for=str(signal))
    pipeline.container("Later", inputs={"model": "Slow.model"}, outputs={"model": "tfx.Model"})
    job = jobs.create(pipeline)
    window.goto(f"http://{HOST}:{cloud.settings.port}{job_page(job)}")
    window.wait_for_selector('svg [data-task="Slow"][data-state="RUNNING"]')
    # a box of the graph leads to its task
    window.click('svg [data-task="Slow"]')
    assert window.locator("#task-Slow").evaluate("task => task.open")

    signal.touch()

    window.wait_for_selector('#state[data-state="PIPELINE_STATE_SUCCEEDED"]')
    window.wait_for_selector('svg [data-task="Later"][data-state="SUCCEEDED"]')
    assert window.locator("#task-Slow").evaluate("task => task.open")
    assert not window.locator("#task-Later").evaluate("task => task.open")


@pytest.mark.parametrize("width", [400, 1280])
def test_no_page_is_wider_than_the_window(window, cloud, jobs, serving, width):
    window.set_viewport_size({"width": width, "height": 800})
    job = jobs.run(Pipeline().container("A" * 60, outputs={"model": "tfx.Model"}), DISPLAY_NAME="n" * 100)
    region_and_id = serving.name.split("/")[3::2]
    endpoint = "/vertex-ai/locations/{}/endpoints/{}".format(*region_and_id)

    for path in (job_page(job), endpoint, "/", "/bigquery"):
        window.goto(f"http://{HOST}:{cloud.settings.port}{path}")
        assert window.evaluate("document.documentElement.scrollWidth") == width, path
