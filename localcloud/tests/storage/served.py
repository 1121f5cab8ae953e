"""Cloud Storage alone, for tests that send requests that Google's clients would not."""

from __future__ import annotations

from pathlib import Path

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from localcloud.config import Settings
from localcloud.gateway.faults import Faults
from localcloud.storage import Store, create_app

UPLOAD = "/upload/storage/v1/b/wine/o"
OBJECTS = "/storage/v1/b/wine/o"


class Served:
    """
    A store with the bucket ``wine`` and what serves it.

    :param state: folder for its state.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / "objects"
        self.store = Store(self.folder)
        self.store.create_bucket("wine", "EU")
        self.client = TestClient(TestServer(create_app(self.store, Settings(state=state), Faults(state))))

    async def ask(self, method: str, path: str, **options) -> ClientResponse:
        """Send a request, with its path as it is, and read the answer."""
        answer = await self.client.request(method, URL(path, encoded=True), **options)
        await answer.read()
        return answer

    async def put(self, name: str, content: bytes, **options) -> ClientResponse:
        """Upload an object; its name is percent-encoded already."""
        return await self.ask("POST", f"{UPLOAD}?uploadType=media&name={name}", data=content, **options)

    async def content(self, name: str, **options) -> bytes:
        """Read an object; its name is percent-encoded already."""
        return await (await self.ask("GET", f"{OBJECTS}/{name}?alt=media", **options)).read()

    async def names(self, query: str = "") -> list[str]:
        """List names."""
        listed = await (await self.ask("GET", f"{OBJECTS}?{query}")).json()
        return [item["name"] for item in listed.get("items", [])] + listed.get("prefixes", [])
