"""Large objects in a browser: sent in blocks, and completely or not at all."""

from __future__ import annotations

import os

import pytest
from aiohttp import ClientError
from aiohttp.test_utils import TestClient, TestServer

from localcloud.console.app import Console
from localcloud.console.pages import Sources
from localcloud.gateway.health import Health
from localcloud.storage import ObjectStore, Store

LONG = os.urandom(1_000_000)
PATH = "/storage.cloud.google.com/wine/one"


@pytest.fixture
def objects(settings):
    """Return a store with one long object."""
    objects = ObjectStore(Store(settings.state / "objects"))
    objects.ensure_bucket("wine")
    objects.write("gs://wine/one", LONG)
    yield objects
    objects.store.close()


@pytest.fixture
async def browser(settings, objects):
    """Return a client of a console that only has objects."""
    console = Console(settings, Health(settings))
    console.sources = Sources(settings, None, None, objects)
    async with TestClient(TestServer(console.create_app())) as client:
        yield client


async def test_an_object_is_sent_whole_and_for_a_head_not_at_all(browser):
    for method, content in (("GET", LONG), ("HEAD", b"")):
        answer = await browser.request(method, PATH)

        assert (answer.status, await answer.read()) == (200, content)
        assert answer.headers["Content-Length"] == str(len(LONG))
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")


async def test_an_object_that_breaks_off_ends_the_connection(browser, objects):
    os.truncate(objects.store.contents.path(objects.store.get("wine", "one").content.id), 700_000)

    with pytest.raises(ClientError):
        await (await browser.get(PATH)).read()
