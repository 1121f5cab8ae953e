from __future__ import annotations

import pytest

from localcloud.errors import ApiError
from localcloud.storage import ObjectStore, Store


@pytest.fixture
def objects(settings):
    """Return the store that the other services use, with one bucket."""
    store = ObjectStore(Store(settings.state / "objects"))
    store.ensure_bucket("wine")
    yield store
    store.store.close()


def test_what_is_written_is_read_listed_and_exists(objects):
    names = ["gs://wine/a/1", "gs://wine/a/dir/", "gs://wine/a//x", "gs://wine/b 2"]
    for name in names:
        objects.write(name, name.encode())

    assert objects.list("gs://wine/") == sorted(names)
    assert objects.list("gs://wine/a/") == sorted(names[:3])
    assert [objects.read(name) for name in names] == [name.encode() for name in names]
    assert objects.exists("gs://wine/a/dir/")
    assert not objects.exists("gs://wine/a")


def test_what_is_not_there_is_named(objects):
    for call in (
        lambda: objects.read("gs://wine/nothing"),
        lambda: objects.write("gs://other/x", b""),
        lambda: objects.list("gs://other/x"),
    ):
        with pytest.raises(ApiError, match="Not found: gs://") as caught:
            call()
        assert caught.value.code == 404


@pytest.mark.parametrize("uri", ["/local/path", "gs://", "gs:///x", "s3://a/b", "gs://../x"])
def test_what_is_no_address_is_refused(objects, uri):
    with pytest.raises(ApiError) as caught:
        objects.read(uri)

    assert caught.value.code == 400
