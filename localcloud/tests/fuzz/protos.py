"""Messages of Google's APIs with unusual values in their fields, built from their descriptors."""

from __future__ import annotations

from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Field
from tests.fuzz import odd

_DEEPEST = 4
_TEXTS = [text for text in odd.TEXTS if text.isprintable() or "\x00" in text]
_SMALL = (0, 1, -1, 2**31 - 1, -(2**31))
_LARGE = (*_SMALL, 2**63 - 1, -(2**63), 253402300800, -62135596801)
_BYTES = (b"", b"x", b"\xff\x00", b'{"instances": [1]}', b"[" * 10_000)
_OF_TYPE: dict[int, tuple[Any, ...]] = {
    Field.TYPE_STRING: tuple(_TEXTS),
    Field.TYPE_BYTES: _BYTES,
    Field.TYPE_BOOL: (True, False),
    **dict.fromkeys((Field.TYPE_DOUBLE, Field.TYPE_FLOAT), (0.0, -1.0, 1e300, float("nan"), float("inf"))),
    **dict.fromkeys((Field.TYPE_INT32, Field.TYPE_SINT32, Field.TYPE_SFIXED32), _SMALL),
    **dict.fromkeys((Field.TYPE_INT64, Field.TYPE_SINT64, Field.TYPE_SFIXED64), _LARGE),
    **dict.fromkeys((Field.TYPE_UINT32, Field.TYPE_FIXED32), (0, 1, 2**32 - 1)),
    **dict.fromkeys((Field.TYPE_UINT64, Field.TYPE_FIXED64), (0, 1, 2**64 - 1)),
}


def disturb(random: Random, message: Any) -> None:
    """Set a few fields of a message, or of a message in it that is set."""
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        _set_one(random, _somewhere(random, message), 0)


def _somewhere(random: Random, message: Any) -> Any:
    inside = [
        found
        for field, value in message.ListFields()
        if field.message_type is not None and not field.message_type.GetOptions().map_entry
        for found in (value if field.is_repeated else [value])
    ]
    return _somewhere(random, random.choice(inside)) if inside and random.random() < 0.7 else message


def _set_one(random: Random, message: Any, depth: int) -> None:
    fields = message.DESCRIPTOR.fields
    if not fields or depth > _DEEPEST:
        return
    field = random.choice(fields)
    target = getattr(message, field.name)
    if field.message_type is None:
        _set_scalar(random, message, field)
    elif field.message_type.GetOptions().map_entry:
        _set_entry(random, target, field.message_type, depth)
    else:
        inner = target.add() if field.is_repeated else target
        if not field.is_repeated:
            inner.SetInParent()
        for _ in range(random.choice((0, 1, 2))):
            _set_one(random, inner, depth + 1)


def _set_scalar(random: Random, message: Any, field: Any) -> None:
    if field.is_repeated:
        getattr(message, field.name).append(_scalar(random, field))
    elif random.random() < 0.2:
        message.ClearField(field.name)
    else:
        setattr(message, field.name, _scalar(random, field))


def _set_entry(random: Random, target: Any, entry: Any, depth: int) -> None:
    key = _scalar(random, entry.fields_by_name["key"])
    value = entry.fields_by_name["value"]
    if value.message_type is None:
        target[key] = _scalar(random, value)
    else:
        _set_one(random, target[key], depth + 1)


def _scalar(random: Random, field: Any) -> Any:
    if field.enum_type is not None:
        return random.choice([*field.enum_type.values_by_number, 999, -1])
    return random.choice(_OF_TYPE[field.type])
