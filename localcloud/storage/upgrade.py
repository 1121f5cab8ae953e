"""State folders in which each object is a file at a path of its name, with its metadata in an attribute."""

from __future__ import annotations

import datetime
import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

from localcloud.storage.catalog import Bucket, Object, now_us
from localcloud.storage.content import Contents
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
    "Metadata": "metadata",
}


def take_over(folder: Path, store: Store) -> None:
    """
    Bring the buckets of such a folder into a store, once; content is not copied.

    A bucket is removed from the folder when all of it is in the catalogue, so that a kill loses nothing. A
    file without its attribute was never completely written, and no client was told that it was.

    :param folder: the folder; there is nothing to do if it is absent.
    :param store: where to, on the same file system.
    """
    catalog, contents = store.catalog, store.contents
    for description in sorted(folder.glob(f"*{SUFFIX}")):
        bucket = description.name.removesuffix(SUFFIX)
        root = folder / bucket
        files = [Path(at, name) for at, _, names in os.walk(root) for name in names]
        with catalog.transaction():
            if catalog.bucket(bucket) is None:
                catalog.add_bucket(Bucket(bucket, LOCATION, now_us()))
            for path in files:
                if ATTRIBUTE in os.listxattr(path):
                    catalog.put_object(_object(bucket, path.relative_to(root), path, contents))
        shutil.rmtree(root, ignore_errors=True)
        description.unlink()
        log.warning("took over the bucket %s of an older state folder, with %d files", bucket, len(files))


def _object(bucket: str, kept: Path, path: Path, contents: Contents) -> Object:
    attribute: dict[str, Any] = json.loads(os.getxattr(path, ATTRIBUTE))
    name = "/".join("" if part == _NOTHING else part.removeprefix(_MARK) for part in kept.parts)
    metadata = {new: attribute[old] for old, new in _FIELDS.items() if attribute.get(old)}
    content = contents.describe(contents.link(path))
    updated = datetime.datetime.fromisoformat(attribute["Updated"]).timestamp()
    return Object(bucket, name, int(attribute["Generation"]), 1, content, 0, int(updated * 1e6), metadata)
