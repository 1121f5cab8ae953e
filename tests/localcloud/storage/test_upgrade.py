"""State folders of fake-gcs-server, which kept each object as a file at a path of its name."""

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


def keep(path: Path, content: bytes) -> None:
    """Write an object as that server did."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    try:
        os.setxattr(path, "user.metadata", json.dumps(ATTRIBUTE).encode())
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
