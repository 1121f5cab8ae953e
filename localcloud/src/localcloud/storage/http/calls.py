"""Calls about one object, sent alone or in a batch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.errors import ApiError, not_served
from localcloud.gateway.json_body import read_object
from localcloud.storage.preconditions import Conditions, check_etag
from localcloud.storage.resources import changed, etag, keep_storage_class, object_resource, written
from localcloud.storage.store import Source, Store

Query = dict[str, str]


@dataclass
class Answer:
    """The answer to a call."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, resource: Any, status: int = 200) -> Answer:
        """Create the answer that contains a resource."""
        content = json.dumps(resource).encode()
        return cls(status, {"Content-Type": "application/json; charset=UTF-8"}, content)

    @classmethod
    def of_error(cls, error: ApiError) -> Answer:
        """Create the answer that contains an error."""
        return cls.of({"error": error.body()}, error.code)


@dataclass(frozen=True)
class Destination:
    """
    Where an object is copied to.

    :param verb: copyTo, rewriteTo or moveTo.
    :param bucket: bucket name.
    :param name: object name.
    """

    verb: str
    bucket: str
    name: str


@dataclass(frozen=True)
class ObjectCall:
    """
    One call about one object.

    :param method: GET, PATCH, PUT or DELETE; POST for a copy.
    :param bucket: bucket name.
    :param name: object name.
    :param query: parameters of the query.
    :param body: its content.
    :param destination: of a copy.
    :param headers: of a read.
    """

    method: str
    bucket: str
    name: str
    query: Query
    body: bytes
    destination: Destination | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def carry_out(store: Store, call: ObjectCall) -> Answer:
    """
    Carry out a call.

    :param store: the buckets and objects.
    :param call: what to do.
    :raises ApiError: it cannot be done.
    """
    if call.destination:
        return _copy(store, call, call.destination)
    conditions = Conditions(call.query)
    if call.method == "GET":
        found = store.get(call.bucket, call.name, conditions)
        check_etag(call.headers, etag(found), f"gs://{call.bucket}/{call.name}")
        return Answer.of(object_resource(found))
    if call.method == "DELETE":
        store.delete(call.bucket, call.name, conditions)
        # Cloud Storage answers without content, and gcloud cannot read any other
        return Answer(204)
    change = written(read_object(call.body))
    patches = call.method == "PATCH"

    def apply(kept: dict[str, Any]) -> dict[str, Any]:
        return keep_storage_class(kept, changed(kept if patches else {}, change))

    found = store.change(call.bucket, call.name, conditions, apply)
    return Answer.of(object_resource(found))


def _copy(store: Store, call: ObjectCall, to: Destination) -> Answer:
    """
    Copy or move at once, in one call.

    Sources: https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite and move
    """
    if call.query.get("rewriteToken"):
        raise not_served("the parameter rewriteToken: a rewrite is always done at once")
    source = Source(call.bucket, call.name, Conditions(call.query, "ifSource"))
    if to.verb == "moveTo":
        return Answer.of(object_resource(store.move(source, to.name, Conditions(call.query))))
    made = store.copy(source, to.bucket, to.name, read_object(call.body), Conditions(call.query))
    resource = object_resource(made)
    if to.verb == "copyTo":
        return Answer.of(resource)
    size = str(made.content.size)
    return Answer.of(
        {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": size,
            "objectSize": size,
            "done": True,
            "resource": resource,
        }
    )
