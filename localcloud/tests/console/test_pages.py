"""What all pages have in common: accepted requests, headers, missing pages."""

from __future__ import annotations

import json
import re
from itertools import product

import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from tests.console.pages import Browse, static_files

from localcloud.config import Settings
from localcloud.console import guard, paths
from localcloud.console.app import Console
from localcloud.errors import ApiError
from localcloud.gateway.health import Health

LISTS = [*paths.LISTS.values(), "/"]


def test_a_machine_is_told_the_health_and_a_browser_gets_the_lists(browse: Browse, cloud):
    machine = browse("/", Accept="*/*")
    browser = browse("/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")

    assert json.loads(machine.body)["status"] == "SERVING"
    assert "<h1>Overview</h1>" in browser.body
    assert set(paths.LISTS.values()) <= set(browser.links)
    assert cloud.settings.project in browser.text


@pytest.mark.parametrize("path", LISTS)
def test_a_page_is_read_by_head_too(browse, path):
    whole, head = browse(path), browse(path, "HEAD")

    assert (whole.status, head.status) == (200, 200)
    assert head.body == ""
    assert head.headers.keys() == whole.headers.keys()


@pytest.mark.parametrize(
    ("path", "method"), [*product(LISTS, ["POST"]), ("/", "DELETE"), ("/no/page", "PUT"), ("/", "OPTIONS")]
)
def test_nothing_but_reading_is_answered(browse, path, method):
    answer = browse(path, method)

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert f"These pages are read-only: {method} is not answered." in answer.text


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/no/page", "There is no page /no/page."),
        (
            "/vertex-ai/locations/europe-west1/pipelines/runs/none",
            "There is no PipelineJob none in europe-west1.",
        ),
        ("/vertex-ai/locations/europe-west1/endpoints/1", "There is no Endpoint 1 in europe-west1."),
        (
            "/agent-platform/locations/europe-west1/model-deployment-monitoring/1",
            "There is no ModelDeploymentMonitoringJob 1 in europe-west1.",
        ),
        (
            "/vertex-ai/models/locations/europe-west1/models/1/versions/default/properties",
            "There is no Model 1 in europe-west1.",
        ),
        ("/bigquery?d=none&page=table&t=none", "Not found: Dataset local-project:none"),
        ("/bigquery?ws=!1m5!1m4!1m3!1slocal-project!2snone!3sEU", "Not found: Job local-project:none"),
        ("/bigquery?ws=!1m5", "There is no job in the workspace !1m5."),
        (
            "/vertex-ai/endpoints?project=another",
            "There is no project another: the only one here is local-project.",
        ),
    ],
)
def test_what_is_not_there_is_named_in_one_sentence_with_links_to_the_lists(browse, path, sentence):
    page = browse(path)

    assert page.status == 404
    assert page.inside("message") == sentence
    assert set(paths.LISTS.values()) <= set(page.links)


@pytest.mark.parametrize("project", ["local-project", "123456789012"])
def test_the_project_goes_by_its_id_and_by_its_number(browse, project):
    assert browse(f"/vertex-ai/endpoints?project={project}").status == 200


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs_inline(browse):
    page = browse("/")

    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    loaded = re.findall(r'<(?:link|script|img)[^>]*(?:href|src)="([^"]*)"', page.body)
    assert loaded
    for link in loaded:
        assert link.startswith("/static/")
        assert browse(link).status == 200
    assert " style=" not in page.body
    assert not re.search(r"url\(|@import|https?:", (static_files() / "console.css").read_text())


@pytest.mark.parametrize(
    "host", ["rebound.example.com", "rebound.example.com:19443", "127.0.0.1.example.com", ""]
)
def test_another_host_is_not_answered_for(browse, host):
    page = browse("/", Host=host)

    assert page.status == 403
    assert "local-project" not in page.inside("message")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:19443"])
def test_loopback_goes_by_any_of_its_names(browse, host):
    assert browse("/", Host=host).status == 200


def test_the_host_of_the_console_url_and_of_other_containers_is_answered_for(tmp_path):
    settings = Settings(state=tmp_path, browser_url="http://wine.example.com:8080", address="localcloud")

    for host in ("wine.example.com", "localcloud:19443"):
        guard.check(make_mocked_request("GET", "/", headers={"Host": host}), settings)
    with pytest.raises(ApiError, match=r"does not answer for example\.com"):
        guard.check(make_mocked_request("GET", "/", headers={"Host": "example.com"}), settings)


async def test_before_there_is_anything_to_read_a_page_says_so_and_the_health_is_told(tmp_path):
    settings = Settings(state=tmp_path)
    async with TestClient(TestServer(Console(settings, Health(settings)).create_app())) as client:
        page = await client.get("/", headers={"Accept": "text/html"})
        health = await client.get("/")

        assert page.status == 503
        assert "starting or stopping" in await page.text()
        assert health.status == 503
        assert (await health.json())["status"] == "STARTING"


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_stands_out_as_wcag_asks(scheme):
    """Check for a contrast of at least 4.5, level AA: https://www.w3.org/TR/WCAG22/#contrast-minimum"""
    block = re.findall(r":root \{(.*?)\}", (static_files() / "console.css").read_text(), re.DOTALL)[scheme]
    colours = dict(re.findall(r"--(\w+): (#\w{6});", block))
    texts = colours.keys() - {"page", "panel", "line"}

    assert texts == {"text", "quiet", "link", "good", "bad", "busy", "stopped", "idle"}
    for text, ground in product(texts, ("page", "panel")):
        darker, lighter = sorted([luminance(colours[text]), luminance(colours[ground])])
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, ground)
