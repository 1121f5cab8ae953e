"""State folders in which each object is a file at a path of its name, with its metadata in an attribute."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from localcloud.errors import ApiError
from localcloud.storage.catalog import Bucket, Object, now_us
from localcloud.storage.content import Contents
from localcloud.storage.names import check_bucket, check_object
from localcloud.storage.resources import written
from localcloud.storage.store import Store

log = logging.getLogger(__name__)

ATTRIBUTE = "user.metadata"
SUFFIX = ".bucketMetadata"
LOCATION = "EU"
_MARK, _NOTHING = "~", "~-"
_FIELDS = {
    "ContentType": "contentType",
    "ContentEncoding": "contentEncoding",
    "ContentDisposition": "contentDisposition",
    "ContentLanguage": "contentLanguage",
    "CacheControl": "cacheControl",
    "CustomTime": "customTime",
    "Metadata": "metadata",
}
# how a file shows that it is not what that server wrote
_UNREADABLE = (ApiError, OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
# Go's zero time, which that server writes where there is no time
_NO_TIME = "0001-01-01T"


def take_over(folder: Path, store: Store) -> None:
    """
    Move the buckets of such a folder into a store, once; content is not copied.

    A file is removed from the folder when it is in the catalogue, so that a kill loses nothing. A file
    without its attribute was never completely written, and no client was told that it was. What cannot be
    taken over stays where it is, and the next start tries again.

    :param folder: the folder; there is nothing to do if it is absent.
    :param store: where to, on the same file system.
    """
    for description in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            bucket = check_bucket(description.name.removesuffix(SUFFIX))
        except ApiError as error:
            log.warning("an older bucket stays where it is: %r: %s", str(description), _text(error))
            continue
        _take_bucket(bucket, folder / bucket, store)
        if not _remains(folder / bucket):
            shutil.rmtree(folder / bucket, ignore_errors=True)
            description.unlink()


def _take_bucket(bucket: str, root: Path, store: Store) -> None:
    files = [Path(at, name) for at, _, names in os.walk(root) for name in names]
    taken: list[Path] = []
    with store.catalog.transaction():
        for path in files:
            try:
                found = _object(bucket, path.relative_to(root), path, store.contents)
                if found is not None:
                    _put(found, store)
            except _UNREADABLE as error:
                log.warning("an older object stays where it is: %r: %s", str(path), _text(error))
                continue
            taken.append(path)
        # a bucket of which some stays may have been deleted since it was taken over
        if (taken or not files) and store.catalog.bucket(bucket) is None:
            store.catalog.put_bucket(Bucket(bucket, LOCATION, now_us()))
    for path in taken:
        with contextlib.suppress(OSError):
            path.unlink()
    log.warning(
        "took over %d of %d files of the bucket %s of an older state folder", len(taken), len(files), bucket
    )


def _text(error: Exception) -> str:
    """Return what an error says as text that a log can take: it may hold a name that is no UTF-8."""
    return str(error).encode(errors="backslashreplace").decode()


def _put(found: Object, store: Store) -> None:
    """Write an object, unless a newer one has its name since an earlier start."""
    there = store.catalog.object(found.bucket, found.name)
    if there is None or there.generation <= found.generation:
        store.catalog.put_object(found)


def _remains(root: Path) -> bool:
    return any(names for _, _, names in os.walk(root))


def _object(bucket: str, kept: Path, path: Path, contents: Contents) -> Object | None:
    """Return a file as an object; None if it was never completely written."""
    if ATTRIBUTE not in os.listxattr(path):
        return None
    attribute: dict[str, Any] = json.loads(os.getxattr(path, ATTRIBUTE))
    name = check_object("/".join("" if part == _NOTHING else part.removeprefix(_MARK) for part in kept.parts))
    metadata = written({new: attribute[old] for old, new in _FIELDS.items() if attribute.get(old)})
    if metadata.get("customTime", "").startswith(_NO_TIME):
        del metadata["customTime"]
    updated = datetime.datetime.fromisoformat(attribute["Updated"]).timestamp()
    generation = int(attribute["Generation"])
    content = contents.describe(contents.link(path))
    return Object(bucket, name, generation, 1, content, 0, int(updated * 1e6), metadata)
