"""Content that cannot be sent completely."""

from __future__ import annotations

import gzip
import os

import pytest
from aiohttp import ClientError

LONG = os.urandom(1_000_000)
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture
def truncate(served):
    """Truncate the file of an object."""

    def truncate(name: str, size: int) -> None:
        os.truncate(served.store.contents.path(served.store.get("wine", name).content.id), size)

    return truncate


@pytest.mark.parametrize("padding", [b"", gzip.compress(b"", mtime=0)])
async def test_all_members_of_a_gzip_file_are_unpacked(served, padding):
    packed = (
        gzip.compress(b"one\n", mtime=0)
        + padding
        + gzip.compress(LONG, mtime=0)
        + gzip.compress(b"two\n" * 500_000, mtime=0)
    )
    await served.put("one&contentEncoding=gzip", packed)

    assert await served.content("one", headers=PLAIN) == b"one\n" + LONG + b"two\n" * 500_000


@pytest.mark.parametrize(
    "packed",
    [gzip.compress(LONG, mtime=0)[:-5], gzip.compress(b"x", mtime=0) + gzip.compress(LONG, mtime=0)[:-500]],
)
async def test_a_gzip_file_that_breaks_off_ends_the_connection(served, packed):
    await served.put("one&contentEncoding=gzip", packed)

    with pytest.raises(ClientError):
        await served.content("one", headers=PLAIN)


async def test_what_is_no_gzip_is_refused(served):
    await served.put("one&contentEncoding=gzip", b"no gzip at all")

    answer = await served.ask("GET", "/wine/one", headers=PLAIN)

    assert answer.status == 400
    assert "says it is gzip" in (await answer.json())["error"]["message"]


async def test_content_that_is_too_short_from_its_first_block_on_is_an_error(served, truncate):
    await served.put("one", b"x" * 1000)
    truncate("one", 10)

    answer = await served.ask("GET", "/wine/one")

    assert answer.status == 500
    assert (await answer.json())["error"]["status"] == "INTERNAL"


async def test_content_that_is_too_short_further_on_ends_the_connection(served, truncate):
    await served.put("one", LONG)
    truncate("one", 700_000)

    with pytest.raises(ClientError):
        await served.content("one")
