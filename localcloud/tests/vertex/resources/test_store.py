"""The store of Vertex resources."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.longrunning import operations_pb2

from localcloud.vertex.resources.store import ResourceStore

ENDPOINTS = "projects/1/locations/r/endpoints"


@pytest.fixture
def store(tmp_path: Path) -> ResourceStore:
    return ResourceStore(tmp_path / "new" / "resources.sqlite")


def test_a_message_survives_a_restart(tmp_path: Path) -> None:
    first = ResourceStore(tmp_path / "resources.sqlite")
    first.put(f"{ENDPOINTS}/1", v1.Endpoint(display_name="wine", labels={"wine": "white"}))
    first.close()

    endpoint = ResourceStore(tmp_path / "resources.sqlite").get(f"{ENDPOINTS}/1", v1.Endpoint)

    assert (endpoint.display_name, dict(endpoint.labels)) == ("wine", {"wine": "white"})


def test_protobuf_messages_are_kept_as_well_as_proto_plus_ones(store: ResourceStore) -> None:
    name = f"{ENDPOINTS}/1/operations/2"
    store.put(name, operations_pb2.Operation(name=name))

    assert store.get(name, operations_pb2.Operation).name == name
    assert [found.name for found in store.find("operations", operations_pb2.Operation)] == [name]


def test_a_list_keeps_the_order_of_creation_when_messages_change(store: ResourceStore) -> None:
    for number in (2, 1, 3):
        store.put(f"{ENDPOINTS}/{number}", v1.Endpoint(display_name=str(number)))
    store.put(f"{ENDPOINTS}/2", v1.Endpoint(display_name="2 changed"))
    store.put(f"{ENDPOINTS}/1/operations/9", v1.Endpoint(display_name="another collection"))

    found = store.list(ENDPOINTS, v1.Endpoint)

    assert [endpoint.display_name for endpoint in found] == ["2 changed", "1", "3"]


def test_what_is_absent_is_not_found(store: ResourceStore) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Endpoint .*/endpoints/1 does not exist"):
        store.get(f"{ENDPOINTS}/1", v1.Endpoint)
    with pytest.raises(exceptions.NotFound):
        store.delete(f"{ENDPOINTS}/1")


def test_a_name_can_be_created_once(store: ResourceStore) -> None:
    store.create(f"{ENDPOINTS}/1", v1.Endpoint())

    with pytest.raises(exceptions.AlreadyExists):
        store.create(f"{ENDPOINTS}/1", v1.Endpoint())


def test_a_transaction_that_fails_leaves_nothing_behind(store: ResourceStore) -> None:
    def fail_half_way() -> None:
        with store.transaction():
            store.put(f"{ENDPOINTS}/1", v1.Endpoint())
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        fail_half_way()

    assert not store.exists(f"{ENDPOINTS}/1")


def test_threads_do_not_lose_each_others_changes(store: ResourceStore) -> None:
    store.put(f"{ENDPOINTS}/1", v1.Endpoint(traffic_split={"n": 0}))

    def count_up() -> None:
        for _ in range(20):
            with store.transaction():
                endpoint = store.get(f"{ENDPOINTS}/1", v1.Endpoint)
                endpoint.traffic_split["n"] += 1
                store.put(f"{ENDPOINTS}/1", endpoint)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get(f"{ENDPOINTS}/1", v1.Endpoint).traffic_split["n"] == 80
