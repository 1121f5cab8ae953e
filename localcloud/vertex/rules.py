"""Rules that several resources share."""

from __future__ import annotations

import secrets
from typing import Any

from google.api_core import exceptions

from localcloud.vertex.api import unimplemented

_MAX_DISPLAY_NAME = 128


def check_display_name(value: str, field: str) -> None:
    """
    Hold a display name to 1 to 128 characters.

    :param value: display name.
    :param field: where it stands in the request.
    :raises google.api_core.exceptions.InvalidArgument: it is empty or too long.
    """
    if not value:
        raise exceptions.InvalidArgument(f"{field} is required.")
    if len(value) > _MAX_DISPLAY_NAME:
        raise exceptions.InvalidArgument(
            f"{field} has {len(value)} characters, more than {_MAX_DISPLAY_NAME}."
        )


def check_etag(sent: str, stored: str) -> None:
    """
    Refuse an update that was based on an older read.

    :param sent: etag of the request; empty means overwrite.
    :param stored: etag of the resource.
    :raises google.api_core.exceptions.Aborted: they differ.
    """
    if sent and sent != stored:
        raise exceptions.Aborted("The etag does not match: the resource was changed since it was read.")


def refuse_set(message: Any, *fields: str) -> None:
    """
    Refuse features that would be silently ignored.

    :param message: proto-plus message.
    :param fields: names of fields that must not be set.
    :raises google.api_core.exceptions.MethodNotImplemented: one of them is set.
    """
    for field in fields:
        if getattr(message, field):
            raise unimplemented(f"{type(message).__name__}.{field}")


def new_etag() -> str:
    """Make the etag of a resource that has just been written."""
    return f"AM{secrets.token_hex(8)}"
