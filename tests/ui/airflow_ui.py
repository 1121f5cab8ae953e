"""What a person does in Airflow's UI, by the words that they read there."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from localcloud.testing import eventually

# Nothing is measured here, and the machine may be busy.
TIMEOUT_MS = 60_000
RUN_MS = 900_000
ENDED = re.compile("^(Success|Failed)$")
# what Airflow shows in place of what it has not got yet
PLACEHOLDERS = ".chakra-skeleton, .chakra-spinner, [role=progressbar]"
# Airflow has drawn what it got within this time
SETTLE_SECONDS = 0.5


class AirflowUi:
    """
    One browser tab on Airflow.

    :param page: the tab.
    :param url: base URL of Airflow.
    :param pictures: folder of the screenshots.
    """

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self.url = url
        self._pictures = pictures

    def log_in(self, user: str, password: str) -> None:
        """Open the UI, which asks who it is, and answer."""
        self.page.goto(self.url)
        self.page.get_by_label("Username").fill(user)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def open_list(self) -> None:
        """Open the list of all DAGs from the menu."""
        self.page.goto(self.url)
        self.page.get_by_test_id("nav-dags-link").click()
        expect(self.page.get_by_role("heading", name=re.compile(r"^\d+ Dags$"))).to_be_visible()

    def open_dag(self, dag_id: str) -> None:
        """Open a DAG from the list."""
        self.open_list()
        self.page.get_by_role("link", name=dag_id, exact=True).click()
        expect(self.heading(dag_id)).to_be_visible()

    def open_trigger_form(self, dag_id: str) -> Locator:
        """Open the form that triggers a DAG, and return it."""
        self.open_dag(dag_id)
        self.page.get_by_test_id("trigger-dag-button").click()
        form = self.page.get_by_role("dialog")
        expect(form.get_by_role("heading", name=f"Trigger Dag - {dag_id}")).to_be_visible()
        return form

    def trigger(self, form: Locator) -> str:
        """Send the trigger form; return the URL of the run's page, which follows."""
        form.get_by_role("button", name="Trigger", exact=True).click()
        self.page.wait_for_url(re.compile("/runs/"))
        return self.page.url

    def watch_run(self) -> str:
        """Watch the run's page until the run has ended, and return the state that it shows."""
        title = self.page.get_by_role("heading", name=re.compile("^manual__"))
        badge = title.locator("xpath=..").get_by_test_id("state-badge")
        expect(badge).to_have_text(ENDED, timeout=RUN_MS)
        return badge.inner_text()

    def task_state(self, task_id: str) -> Locator:
        """Find the state of a task in the table of the run's page."""
        name = self.page.get_by_role("cell", name=task_id, exact=True)
        return self.page.get_by_role("row").filter(has=name).get_by_test_id("state-badge")

    def open_task(self, run_url: str, task_id: str) -> None:
        """Open a task of a run from the run's page."""
        self.page.goto(run_url)
        self.page.get_by_role("table").get_by_role("link", name=task_id, exact=True).click()
        expect(self.heading(task_id)).to_be_visible()

    def open_links(self, run_url: str, task_id: str) -> None:
        """Open the tab of a task of a run that holds its links."""
        self.open_task(run_url, task_id)
        self.page.get_by_role("link", name="Details", exact=True).click()
        expect(self.heading("Extra Links")).to_be_visible()

    def follow(self, link: str) -> Page:
        """Follow a link of the task, and return the tab that it opens."""
        with self.page.context.expect_page() as opened:
            self.page.get_by_role("link", name=link, exact=True).click()
        opened.value.wait_for_load_state()
        return opened.value

    def show_graph(self) -> Locator:
        """Switch to the graph, open every task group, and return it."""
        self.page.get_by_role("button", name="Show Graph").click()
        expand = self.page.get_by_test_id("expand-all-button")
        if expand.is_enabled():
            expand.click()
        return self.page.get_by_role("application")

    def close_groups(self) -> None:
        """Close every task group of the graph, so that it fits."""
        self.page.get_by_test_id("collapse-all-button").click()

    def read_documentation(self, button: str) -> Locator:
        """Press a button with a book on it, and return what opens."""
        self.page.get_by_role("button", name=button, exact=True).click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog.get_by_role("heading", name="Documentation").first).to_be_visible()
        return dialog

    def heading(self, text: str) -> Locator:
        """Find a title of the page."""
        return self.page.get_by_role("heading", name=text, exact=True)

    def picture(self, name: str, page: Page | None = None) -> None:
        """
        Take a screenshot of the visible part of the page, once two in a row are the same.

        Playwright's ``toHaveScreenshot`` waits in this way too. It can miss that the network is idle:
        https://github.com/microsoft/playwright/issues/42598.

        :param page: a tab that this one has opened, in place of it.
        """
        shown = page or self.page
        # no pointer over a chart, no toast
        shown.mouse.move(0, 0)
        # these stand still while their data is loaded
        expect(shown.locator(PLACEHOLDERS).filter(visible=True)).to_have_count(0)
        shots = [b""]

        def is_drawn() -> bool:
            shots.append(shown.screenshot(animations="disabled"))
            return shots[-1] == shots[-2]

        eventually(is_drawn, seconds=TIMEOUT_MS / 1000, every=SETTLE_SECONDS)
        (self._pictures / f"airflow-{name}.png").write_bytes(shots[-1])
