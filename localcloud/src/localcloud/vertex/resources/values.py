"""Values that a message can hold over gRPC although its type forbids them; they are rejected."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from google.api_core import exceptions
from google.protobuf import json_format

_WELL_KNOWN = ("google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask")
_VALUE = "google.protobuf.Value"


def check_values(message: Any) -> None:
    """
    Check the values of a request against the ranges of their types.

    Source: google/protobuf/timestamp.proto, duration.proto and struct.proto (a number is finite). A
    number that is no value of its enum is refused too, as the word for one is over REST.

    :param message: protobuf message.
    :raises google.api_core.exceptions.InvalidArgument: the message names the field.
    """
    for path, field, value in _fields(message, ""):
        if field.enum_type is not None and value not in field.enum_type.values_by_number:
            raise exceptions.InvalidArgument(
                f"Invalid value at '{path}' ({field.enum_type.full_name}), {value}"
            )
        kind = field.message_type.full_name if field.message_type is not None else ""
        if kind in _WELL_KNOWN:
            _check_json(value, path)
        elif kind == _VALUE and not math.isfinite(value.number_value):
            raise exceptions.InvalidArgument(f"Invalid value at '{path}' ({kind}), {value.number_value}")


def _fields(message: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Return every set field, at any depth, with its path and value; each element of a repeated one."""
    for field, value in message.ListFields():
        inside = f"{path}.{field.name}" if path else field.name
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        elements = value.values() if is_map else value if field.is_repeated else (value,)
        kind = field.message_type.fields_by_name["value"] if is_map else field
        for element in elements:
            yield inside, kind, element
            if kind.message_type is not None:
                yield from _fields(element, inside)


def _check_json(value: Any, path: str) -> None:
    try:
        json_format.MessageToDict(value)
    except (json_format.Error, ValueError) as error:
        raise exceptions.InvalidArgument(f"Invalid value at '{path}': {error}") from error
