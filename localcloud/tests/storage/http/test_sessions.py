"""Concurrent requests of one resumable upload."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import ClientError
from tests.storage.served import UPLOAD
from yarl import URL

from localcloud.storage.http import resumable

UNIT = 256 * 1024


async def stalled():
    """Return a body that starts and never continues."""
    yield b"a" * (UNIT + 1000)
    await asyncio.sleep(600)


async def test_a_client_that_stalls_does_not_keep_its_upload_from_another(served, monkeypatch):
    monkeypatch.setattr(resumable, "PREVIOUS_SECONDS", 0.2)
    begun = await served.ask("POST", f"{UPLOAD}?uploadType=resumable&name=one")
    path = URL(begun.headers["Location"]).raw_path_qs
    file = served.store.contents.path(URL(path).query["upload_id"])
    first = asyncio.create_task(
        served.ask("PUT", path, data=stalled(), headers={"Content-Range": f"bytes 0-{2 * UNIT - 1}/*"})
    )
    async with asyncio.timeout(60):
        while file.stat().st_size < UNIT:
            await asyncio.sleep(0.01)

        asked = await served.ask("PUT", path, headers={"Content-Range": "bytes */*"})

    assert (asked.status, asked.headers["Range"]) == (308, f"bytes=0-{UNIT - 1}")
    with pytest.raises(ClientError):
        await first
    rest = {"Content-Range": f"bytes {UNIT}-{UNIT + 2}/{UNIT + 3}"}
    assert (await served.ask("PUT", path, data=b"end", headers=rest)).status == 200
    assert await served.content("one") == b"a" * UNIT + b"end"
