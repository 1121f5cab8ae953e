"""One real stack that asks for a login, and Debian's Chromium to look at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, StorageState, expect, sync_playwright

from dev.browser import HOW_TO_INSTALL, find_browser, launch_arguments
from dev.demo import Demo
from dev.settings import LOCAL
from tests.conftest import free_port
from tests.demo_stack import running_demo
from tests.ui.airflow_ui import PATIENCE_MS, AirflowUi
from tests.ui.stack import USER, LoginSettings

FAILED = LOCAL / "ui-failed"
SIZE = {"width": 1440, "height": 900}
FAILURE = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a test's fixtures know whether it failed."""
    report = yield
    item.stash[FAILURE] = report.failed
    return report


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give the one stack of this suite."""
    settings = LoginSettings(
        root=tmp_path_factory.mktemp("stack"), airflow_port=free_port(), cloud_port=free_port()
    )
    with running_demo(settings) as demo:
        yield demo


@pytest.fixture(scope="session")
def settings(demo: Demo) -> LoginSettings:
    """Give the settings of the stack that runs."""
    assert isinstance(demo.settings, LoginSettings)
    return demo.settings


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the screenshots: SCREENSHOTS, if a person wants to keep them."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium without a window."""
    executable = find_browser()
    if executable is None:
        pytest.skip(f"there is no Chromium: {HOW_TO_INSTALL}")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=launch_arguments())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def new_context(browser: Browser) -> Callable[..., BrowserContext]:
    """Make a browser profile of its own, patient with a busy machine."""

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(viewport=SIZE, **options)
        context.set_default_timeout(PATIENCE_MS)
        return context

    return make


@pytest.fixture(scope="session")
def signed_in(
    new_context: Callable[..., BrowserContext], settings: LoginSettings, pictures: Path
) -> StorageState:
    """Log in once, and give the browser's cookies."""
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
    """Give a tab of somebody who has not logged in."""
    return make_ui()


@pytest.fixture
def ui(make_ui: Callable[..., AirflowUi], signed_in: StorageState) -> AirflowUi:
    """Give a tab of the administrator."""
    return make_ui(storage_state=signed_in)
