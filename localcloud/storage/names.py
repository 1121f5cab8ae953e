"""
Object names as the storage server's files can carry them.

Cloud Storage allows names that a file system does not keep as they are: the folder marker ``dir/`` that
TensorFlow writes, ``a//b``, ``..``. A part of a path that is ``.`` or ``..`` or begins with ``~`` is kept
with a ``~`` before it, an empty one as ``~`` at the end and as ``~-`` before a slash, for the first is a file
and the second a folder; every other name is its own path. Prefixes and delimiters still work.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from localcloud.errors import ApiError

MARK = "~"
NOTHING = "~-"

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
    *folders, last = name.split("/")
    return "/".join([*map(_encode_folder, folders), _encode_part(last)])


def encode_prefix(prefix: str) -> str:
    """
    Give a prefix that the kept names of all objects with this prefix have.

    Others may have it too: who lists must still compare the names themselves.

    :param prefix: beginning of an object name; its last part may be the beginning of a longer one.
    """
    *folders, beginning = prefix.split("/")
    if beginning in (".", ".."):
        beginning = ""
    elif beginning.startswith(MARK):
        beginning = MARK + beginning
    return "/".join([*map(_encode_folder, folders), beginning])


def decode(kept: str) -> str:
    """
    Give the name as the client knows it.

    :param kept: name under which the storage server keeps the object.
    """
    return "/".join("" if part == NOTHING else part.removeprefix(MARK) for part in kept.split("/"))


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


def _encode_folder(part: str) -> str:
    return _encode_part(part) if part else NOTHING
