"""Rules that several resources share."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from localcloud.vertex.api.calls import unimplemented

_MAX_DISPLAY_NAME = 128
_MAX_LABELS = 64
_LABEL_PART = re.compile(r"[\w-]{0,63}")


def check_display_name(value: str, field: str) -> None:
    """
    Check that a display name has 1 to 128 characters.

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


def check_labels(labels: Mapping[str, str]) -> None:
    """
    Check labels against the rules of Google Cloud.

    Source: https://cloud.google.com/resource-manager/docs/labels-overview#requirements

    :param labels: values by key.
    :raises google.api_core.exceptions.InvalidArgument: too many, or a key or a value that is not allowed.
    """
    if len(labels) > _MAX_LABELS:
        raise exceptions.InvalidArgument(f"{len(labels)} labels are more than {_MAX_LABELS}.")
    for key, value in labels.items():
        if not key or not key[0].isalpha() or not _is_label_part(key) or not _is_label_part(value):
            raise exceptions.InvalidArgument(
                f"Invalid label {key!r}: {value!r}. Keys and values have at most 63 lowercase letters,"
                " digits, underscores and dashes; a key begins with a letter."
            )


def _is_label_part(text: str) -> bool:
    return _LABEL_PART.fullmatch(text) is not None and text == text.lower()


def check_etag(sent: str, stored: str) -> None:
    """
    Refuse an update that was based on an older read.

    That there is a check is documented; its status and words are those of another resource of the same API.

    Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints#Endpoint,
    https://github.com/googleapis/python-aiplatform/issues/1674

    :param sent: etag of the request; empty means overwrite.
    :param stored: etag of the resource.
    :raises google.api_core.exceptions.Aborted: they differ.
    """
    if sent and sent != stored:
        raise exceptions.Aborted(f"Specified `etag`: `{sent}` does not match server `etag`: `{stored}`")


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
    """Create the etag of a resource that has just been written."""
    return f"AM{secrets.token_hex(8)}"


def check_machine(machine: v1.MachineSpec) -> None:
    """
    Check the machine of dedicated resources.

    :param machine: their ``machine_spec``.
    :raises google.api_core.exceptions.InvalidArgument: it has no type.
    :raises google.api_core.exceptions.MethodNotImplemented: it has accelerators.
    """
    if not machine.machine_type:
        raise exceptions.InvalidArgument("dedicated_resources.machine_spec.machine_type is required.")
    if machine.accelerator_count:
        raise unimplemented("dedicated_resources.machine_spec.accelerator_count")
