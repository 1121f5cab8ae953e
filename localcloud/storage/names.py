"""
Object names as the storage server's files can carry them.

Cloud Storage allows names that a file system does not keep as they are: the folder marker ``dir/`` that
TensorFlow writes, ``a//b``, ``..``. A part of a path that is empty, ``.`` or ``..`` is kept with a ``~``
before it, and so is one that begins with ``~``; every other name is its own path. Prefixes and delimiters
still work.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from localcloud.errors import ApiError

MARK = "~"

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")


def bucket_path(bucket: str) -> str:
    """
    Give the storage server's percent-encoded path of a bucket.

    Source: https://cloud.google.com/storage/docs/buckets#naming

    :param bucket: bucket name.
    :raises ApiError: 400 when no bucket can have this name.
    """
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise ApiError(400, "INVALID_ARGUMENT", f"Invalid bucket name: '{bucket}'", "invalid")
    return f"/storage/v1/b/{bucket}"


def object_path(bucket: str, name: str) -> str:
    """
    Give the storage server's percent-encoded path of an object.

    :param bucket: bucket name.
    :param name: object name as the client knows it.
    :raises ApiError: 400 when no bucket can have this name.
    """
    return f"{bucket_path(bucket)}/o/{quote(encode(name), safe='')}"


def encode(name: str) -> str:
    """
    Give the name under which the storage server keeps an object.

    :param name: object name as the client knows it.
    """
    return "/".join(_encode_part(part) for part in name.split("/"))


def encode_prefix(prefix: str) -> str:
    """
    Give the prefix that the kept names of all objects with this prefix have.

    :param prefix: beginning of an object name; its last part may be the beginning of a longer one.
    """
    *whole, beginning = prefix.split("/")
    if beginning.startswith(MARK):
        beginning = MARK + beginning
    return "/".join([*map(_encode_part, whole), beginning])


def decode(kept: str) -> str:
    """
    Give the name as the client knows it.

    :param kept: name under which the storage server keeps the object.
    """
    return "/".join(part.removeprefix(MARK) for part in kept.split("/"))


def decode_resource(resource: dict[str, Any]) -> None:
    """
    Put the client's name into an object resource, wherever the kept one stands.

    :param resource: ``storage#object`` as the storage server gives it.
    """
    kept = resource.get("name", "")
    name = decode(kept)
    if name == kept:
        return
    resource["name"] = name
    resource["id"] = f"{resource.get('bucket', '')}/{name}"
    for link in ("selfLink", "mediaLink"):
        if link in resource:
            resource[link] = resource[link].replace(quote(kept, safe="~"), quote(name, safe="~"))


def _encode_part(part: str) -> str:
    return MARK + part if part in ("", ".", "..") or part.startswith(MARK) else part
