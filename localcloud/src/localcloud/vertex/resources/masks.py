"""How update and list methods apply their callers' field masks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

from google.api_core import exceptions
from google.protobuf import field_mask_pb2

T = TypeVar("T")


def apply(target: Any, source: Any, paths: Iterable[str], updatable: Collection[str]) -> list[str]:
    """
    Copy the masked fields of one proto-plus message onto another.

    :param target: resource as it is stored; changed in place.
    :param source: resource as the caller sent it.
    :param paths: field mask, in snake_case; ``*`` means every updatable field.
    :param updatable: fields that the method may change.
    :return: names of the fields that were written.
    :raises google.api_core.exceptions.InvalidArgument: the mask is empty or names any other field.
    """
    named = list(paths)
    if not named:
        raise exceptions.InvalidArgument("update_mask is required.")
    if named == ["*"]:
        named = list(updatable)
    unknown = sorted(set(named) - set(type(target).pb(target).DESCRIPTOR.fields_by_name.keys()))
    if unknown:
        raise exceptions.InvalidArgument(
            f"update_mask names fields that {type(target).__name__} does not have: {', '.join(unknown)}."
        )
    refused = sorted(set(named) - set(updatable))
    if refused:
        raise exceptions.InvalidArgument(
            f"update_mask names fields that cannot be updated: {', '.join(refused)}."
            f" Updatable fields: {', '.join(updatable)}."
        )
    for name in named:
        _copy(type(target).pb(target), type(source).pb(source), name)
    return named


def read(resource: T, mask: field_mask_pb2.FieldMask) -> T:
    """
    Return the fields of a resource that a read mask names.

    :param resource: proto-plus message.
    :param mask: paths in snake_case; empty or ``*`` means everything.
    :raises google.api_core.exceptions.InvalidArgument: a path that the resource does not have.
    """
    if list(mask.paths) in ([], ["*"]):
        return resource
    kind: Any = type(resource)
    source, target = kind.pb(resource), kind.pb(kind())
    if not mask.IsValidForDescriptor(source.DESCRIPTOR):
        raise exceptions.InvalidArgument(f"Invalid read_mask {','.join(mask.paths)}.")
    mask.MergeMessage(source, target)
    return kind.wrap(target)


def _copy(target: Any, source: Any, name: str) -> None:
    # a message without presence, such as a cleared map, must end cleared
    part = type(source)()
    part.CopyFrom(source)
    for field, _ in source.ListFields():
        if field.name != name:
            part.ClearField(field.name)
    target.ClearField(name)
    target.MergeFrom(part)
