"""The page Models in Airflow, while a model gets better, worse and older."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import FrameLocator, Locator, ViewportSize, expect

from dev.demo.train import Demo
from localcloud.testing import SampleModel, eventually
from tests.ui.airflow_ui import TIMEOUT_MS, AirflowUi
from tests.ui.stack import USER, LoginSettings
from tests.ui.story import DRIFT, RETRAINING, ROLLBACK, WINE, Story

pytestmark = [pytest.mark.ui, pytest.mark.timeout(1200)]
PATH = "models-in-service/"
# the page asks Google anew after 15 s
LOOK_MS = 5_000
# a wine fits
TALL: ViewportSize = {"width": 1440, "height": 1020}
REASON = "mad is 0.531, allowed is 0.527"


class ModelsPage:
    """
    The page of the models inside Airflow.

    :param ui: the tab that it is in.
    """

    def __init__(self, ui: AirflowUi) -> None:
        self.ui = ui

    def open(self) -> None:
        """Open it from the menu."""
        self.ui.page.goto(self.ui.url)
        self.ui.page.get_by_role("link", name="Models", exact=True).click()
        expect(self.frame.get_by_role("heading", name="Models in service")).to_be_visible()

    @property
    def frame(self) -> FrameLocator:
        """Return the frame that Airflow shows it in."""
        return self.ui.page.frame_locator("iframe")

    @property
    def card(self) -> Locator:
        """Return the region of the red wines."""
        return self.frame.get_by_role("region", name=f"wine-{WINE}")

    def answer(self, question: str) -> Locator:
        """Return the tile that answers one of the three questions."""
        return self.card.locator(".tile").filter(has_text=question)

    def row(self, *texts: str) -> Locator:
        """Return the row of a table that contains all these texts."""
        row = self.card.get_by_role("row")
        for text in texts:
            row = row.filter(has_text=text)
        return row

    def picture(self, name: str) -> None:
        """Take a screenshot in a new tab, whose loading nothing has interrupted."""
        tab = self.ui.page.context.new_page()
        tab.set_viewport_size(TALL)
        tab.goto(f"{self.ui.url}/plugin/models")
        card = tab.frame_locator("iframe").get_by_role("region", name=f"wine-{WINE}")
        expect(card).to_be_visible()
        self.ui.picture(name, tab)
        tab.close()

    def await_sight(self, locator: Locator) -> None:
        """Reload until something is there."""

        def is_visible() -> bool:
            with suppress(AssertionError):
                expect(locator).to_be_visible(timeout=LOOK_MS)
                return True
            self.open()
            return False

        eventually(is_visible, seconds=TIMEOUT_MS / 1000)


@pytest.fixture
def models(ui: AirflowUi) -> ModelsPage:
    return ModelsPage(ui)


@pytest.fixture(scope="module")
def story(demo: Demo, settings: LoginSettings, exported: SampleModel) -> Iterator[Story]:
    """Load the red wines and publish their pipeline; stop their model servers at the end."""
    demo.stack.airflow.log_in(USER, settings.password)
    story = Story(demo, exported)
    yield story
    story.rollout.close()


@pytest.fixture(scope="module")
def champion(story: Story) -> str:
    """Roll out a first model, and send it ordinary requests."""
    run_id = story.begin(RETRAINING)
    result = story.train(run_id, blessed=True, mad=0.507, auc=0.812, accuracy=0.742)
    story.roll_out(result)
    story.end(RETRAINING, run_id)
    story.ask()
    return run_id


@pytest.fixture(scope="module")
def rejected(story: Story, champion: str) -> str:
    """Train a model that is not better."""
    run_id = story.begin(RETRAINING)
    figures = {"mad": 0.531, "auc": 0.79, "accuracy": 0.72}
    story.train(run_id, blessed=False, reason=REASON, **figures, champion_mad=0.507, champion_auc=0.812)
    story.end(RETRAINING, run_id)
    return run_id


@pytest.fixture(scope="module")
def rolled_back(story: Story, rejected: str) -> str:
    """Roll out a better model, and roll back by hand."""
    run_id = story.begin(RETRAINING)
    figures = {"mad": 0.489, "auc": 0.823, "accuracy": 0.751}
    result = story.train(run_id, blessed=True, **figures, champion_mad=0.509, champion_auc=0.81)
    story.roll_out(result)
    story.end(RETRAINING, run_id)
    run_id = story.begin(ROLLBACK)
    story.serve(story.version(1))
    story.end(ROLLBACK, run_id)
    return run_id


@pytest.fixture(scope="module")
def alerted(story: Story, rolled_back: str) -> None:
    """Send requests for ordinary wines, then for stronger ones, and run the drift DAG on the anomalies."""
    story.ask()
    story.ask(alcohol=2.0)
    story.look_for_drift()


def test_who_has_not_logged_in_sees_nothing(stranger: AirflowUi) -> None:
    for path in ("", "static/page.css", "static/page.js"):
        assert stranger.page.request.get(f"{stranger.url}/{PATH}{path}").status == 401


def test_a_champion_serves_is_fresh_and_does_not_drift(models: ModelsPage, champion: str) -> None:
    models.open()

    models.await_sight(models.answer("Is it drifting?").get_by_text("No drift"))
    expect(models.answer("Which model serves?")).to_contain_text("Version 1")
    expect(models.answer("Which model serves?")).to_contain_text("champion, all traffic")
    expect(models.answer("Is it fresh?")).to_contain_text("Up to date")
    expect(models.row("champion", "100 %", "0.507")).to_be_visible()
    expect(models.row("alcohol")).to_contain_text("of 0.3")
    expect(models.row("Promoted", "version 1")).to_be_visible()
    card = models.row("champion").get_by_role("link", name="card")
    expect(card).to_have_attribute("href", re.compile("/storage.cloud.google.com/.*/card.html$"))
    models.picture("models-champion")


def test_a_link_leads_out_of_the_frame_to_the_run(models: ModelsPage, champion: str) -> None:
    models.open()
    models.await_sight(models.row("champion"))

    models.row("champion").get_by_role("link", name="run").click()

    expect(models.ui.page.get_by_role("heading", name=champion)).to_be_visible()
    assert f"/dags/{RETRAINING}/runs/" in models.ui.page.url


def test_a_link_to_the_console_opens_a_tab(models: ModelsPage, champion: str) -> None:
    models.open()
    models.await_sight(models.row("champion"))

    with models.ui.page.context.expect_page() as opened:
        models.row("champion").get_by_role("link", name="job").click()

    opened.value.wait_for_load_state()
    assert "/pipelines/runs/wine-retraining-red" in opened.value.url
    expect(opened.value.get_by_text("Succeeded").first).to_be_visible()


def test_a_rejected_challenger_is_shown_with_the_reason_and_the_champion_serves_on(
    models: ModelsPage, rejected: str
) -> None:
    models.open()

    models.await_sight(models.row("Rejected", REASON))
    expect(models.answer("Which model serves?")).to_contain_text("Version 1")
    expect(models.row("Promoted")).to_have_count(1)
    mark = models.card.get_by_role("link", name=re.compile(r"no version: 0\.531, champion 0\.507\. Rejected"))
    expect(mark).to_be_visible()


def test_a_rollback_is_shown_with_the_version_that_was_left(models: ModelsPage, rolled_back: str) -> None:
    models.open()

    models.await_sight(models.row("Rolled back manually"))
    # a rollback can be rolled back
    models.await_sight(models.row("previous", "0.489"))
    expect(models.row("champion", "100 %", "0.507")).to_be_visible()
    expect(models.answer("Which model serves?")).to_contain_text("Version 1")
    expect(models.row("Promoted", "version 2")).to_be_visible()


def test_an_alert_names_the_feature_and_how_far_it_is(models: ModelsPage, alerted: None) -> None:
    models.open()

    models.await_sight(models.answer("Is it drifting?").get_by_text("Drifting: alcohol"))
    models.await_sight(models.card.get_by_role("link", name=DRIFT))
    alert = models.card.get_by_role("listitem").filter(has_text="alcohol skew")
    expect(alert).to_have_count(1)
    expect(alert).to_contain_text(
        re.compile(r"alcohol skew 0\.\d\d above 0\.3, alcohol drift 0\.\d\d above 0\.3")
    )
    expect(models.card.get_by_role("img", name=re.compile("an anomaly"))).to_have_count(2)
    models.picture("models")

    alert.get_by_role("link", name=DRIFT).click()

    models.ui.page.wait_for_url(re.compile(f"/dags/{DRIFT}/runs/"))


def test_the_page_is_as_dark_as_airflow(
    make_ui: Callable[..., AirflowUi], signed_in: object, champion: str
) -> None:
    dark = ModelsPage(make_ui(storage_state=signed_in, color_scheme="dark"))
    dark.open()

    expect(dark.frame.locator("body")).to_have_css("background-color", "rgb(20, 24, 31)")
