"""Long-running operations."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2
from google.rpc import code_pb2

from localcloud.vertex.operations import Operations
from localcloud.vertex.store import ResourceStore

ENDPOINT = "projects/1/locations/r/endpoints/2"
METADATA = v1.CreateEndpointOperationMetadata


@pytest.fixture
def store(tmp_path: Path) -> ResourceStore:
    return ResourceStore(tmp_path / "resources.sqlite")


@pytest.fixture
def operations(store: ResourceStore) -> Operations:
    return Operations(store)


def call(operations: Operations, method: str, **fields: Any) -> Any:
    handler: Callable[[Any], Any] = operations.handlers()[f"/google.longrunning.Operations/{method}"]
    return handler(getattr(operations_pb2, f"{method}Request")(**fields))


def test_an_operation_is_open_until_its_work_is_done(operations: Operations) -> None:
    go = threading.Event()

    def work(cancellation: Any) -> v1.Endpoint:
        go.wait(10)
        return v1.Endpoint(display_name="wine")

    started = operations.start(ENDPOINT, METADATA, work)
    assert not started.done
    assert not call(operations, "GetOperation", name=started.name).done

    go.set()
    ended = call(operations, "WaitOperation", name=started.name)

    endpoint = v1.Endpoint.pb()()
    assert ended.response.Unpack(endpoint)
    assert endpoint.display_name == "wine"
    assert ended.metadata.type_url.endswith("CreateEndpointOperationMetadata")


def test_an_empty_response_keeps_its_type(operations: Operations) -> None:
    for response, expected in ((v1.UndeployModelResponse(), "UndeployModelResponse"), (None, "Empty")):
        name = operations.start(ENDPOINT, METADATA, lambda cancellation, value=response: value).name

        ended = call(operations, "WaitOperation", name=name)

        assert ended.response.type_url.endswith(f".{expected}")


def test_what_the_work_raises_is_the_error_of_the_operation(operations: Operations) -> None:
    def work(cancellation: Any) -> None:
        raise exceptions.FailedPrecondition("no such file")

    name = operations.start(ENDPOINT, METADATA, work).name
    ended = call(operations, "WaitOperation", name=name)

    assert (ended.error.code, ended.error.message) == (code_pb2.FAILED_PRECONDITION, "no such file")


def test_a_cancelled_operation_turns_back_where_it_can(operations: Operations) -> None:
    go = threading.Event()

    def work(cancellation: Any) -> None:
        go.wait(10)
        cancellation.check()

    name = operations.start(ENDPOINT, METADATA, work).name
    call(operations, "CancelOperation", name=name)
    go.set()

    assert call(operations, "WaitOperation", name=name).error.code == code_pb2.CANCELLED


def test_an_operation_that_a_stop_interrupted_is_aborted(
    store: ResourceStore, operations: Operations
) -> None:
    name = f"{ENDPOINT}/operations/3"
    store.put(name, operations_pb2.Operation(name=name))

    operations.abort_interrupted()

    ended = call(operations, "GetOperation", name=name)
    assert ended.done
    assert ended.error.code == code_pb2.ABORTED


def test_waiting_ends_when_the_caller_says(operations: Operations) -> None:
    go = threading.Event()
    name = operations.start(ENDPOINT, METADATA, lambda cancellation: go.wait(10) and None).name

    waited = call(operations, "WaitOperation", name=name, timeout={"nanos": 1000})
    go.set()

    assert not waited.done
    assert call(operations, "WaitOperation", name=name).done


def test_operations_are_listed_by_what_they_work_on(operations: Operations) -> None:
    name = operations.start(ENDPOINT, METADATA, lambda cancellation: None).name
    call(operations, "WaitOperation", name=name)

    for parent, expected in ((ENDPOINT, [name]), ("projects/1/locations/r", [name]), (f"{ENDPOINT}2", [])):
        found = call(operations, "ListOperations", name=parent).operations
        assert [operation.name for operation in found] == expected

    call(operations, "DeleteOperation", name=name)
    with pytest.raises(exceptions.NotFound):
        call(operations, "GetOperation", name=name)
