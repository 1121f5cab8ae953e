"""
Buckets in the JSON API, and the fields of a bucket that clients write.

Source: https://cloud.google.com/storage/docs/json_api/v1/buckets#resource
"""

from __future__ import annotations

import base64
import re
from typing import Any

from localcloud.config import Settings
from localcloud.errors import invalid, not_served
from localcloud.storage.catalog import Bucket
from localcloud.storage.resources import API, check_storage_class, time_text

# https://cloud.google.com/storage/docs/locations
MULTI_REGIONS = ("ASIA", "EU", "US")
DUAL_REGIONS = ("ASIA1", "EUR4", "EUR5", "EUR7", "EUR8", "NAM4")

# https://cloud.google.com/storage/docs/tags-and-labels#bucket-labels
MOST_LABELS = 64
_LABEL_KEY = re.compile(r"(?=[^\W\d_])[\w-]{1,63}")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}")
_LOCATION = re.compile(r"[A-Za-z0-9-]{1,63}")
# stored and returned: localcloud has no access control, so neither has an effect
_ACCESS = ("iamConfiguration",)
# what the service itself writes; a client that replaces a bucket sends it back
_OUTPUT_ONLY = frozenset(
    {
        "acl",
        "defaultObjectAcl",
        "etag",
        "generation",
        "id",
        "kind",
        "locationType",
        "metageneration",
        "name",
        "owner",
        "projectNumber",
        "selfLink",
        "timeCreated",
        "updated",
    }
)


def bucket_resource(bucket: Bucket, settings: Settings) -> dict[str, Any]:
    """
    Return a bucket's resource.

    :param bucket: the bucket.
    :param settings: names the project: the Vertex SDK refuses a bucket that is not its project's.
    """
    return {
        "kind": "storage#bucket",
        "id": bucket.name,
        "name": bucket.name,
        "selfLink": f"{API}/storage/v1/b/{bucket.name}",
        "projectNumber": settings.project_number,
        "location": bucket.location,
        "locationType": location_type(bucket.location),
        "metageneration": str(bucket.metageneration),
        "etag": bucket_etag(bucket),
        "timeCreated": time_text(bucket.created),
        "updated": time_text(bucket.updated),
        "storageClass": "STANDARD",
        **bucket.fields,
    }


def bucket_etag(bucket: Bucket) -> str:
    """Return what changes with a bucket's metadata."""
    return base64.b64encode(f"{bucket.metageneration}".encode()).decode()


def location_type(location: str) -> str:
    """Return the type of a location."""
    if location in MULTI_REGIONS:
        return "multi-region"
    return "dual-region" if location in DUAL_REGIONS else "region"


def read_location(sent: dict[str, Any], default: str) -> str:
    """
    Return the location of a new bucket.

    :param sent: its resource.
    :param default: location of a bucket that is made without one.
    :raises ApiError: 400 when it is not a location.
    """
    location = sent.get("location") or default
    if not isinstance(location, str) or not _LOCATION.fullmatch(location):
        raise invalid(f"Invalid value for location: {location!r}")
    return location


def check_unchanged(bucket: Bucket, sent: dict[str, Any]) -> None:
    """
    Reject a change of the immutable fields of a bucket.

    :param bucket: the bucket.
    :param sent: a part of its resource.
    :raises ApiError: 400 for another name or location.
    """
    for name, there in (("name", bucket.name), ("location", bucket.location)):
        value = sent.get(name)
        if value is not None and str(value).lower() != there.lower():
            raise invalid(f"The {name} of the bucket {bucket.name} cannot be changed to {value!r}")


def written_bucket(sent: dict[str, Any]) -> dict[str, Any]:
    """
    Return the fields of a sent resource that a bucket keeps; what the service itself writes is left out.

    A field that is off, such as versioning that is not enabled, changes nothing and is accepted.

    :param sent: resource of a bucket, or a part of one; None in place of a value takes it away.
    :raises ApiError: 400 for a value of another type, 501 for a field that is not served.
    """
    kept: dict[str, Any] = {}
    for name, value in sent.items():
        if name == "labels":
            kept[name] = _labels(value)
        elif name == "storageClass":
            kept[name] = None if value is None else check_storage_class(value)
        elif name == "versioning" and _is_off(value):
            kept[name] = value and {"enabled": False}
        elif name in _ACCESS:
            kept[name] = _as_object(name, value)
        elif name not in _OUTPUT_ONLY and name != "location" and not _is_off(value):
            raise not_served(f"the field {name} of a bucket")
    return kept


def changed_bucket(fields: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """
    Change what a bucket keeps: a None takes a field away, labels are changed key by key.

    :param fields: what it keeps.
    :param change: the fields that are written.
    :raises ApiError: 400 for too many labels.
    """
    result = {**fields, **change}
    if change.get("labels") is not None:
        result["labels"] = {**fields.get("labels", {}), **change["labels"]}
    if result.get("labels"):
        result["labels"] = {key: value for key, value in result["labels"].items() if value is not None}
        if len(result["labels"]) > MOST_LABELS:
            raise invalid(f"A bucket has {MOST_LABELS} labels at most, not {len(result['labels'])}")
    return {name: value for name, value in result.items() if value not in (None, {})}


def _labels(value: object) -> dict[str, str | None] | None:
    if value is None:
        return None
    for key, text in _as_object("labels", value).items():
        if not _LABEL_KEY.fullmatch(key) or key != key.lower():
            raise invalid(f"Invalid label key: {key!r}")
        if text is not None and not (
            isinstance(text, str) and _LABEL_VALUE.fullmatch(text) and text == text.lower()
        ):
            raise invalid(f"Invalid value for the label {key}: {text!r}")
    return dict(_as_object("labels", value))


def _as_object(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"Invalid value for {name}: it must be an object")
    return value


def _is_off(value: object) -> bool:
    """Return whether a setting changes nothing: absent, empty, or disabled."""
    if isinstance(value, dict):
        return all(_is_off(each) for each in value.values())
    return value in (None, False, "", "0", 0) or value == []
