"""
The names that buckets and objects may have.

An object's name is a key and never part of a path: content lies in files with names of localcloud's own.
"""

from __future__ import annotations

import re

from localcloud.errors import ApiError, invalid

LONGEST_NAME = 1024

LONGEST_BUCKET_PART = 63

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_GOOGLES = re.compile(r"goog|.*(google|g00gle)")
_RESERVED = ".well-known/acme-challenge/"


def check_bucket(name: object) -> str:
    """
    Return the name of a bucket.

    Source: https://cloud.google.com/storage/docs/buckets#naming

    :param name: what the caller sent as one.
    :raises ApiError: 400 when no bucket can have this name.
    """
    if not isinstance(name, str) or not _BUCKET.fullmatch(name) or ".." in name:
        raise invalid(f"Invalid bucket name: '{name}'")
    return name


def check_new_bucket(name: object) -> str:
    """
    Return the name of a bucket that is to be made.

    Source: https://cloud.google.com/storage/docs/buckets#naming

    :param name: what the caller sent as one.
    :raises ApiError: 400 when no bucket of a client can have this name.
    """
    checked = check_bucket(name)
    if any(len(part) > LONGEST_BUCKET_PART for part in checked.split(".")):
        raise invalid(
            f"Invalid bucket name: '{name}': more than {LONGEST_BUCKET_PART} characters without a dot"
        )
    if _ADDRESS.fullmatch(checked):
        raise invalid(f"Invalid bucket name: '{name}': it is an IP address")
    if _GOOGLES.match(checked):
        raise invalid(f"Invalid bucket name: '{name}': it begins with goog or contains google")
    return checked


def check_object(name: object) -> str:
    """
    Return the name of an object.

    Source: https://cloud.google.com/storage/docs/objects#naming

    :param name: what the caller sent as one.
    :raises ApiError: 400 when no object can have this name.
    """
    if name is None or name == "":
        raise ApiError(400, "INVALID_ARGUMENT", "Required object name is missing", "required")
    if not isinstance(name, str):
        raise invalid(f"Invalid object name: {name}")
    try:
        length = len(name.encode())
    except UnicodeEncodeError as error:
        raise invalid("Invalid object name: it is not UTF-8") from error
    if length > LONGEST_NAME:
        raise invalid(f"Invalid object name: {length} bytes are more than {LONGEST_NAME}")
    if name in (".", "..") or name.startswith(_RESERVED) or "\r" in name or "\n" in name:
        raise invalid(f"Invalid object name: {name!r}")
    return name
