"""
Objects in the JSON API, and the fields of an object that clients write.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects#resource
"""

from __future__ import annotations

import base64
import datetime
import re
from typing import Any, TypeGuard
from urllib.parse import quote

from localcloud.errors import ApiError, invalid, not_served
from localcloud.storage.catalog import Object
from localcloud.storage.content import Content

API = "https://www.googleapis.com"
# https://cloud.google.com/storage/docs/storage-classes, with the legacy ones
_STANDARD = "STANDARD"
STORAGE_CLASSES = (
    _STANDARD,
    "NEARLINE",
    "COLDLINE",
    "ARCHIVE",
    "MULTI_REGIONAL",
    "REGIONAL",
    "DURABLE_REDUCED_AVAILABILITY",
)

# of keys and values together: https://cloud.google.com/storage/quotas#objects
LARGEST_CUSTOM_METADATA = 8 * 1024

# what RFC 3339 and datetime.fromisoformat both read; a fraction may have nine digits
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_TEXTS = (
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
)
# each would change what later calls may do
_NOT_SERVED = ("acl", "contexts", "eventBasedHold", "kmsKeyName", "retention", "temporaryHold")


def object_resource(found: Object) -> dict[str, Any]:
    """
    Return an object's resource.

    :param found: the object.
    """
    path = f"b/{found.bucket}/o/{quote(found.name, safe='')}"
    created = time_text(found.generation)
    resource = {
        "kind": "storage#object",
        "id": f"{found.bucket}/{found.name}/{found.generation}",
        "selfLink": f"{API}/storage/v1/{path}",
        "mediaLink": f"{API}/download/storage/v1/{path}?generation={found.generation}&alt=media",
        "name": found.name,
        "bucket": found.bucket,
        "generation": str(found.generation),
        "metageneration": str(found.metageneration),
        "storageClass": _STANDARD,
        "size": str(found.content.size),
        "crc32c": found.content.crc32c,
        "etag": etag(found),
        "timeCreated": created,
        "timeFinalized": created,
        "timeStorageClassUpdated": created,
        "updated": time_text(found.updated),
        **found.metadata,
    }
    if found.content.md5:
        resource["md5Hash"] = found.content.md5
    if found.components:
        resource["componentCount"] = found.components
    return resource


def etag(found: Object) -> str:
    """Return what changes with an object's content and metadata."""
    return base64.b64encode(f"{found.generation}/{found.metageneration}".encode()).decode()


def written(sent: dict[str, Any]) -> dict[str, Any]:
    """
    Return the fields of a sent resource that an object keeps; what the service itself writes is left out.

    :param sent: resource of an object, or a part of one; None in place of a value takes it away.
    :raises ApiError: 400 for a value of another type, 501 for a field that is not served.
    """
    for name in _NOT_SERVED:
        if sent.get(name):
            raise not_served(f"the field {name} of an object")
    kept = {name: sent[name] for name in _TEXTS if name in sent}
    for name, value in kept.items():
        if not is_header(value) and value is not None:
            raise invalid(f"Invalid value for {name}: {value!r}")
    if sent.get("storageClass") is not None:
        kept["storageClass"] = check_storage_class(sent["storageClass"])
    if kept.get("customTime"):
        _checktime_text("customTime", kept["customTime"])
    if "metadata" in sent:
        kept["metadata"] = _custom(sent["metadata"])
    return kept


def changed(metadata: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """
    Change what an object keeps: a None takes a field away, custom metadata is changed key by key.

    :param metadata: what it keeps.
    :param change: the fields that are written.
    :raises ApiError: 400 when custom metadata becomes too large.
    """
    result = {**metadata, **change}
    if change.get("metadata") is not None:
        result["metadata"] = {**metadata.get("metadata", {}), **change["metadata"]}
    if result.get("metadata"):
        result["metadata"] = {key: value for key, value in result["metadata"].items() if value is not None}
        _check_size(result["metadata"])
    return {name: value for name, value in result.items() if value not in (None, "", {})}


def check_storage_class(value: object) -> str:
    """
    Return a storage class; it changes what Google charges, and nothing that localcloud does.

    :param value: what was sent.
    :raises ApiError: 400 when there is no such class.
    """
    if value not in STORAGE_CLASSES:
        raise invalid(f"Invalid storage class: {value!r}")
    return str(value)


def keep_storage_class(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """
    Return changed metadata with the previous storage class: only a rewrite changes it.

    Source: https://cloud.google.com/storage/docs/changing-storage-classes

    :param before: what the object keeps.
    :param after: what it is to keep.
    :raises ApiError: 400 for another class.
    """
    there = before.get("storageClass", _STANDARD)
    if after.get("storageClass", there) != there:
        raise invalid(f"The storage class {there} of an object is changed by a rewrite alone")
    return after | ({"storageClass": there} if "storageClass" in before else {})


def check_digests(content: Content, sent: dict[str, Any]) -> None:
    """
    Compare content with the checksums that came with it.

    Source: https://cloud.google.com/storage/docs/data-validation

    :param content: what arrived.
    :param sent: resource of the object as the client sent it.
    :raises ApiError: 400 when one is another.
    """
    for name, actual in (("md5Hash", content.md5), ("crc32c", content.crc32c)):
        if sent.get(name) and sent[name] != actual:
            kind = "MD5 hash" if name == "md5Hash" else "CRC32C"
            message = f'Provided {kind} "{sent[name]}" doesn\'t match calculated {kind} "{actual}".'
            raise ApiError(400, "INVALID_ARGUMENT", message, "invalid")


def as_resource(value: object) -> dict[str, Any]:
    """
    Return a body that must be a JSON object.

    :param value: what was sent.
    :raises ApiError: 400 when it is anything else.
    """
    if not isinstance(value, dict):
        raise ApiError(400, "INVALID_ARGUMENT", "The request body must be a JSON object", "parseError")
    return value


def _check_size(custom: dict[str, str]) -> None:
    size = sum(len(text.encode("utf-8", "surrogatepass")) for pair in custom.items() for text in pair)
    if size > LARGEST_CUSTOM_METADATA:
        raise invalid(f"Custom metadata of {size} bytes is more than {LARGEST_CUSTOM_METADATA}")


def _custom(value: object) -> dict[str, str | None] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(v is None or isinstance(v, str) for v in value.values()):
        raise invalid("Invalid value for metadata: it must be an object of strings")
    return value


def _checktime_text(name: str, value: str) -> None:
    try:
        if _TIME.fullmatch(value):
            datetime.datetime.fromisoformat(value)
            return
    except ValueError:
        pass
    raise invalid(f"Invalid value for {name}: {value!r} is not an RFC 3339 timestamp")


def is_header(value: object) -> TypeGuard[str]:
    """Return whether a value is text that can stand in a header."""
    return isinstance(value, str) and value.isprintable()


def time_text(microseconds: int) -> str:
    """Return a time of the catalogue as the API writes it."""
    at = datetime.datetime.fromtimestamp(microseconds // 10**6, datetime.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{microseconds // 1000 % 1000:03d}Z"
