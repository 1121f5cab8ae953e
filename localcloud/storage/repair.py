"""What a killed storage server leaves behind, put right before the next one starts."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from localcloud.errors import StartError

log = logging.getLogger(__name__)

# The server keeps an object's metadata beside its content, in this extended attribute.
ATTRIBUTE = "user.metadata"
BUCKET_SUFFIX = ".bucketMetadata"


def repair(root: Path) -> None:
    """
    Remove objects and bucket descriptions that were never completely written.

    None of them was ever acknowledged to a client, but one of them makes the listing of its bucket fail.

    :param root: folder of the storage server.
    :raises StartError: when the file system cannot keep an object's metadata.
    """
    _check_attributes(root)
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            whole = _is_json(path) if _describes_bucket(path, root) else ATTRIBUTE in os.listxattr(path)
            if not whole:
                log.warning("removed %s: it was never completely written", path)
                path.unlink()


def _describes_bucket(path: Path, root: Path) -> bool:
    return path.parent == root and path.name.endswith(BUCKET_SUFFIX)


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _check_attributes(root: Path) -> None:
    try:
        os.setxattr(root, "user.localcloud", b"1")
    except OSError as error:
        message = f"{root} keeps no extended attributes ({error.strerror}): move LOCALCLOUD_STATE"
        raise StartError(message) from error
