"""One real stack that asks for a login, and Debian's Chromium to look at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from google.cloud import storage
from playwright.sync_api import Browser, BrowserContext, StorageState, expect, sync_playwright

from dev.demo.train import Demo
from dev.demo.wine_data import read_wine
from dev.install.browser import HOW_TO_INSTALL, find_browser, launch_arguments
from dev.stack.airflow_api import HEALTH
from dev.stack.settings import LOCAL
from localcloud.testing import SampleModel, free_port
from tests.support.demo_stack import running_demo
from tests.support.wine_model import export_wine
from tests.ui.airflow_ui import TIMEOUT_MS, AirflowUi
from tests.ui.stack import USER, LoginSettings

FAILED = LOCAL / "ui-failed"
SIZE = {"width": 1440, "height": 900}
# what the UI remembers in the browser
RESET = """items => {
    localStorage.clear();
    for (const {name, value} of items) localStorage.setItem(name, value);
}"""
FAILURE = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record for a test's fixtures whether it failed."""
    report = yield
    item.stash[FAILURE] = report.failed
    return report


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Return the one stack of this suite."""
    settings = LoginSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    with running_demo(settings) as demo:
        yield demo


@pytest.fixture(scope="session")
def exported(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> SampleModel:
    """Export what stands for a model of any wine, and for the wines that it knows."""
    settings = demo.settings
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    folder = tmp_path_factory.mktemp("exported")
    return export_wine(settings.cloud.pipeline_python, bucket, read_wine("red"), folder)


@pytest.fixture(scope="session")
def settings(demo: Demo) -> LoginSettings:
    """Return the settings of the stack that runs."""
    assert isinstance(demo.settings, LoginSettings)
    return demo.settings


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the screenshots: SCREENSHOTS, if a person wants to keep them."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium without a window."""
    executable = find_browser()
    if executable is None:
        pytest.skip(f"Chromium is not installed: {HOW_TO_INSTALL}")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=launch_arguments())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def new_context(browser: Browser) -> Callable[..., BrowserContext]:
    """Create a browser profile with timeouts for a busy machine."""

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(viewport=SIZE, reduced_motion="reduce", **options)
        context.set_default_timeout(TIMEOUT_MS)
        return context

    return make


@pytest.fixture(scope="session")
def signed_in(
    new_context: Callable[..., BrowserContext], settings: LoginSettings, pictures: Path
) -> StorageState:
    """Log in once, and return the browser's cookies."""
    with new_context() as context:
        ui = AirflowUi(context.new_page(), settings.airflow_url, pictures)
        ui.log_in(USER, settings.password)
        expect(ui.page.get_by_test_id("nav-dags-link")).to_be_visible()
        return context.storage_state()


@pytest.fixture(scope="session")
def keep(settings: LoginSettings) -> Callable[[BrowserContext, str], None]:
    """Write down what every tab shows, for a person who looks why a test failed."""

    def keep(context: BrowserContext, name: str) -> None:
        FAILED.mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(context.pages):
            path = FAILED / f"{name}-{number}"
            page.screenshot(path=f"{path}.png")
            Path(f"{path}.html").write_text(page.content())
            print(f"{page.url} looked like {path}.png and .html")
        print(f"Airflow's logs: {settings.root / 'logs'} and {settings.airflow_home / 'logs'}")

    return keep


@pytest.fixture(scope="session")
def open_tab(
    new_context: Callable[..., BrowserContext],
    settings: LoginSettings,
    signed_in: StorageState,
    pictures: Path,
    keep: Callable[[BrowserContext, str], None],
) -> Callable[[str], AbstractContextManager[AirflowUi]]:
    """Open tabs of the administrator for what many tests share."""

    @contextmanager
    def tab(name: str) -> Iterator[AirflowUi]:
        with new_context(storage_state=signed_in) as context:
            try:
                yield AirflowUi(context.new_page(), settings.airflow_url, pictures)
            except BaseException:
                keep(context, name)
                raise

    return tab


@pytest.fixture
def make_ui(
    request: pytest.FixtureRequest,
    new_context: Callable[..., BrowserContext],
    settings: LoginSettings,
    pictures: Path,
    keep: Callable[[BrowserContext, str], None],
) -> Iterator[Callable[..., AirflowUi]]:
    """Open a tab of a browser profile of its own; keep what it showed if the test fails."""
    contexts = []

    def make(**options: Any) -> AirflowUi:
        contexts.append(new_context(**options))
        return AirflowUi(contexts[-1].new_page(), settings.airflow_url, pictures)

    yield make
    for context in contexts:
        if request.node.stash.get(FAILURE, False):
            keep(context, request.node.name)
        context.close()


@pytest.fixture
def stranger(make_ui: Callable[..., AirflowUi]) -> AirflowUi:
    """Return a tab of somebody who has not logged in."""
    return make_ui()


@pytest.fixture(scope="session")
def administrator(
    new_context: Callable[..., BrowserContext], signed_in: StorageState
) -> Iterator[BrowserContext]:
    """Return the administrator's browser profile, which has Airflow's scripts in its cache."""
    with new_context(storage_state=signed_in) as context:
        yield context


@pytest.fixture
def ui(
    request: pytest.FixtureRequest,
    administrator: BrowserContext,
    signed_in: StorageState,
    settings: LoginSettings,
    pictures: Path,
    keep: Callable[[BrowserContext, str], None],
) -> Iterator[AirflowUi]:
    """Return a tab of the administrator; at the end the UI forgets what was chosen in it."""
    page = administrator.new_page()
    yield AirflowUi(page, settings.airflow_url, pictures)
    if request.node.stash.get(FAILURE, False):
        keep(administrator, request.node.name)
    page.goto(f"{settings.airflow_url}{HEALTH}")
    page.evaluate(RESET, [item for origin in signed_in["origins"] for item in origin["localStorage"]])
    for tab in administrator.pages:
        tab.close()
