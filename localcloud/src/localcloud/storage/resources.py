"""
Buckets and objects as the JSON API gives them, and what of an object clients write.

Source: https://cloud.google.com/storage/docs/json_api/v1/objects#resource
"""

from __future__ import annotations

import base64
import datetime
import re
from typing import Any, TypeGuard
from urllib.parse import quote

from localcloud.config import Settings
from localcloud.errors import ApiError, invalid, not_served
from localcloud.storage.catalog import Bucket, Object
from localcloud.storage.content import Content

API = "https://www.googleapis.com"
# https://cloud.google.com/storage/docs/locations
MULTI_REGIONS = ("ASIA", "EU", "US")
DUAL_REGIONS = ("ASIA1", "EUR4", "EUR5", "EUR7", "EUR8", "NAM4")

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


def bucket_resource(bucket: Bucket, settings: Settings) -> dict[str, Any]:
    """
    Return a bucket's resource.

    :param bucket: the bucket.
    :param settings: names the project: the Vertex SDK refuses a bucket that is not its project's.
    """
    created = _time(bucket.created)
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{API}/storage/v1/b/{bucket.name}",
        "projectNumber": settings.project_number,
        "location": bucket.location,
        "locationType": location_type(bucket.location),
        "storageClass": "STANDARD",
        "metageneration": "1",
        "etag": "CAE=",
        "timeCreated": created,
        "updated": created,
    }


def location_type(location: str) -> str:
    """Tell what kind of place a location is."""
    if location in MULTI_REGIONS:
        return "multi-region"
    return "dual-region" if location in DUAL_REGIONS else "region"


def object_resource(found: Object) -> dict[str, Any]:
    """
    Return an object's resource.

    :param found: the object.
    """
    path = f"b/{found.bucket}/o/{quote(found.name, safe='')}"
    created = _time(found.generation)
    resource = {
        "kind": "storage#object",
        "id": f"{found.bucket}/{found.name}/{found.generation}",
        "selfLink": f"{API}/storage/v1/{path}",
        "mediaLink": f"{API}/download/storage/v1/{path}?generation={found.generation}&alt=media",
        "name": found.name,
        "bucket": found.bucket,
        "generation": str(found.generation),
        "metageneration": str(found.metageneration),
        "storageClass": "STANDARD",
        "size": str(found.content.size),
        "crc32c": found.content.crc32c,
        "etag": etag(found),
        "timeCreated": created,
        "timeFinalized": created,
        "timeStorageClassUpdated": created,
        "updated": _time(found.updated),
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
    if sent.get("storageClass", "STANDARD") not in ("STANDARD", None):
        raise not_served(f"the storage class {sent['storageClass']}")
    kept = {name: sent[name] for name in _TEXTS if name in sent}
    for name, value in kept.items():
        if not is_header(value) and value is not None:
            raise invalid(f"Invalid value for {name}: {value!r}")
    if kept.get("customTime"):
        _check_time("customTime", kept["customTime"])
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


def _check_time(name: str, value: str) -> None:
    try:
        if _TIME.fullmatch(value):
            datetime.datetime.fromisoformat(value)
            return
    except ValueError:
        pass
    raise invalid(f"Invalid value for {name}: {value!r} is no timestamp of RFC 3339")


def is_header(value: object) -> TypeGuard[str]:
    """Return whether a value is text that can stand in a header."""
    return isinstance(value, str) and value.isprintable()


def _time(microseconds: int) -> str:
    at = datetime.datetime.fromtimestamp(microseconds // 10**6, datetime.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{microseconds // 1000 % 1000:03d}Z"
