from __future__ import annotations

import asyncio

import pytest

from localcloud.errors import ApiError
from localcloud.storage import FakeGcs, ObjectStore


@pytest.fixture
async def objects(settings):
    """The store that the other services use, on a storage server of its own."""
    gcs = FakeGcs(settings)
    await gcs.start()
    store = ObjectStore(gcs.base_url)
    store._pool.request("POST", f"{gcs.base_url}/storage/v1/b", json={"name": "wine"})
    yield store
    await gcs.stop()


async def test_what_is_written_is_read_listed_and_exists(objects):
    names = ["gs://wine/a/1", "gs://wine/a/dir/", "gs://wine/a//x", "gs://wine/b 2"]
    for name in names:
        await asyncio.to_thread(objects.write, name, name.encode())

    assert objects.list("gs://wine/") == sorted(names)
    assert objects.list("gs://wine/a/") == sorted(names[:3])
    assert [objects.read(name) for name in names] == [name.encode() for name in names]
    assert objects.exists("gs://wine/a/dir/")
    assert not objects.exists("gs://wine/a")


async def test_what_is_not_there_is_named(objects):
    for call in (
        lambda: objects.read("gs://wine/nothing"),
        lambda: objects.write("gs://other/x", b""),
        lambda: objects.list("gs://other/x"),
    ):
        with pytest.raises(ApiError, match="Not found: gs://") as caught:
            call()
        assert caught.value.code == 404


@pytest.mark.parametrize("uri", ["/local/path", "gs://", "gs:///x", "s3://a/b", "gs://../x"])
async def test_what_is_no_address_is_refused(objects, uri):
    with pytest.raises(ApiError) as caught:
        objects.read(uri)

    assert caught.value.code == 400
