"""Long-running operations."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2
from google.rpc import code_pb2

from localcloud.vertex.resources.operations import Cancellation, Kind, Operations
from localcloud.vertex.resources.store import ResourceStore

ENDPOINT = "projects/1/locations/r/endpoints/2"
REQUEST = v1.CreateEndpointRequest(parent="projects/1/locations/r", endpoint={"display_name": "wine"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResourceStore]:
    store = ResourceStore(tmp_path / "resources.sqlite")
    yield store
    store.close()


@pytest.fixture
def operations(store: ResourceStore) -> Operations:
    return Operations(store)


def call(operations: Operations, method: str, **fields: Any) -> Any:
    handler: Callable[[Any], Any] = operations.handlers()[f"/google.longrunning.Operations/{method}"]
    return handler(getattr(operations_pb2, f"{method}Request")(**fields))


def creating(commit: Callable[[Any], Any], **steps: Any) -> Kind:
    return Kind(v1.CreateEndpointRequest, v1.CreateEndpointOperationMetadata, commit, **steps)


def started(operations: Operations, commit: Callable[[Any], Any], **steps: Any) -> str:
    operations.serve(creating(commit, **steps))
    return operations.start(ENDPOINT, REQUEST).name


def details(operation: operations_pb2.Operation) -> Any:
    found = v1.CreateEndpointOperationMetadata.pb()()
    assert operation.metadata.Unpack(found)
    return found.generic_metadata


def test_an_operation_is_open_until_its_work_is_done(operations: Operations) -> None:
    go = threading.Event()
    operations.serve(creating(lambda request: request.endpoint, prepare=lambda *_: go.wait(60)))

    answered = operations.start(ENDPOINT, REQUEST)
    assert not answered.done
    assert not call(operations, "GetOperation", name=answered.name).done

    go.set()
    ended = call(operations, "WaitOperation", name=answered.name)

    endpoint = v1.Endpoint.pb()()
    assert ended.response.Unpack(endpoint)
    assert endpoint.display_name == "wine"


def test_the_metadata_tells_when_it_began_and_when_it_ended(operations: Operations) -> None:
    operations.serve(creating(lambda request: None))

    answered = operations.start(ENDPOINT, REQUEST)
    ended = call(operations, "WaitOperation", name=answered.name)

    assert details(answered).create_time == details(answered).update_time == details(ended).create_time
    assert details(ended).update_time.ToDatetime() > details(ended).create_time.ToDatetime()


def test_an_empty_response_keeps_its_type(operations: Operations) -> None:
    for response, expected in ((v1.UndeployModelResponse(), "UndeployModelResponse"), (None, "Empty")):
        name = started(operations, lambda request, value=response: value)

        ended = call(operations, "WaitOperation", name=name)

        assert ended.response.type_url.endswith(f".{expected}")


@pytest.mark.parametrize("step", ["prepare", "commit"])
def test_what_the_work_raises_is_the_error_of_the_operation(operations: Operations, step: str) -> None:
    undone: list[Any] = []

    def fail(*_: Any) -> None:
        raise exceptions.FailedPrecondition("no such file")

    steps = {"commit": lambda request: None, "undo": undone.append, step: fail}
    name = started(operations, **steps)
    ended = call(operations, "WaitOperation", name=name)

    assert (ended.error.code, ended.error.message) == (code_pb2.FAILED_PRECONDITION, "no such file")
    assert undone == [REQUEST]


def test_what_a_failed_commit_wrote_is_not_kept(operations: Operations, store: ResourceStore) -> None:
    def fail(request: Any) -> None:
        store.put(ENDPOINT, request.endpoint)
        raise exceptions.FailedPrecondition("too late")

    call(operations, "WaitOperation", name=started(operations, fail))

    assert not store.exists(ENDPOINT)


def test_a_cancelled_operation_turns_back_where_it_can(operations: Operations) -> None:
    name = started(
        operations, lambda request: None, prepare=lambda request, cancellation: cancellation.wait(60)
    )

    call(operations, "CancelOperation", name=name)

    assert call(operations, "WaitOperation", name=name).error.code == code_pb2.CANCELLED


def test_an_operation_that_a_stop_interrupted_is_finished_by_the_next_start(
    store: ResourceStore, operations: Operations
) -> None:
    # given an operation that was stopped in the middle of its work
    began = threading.Event()

    def wait(request: Any, cancellation: Cancellation) -> None:
        began.set()
        cancellation.wait(60)

    name = started(operations, lambda request: None, prepare=wait)
    assert began.wait(60)
    operations.stop()
    assert not call(operations, "GetOperation", name=name).done

    # when another one starts over the same state
    following = Operations(store)
    following.serve(creating(lambda request: request.endpoint))
    following.resume()

    # then it ends as it would have ended, from the request that was kept
    ended = call(following, "WaitOperation", name=name)
    endpoint = v1.Endpoint.pb()()
    assert ended.response.Unpack(endpoint)
    assert endpoint.display_name == "wine"
    assert details(ended).create_time.ToDatetime() < details(ended).update_time.ToDatetime()


def test_an_operation_that_has_ended_is_not_done_again(store: ResourceStore, operations: Operations) -> None:
    done: list[Any] = []
    name = started(operations, done.append)
    call(operations, "WaitOperation", name=name)

    following = Operations(store)
    following.serve(creating(done.append))
    following.resume()
    following.stop()

    assert done == [REQUEST]


def test_an_operation_that_nobody_knows_how_to_finish_is_aborted(
    store: ResourceStore, operations: Operations
) -> None:
    name = f"{ENDPOINT}/operations/3"
    store.put(name, operations_pb2.Operation(name=name))

    operations.resume()

    ended = call(operations, "GetOperation", name=name)
    assert ended.done
    assert ended.error.code == code_pb2.ABORTED


def test_waiting_ends_when_the_caller_says(operations: Operations) -> None:
    go = threading.Event()
    name = started(operations, lambda request: None, prepare=lambda *_: go.wait(60))

    waited = call(operations, "WaitOperation", name=name, timeout={"nanos": 1000})
    go.set()

    assert not waited.done
    assert call(operations, "WaitOperation", name=name).done


def test_operations_are_listed_by_what_they_work_on(operations: Operations) -> None:
    name = started(operations, lambda request: None)
    call(operations, "WaitOperation", name=name)

    for parent, expected in ((ENDPOINT, [name]), ("projects/1/locations/r", [name]), (f"{ENDPOINT}2", [])):
        found = call(operations, "ListOperations", name=parent).operations
        assert [operation.name for operation in found] == expected

    call(operations, "DeleteOperation", name=name)
    with pytest.raises(exceptions.NotFound):
        call(operations, "GetOperation", name=name)


def test_operations_are_listed_by_state_and_page(operations: Operations) -> None:
    # given two that have ended and one that has not
    ended = [started(operations, lambda request: None) for _ in range(2)]
    for name in ended:
        call(operations, "WaitOperation", name=name)
    go = threading.Event()
    running = started(operations, lambda request: None, prepare=lambda *_: go.wait(60))

    def listed(**fields: Any) -> list[str]:
        return [one.name for one in call(operations, "ListOperations", name=ENDPOINT, **fields).operations]

    assert listed(filter="done=true") == ended
    assert listed(filter="done=false") == [running]
    first = call(operations, "ListOperations", name=ENDPOINT, page_size=2)
    assert [one.name for one in first.operations] == ended
    assert listed(page_token=first.next_page_token) == [running]
    with pytest.raises(exceptions.InvalidArgument, match="page_token"):
        listed(page_token=first.next_page_token, filter="done=true")
    with pytest.raises(exceptions.InvalidArgument, match="'yes' is neither true nor false"):
        listed(filter="done=yes")
    go.set()


def test_a_list_comes_in_pages_however_small_the_number_that_was_asked_for(operations: Operations) -> None:
    names = [started(operations, lambda request: None) for _ in range(11)]

    first = call(operations, "ListOperations", name=ENDPOINT)
    rest = call(operations, "ListOperations", name=ENDPOINT, page_token=first.next_page_token)
    short = call(operations, "ListOperations", name=ENDPOINT, page_size=3)

    assert [operation.name for operation in (*first.operations, *rest.operations)] == names
    assert (len(first.operations), len(rest.operations), rest.next_page_token) == (10, 1, "")
    assert (len(short.operations), bool(short.next_page_token)) == (3, True)
