"""State folders of fake-gcs-server, which stored each object as a file at the path of its name."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from localcloud.storage import ObjectStore, Store, take_over

ATTRIBUTE = {
    "ContentType": "text/plain",
    "ContentEncoding": "",
    "Metadata": {"wine": "red"},
    "Updated": "2026-11-30T06:35:27.679628Z",
    "Generation": 1796020527679629,
}


def keep(path: Path, content: bytes, attribute: bytes = json.dumps(ATTRIBUTE).encode()) -> None:
    """Write an object in that server's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        os.setxattr(path, "user.metadata", attribute)
    except OSError:
        pytest.skip("this file system keeps no extended attributes")


def test_its_objects_are_there_and_its_files_are_gone(tmp_path):
    kept = {"a/b.csv": "a/b.csv", "dir/~": "dir/", "a/~-/b": "a//b", "~../~~x": "../~x"}
    for path in kept:
        keep(tmp_path / "storage" / "wine" / path, path.encode())
    (tmp_path / "storage" / "wine.bucketMetadata").write_text("{}")
    (tmp_path / "storage" / "wine" / "half").write_bytes(b"never completely written")

    store = Store(tmp_path / "objects")
    take_over(tmp_path / "storage", store)

    objects = ObjectStore(store)
    assert objects.list("gs://wine/") == sorted(f"gs://wine/{name}" for name in kept.values())
    for path, name in kept.items():
        assert objects.read_typed(f"gs://wine/{name}") == (path.encode(), "text/plain")
    found = store.get("wine", "a/b.csv")
    assert (found.generation, found.metadata["metadata"]) == (1796020527679629, {"wine": "red"})
    assert store.bucket("wine").location == "EU"
    store.close()
    assert list((tmp_path / "storage").iterdir()) == []
    assert len(list((tmp_path / "objects" / "content").iterdir())) == len(kept)


def test_a_kill_on_the_way_loses_nothing(tmp_path):
    keep(tmp_path / "storage" / "wine" / "one", b"one")
    (tmp_path / "storage" / "wine.bucketMetadata").write_text("{}")
    store = Store(tmp_path / "objects")
    take_over(tmp_path / "storage", store)
    store.close()
    # killed after the catalogue was written and before the old files were removed
    keep(tmp_path / "storage" / "wine" / "one", b"one")
    (tmp_path / "storage" / "wine.bucketMetadata").write_text("{}")

    store = Store(tmp_path / "objects")
    take_over(tmp_path / "storage", store)

    assert ObjectStore(store).read("gs://wine/one") == b"one"
    store.close()
    Store(tmp_path / "objects").close()
    assert len(list((tmp_path / "objects" / "content").iterdir())) == 1


@pytest.mark.parametrize(
    "change",
    [{"Updated": ""}, {"Updated": None}, {"Generation": 2**70}, {"ContentType": "a\r\nb"}, {"Metadata": 5}],
)
def test_a_file_that_cannot_be_read_stays_and_the_rest_is_there(tmp_path, caplog, change):
    old = tmp_path / "storage" / "wine"
    bad = old / "dir" / "bad"
    keep(old / "good", b"good")
    keep(bad, b"bad", json.dumps({**ATTRIBUTE, **change}).encode())
    description = tmp_path / "storage" / "wine.bucketMetadata"
    description.write_text("{}")

    for _ in range(2):
        store = Store(tmp_path / "objects")
        take_over(tmp_path / "storage", store)
        assert ObjectStore(store).list("gs://wine/") == ["gs://wine/good"]
        store.close()

    assert (bad.read_bytes(), description.exists(), (old / "good").exists()) == (b"bad", True, False)
    assert str(bad) in caplog.text


def test_names_and_attributes_that_are_no_text_stay(tmp_path, caplog):
    old = tmp_path / "storage" / "wine"
    keep(old / os.fsdecode(b"\xff"), b"no UTF-8")
    keep(old / "broken", b"broken", b"{")
    keep(old / "list", b"list", b"[]")
    (tmp_path / "storage" / "wine.bucketMetadata").write_text("{}")
    (tmp_path / "storage" / (os.fsdecode(b"\xff") + ".bucketMetadata")).write_text("{}")

    store = Store(tmp_path / "objects")
    take_over(tmp_path / "storage", store)

    assert store.catalog.buckets() == []
    store.close()
    assert len(list(old.iterdir())) == 3
    # text that is not UTF-8 cannot be logged
    assert rb"\xff" in caplog.text.encode() or rb"\udcff" in caplog.text.encode()


def test_a_custom_time_is_kept_and_no_time_is_none(tmp_path):
    times = {"at": "2024-01-01T00:00:00Z", "never": "0001-01-01T00:00:00Z"}
    for name, time in times.items():
        attribute = json.dumps({**ATTRIBUTE, "CustomTime": time}).encode()
        keep(tmp_path / "storage" / "wine" / name, b"x", attribute)
    (tmp_path / "storage" / "wine.bucketMetadata").write_text("{}")

    store = Store(tmp_path / "objects")
    take_over(tmp_path / "storage", store)

    found = {name: store.get("wine", name).metadata.get("customTime") for name in times}
    assert found == {"at": times["at"], "never": None}
    store.close()


def test_a_newer_object_of_the_same_name_stays(tmp_path):
    store = Store(tmp_path / "objects")
    store.create_bucket("wine", "EU")
    ObjectStore(store).write("gs://wine/one", b"new")
    keep(tmp_path / "storage" / "wine" / "one", b"old")
    (tmp_path / "storage" / "wine.bucketMetadata").write_text("{}")

    take_over(tmp_path / "storage", store)

    newest = store.get("wine", "one").generation > ATTRIBUTE["Generation"]
    assert ObjectStore(store).read("gs://wine/one") == (b"new" if newest else b"old")
    store.close()
