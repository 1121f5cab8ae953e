"""The fault switch, through Google's own clients."""

from __future__ import annotations

import stat
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.cloud import bigquery, storage

from localcloud.gateway.faults import CRASH_EXIT_CODE, Fault, FaultError, Faults
from localcloud.testing import eventually

API = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
PARENT = "projects/local-project/locations/europe-west1"
SECONDS = 30


@pytest.fixture
def faults(cloud: Any) -> Iterator[Faults]:
    """Return the switch of the session's localcloud; no fault is left after the test."""
    switch = Faults(cloud.settings.state)
    yield switch
    switch.clear()


@pytest.fixture(params=["grpc", "rest"])
def endpoints(request: pytest.FixtureRequest, cloud: Any) -> v1.EndpointServiceClient:
    """Return a client that retries nothing by itself."""
    return v1.EndpointServiceClient(transport=request.param, client_options=API)


def names(client: v1.EndpointServiceClient, display_name: str) -> list[str]:
    request = {"parent": PARENT, "filter": f'display_name="{display_name}"'}
    return [endpoint.name for endpoint in client.list_endpoints(request)]


def unique() -> str:
    return f"fault-{uuid.uuid4().hex[:8]}"


def test_the_next_calls_get_the_code_and_the_ones_after_them_do_not(faults: Faults, endpoints: Any) -> None:
    faults.add(Fault("EndpointService.ListEndpoints", calls=2, code="UNAVAILABLE"))

    for _ in range(2):
        with pytest.raises(exceptions.ServiceUnavailable, match="fault injection fails"):
            endpoints.list_endpoints(parent=PARENT)

    endpoints.list_endpoints(parent=PARENT)
    assert faults.pending() == []


def test_an_error_says_what_it_is_told_to_say(faults: Faults, endpoints: Any) -> None:
    words = "Service agents are being provisioned."
    faults.add(Fault("EndpointService.ListEndpoints", code="FAILED_PRECONDITION", message=words))

    with pytest.raises(exceptions.BadRequest, match=words):
        endpoints.list_endpoints(parent=PARENT)
    with pytest.raises(FaultError, match="a message goes with a code"):
        Fault("EndpointService.ListEndpoints", drop=True, message=words)


def test_an_error_is_not_carried_out(faults: Faults, endpoints: Any) -> None:
    name = unique()
    faults.add(Fault("EndpointService.Create*", code="INTERNAL"))

    with pytest.raises(exceptions.InternalServerError):
        endpoints.create_endpoint(parent=PARENT, endpoint={"display_name": name})

    assert names(endpoints, name) == []


def test_a_dropped_call_is_carried_out_and_nobody_hears_of_it(faults: Faults, endpoints: Any) -> None:
    name = unique()
    faults.add(Fault("EndpointService.CreateEndpoint", drop=True))

    with pytest.raises((exceptions.ServiceUnavailable, requests.ConnectionError)) as dropped:
        endpoints.create_endpoint(parent=PARENT, endpoint={"display_name": name})

    # what ended the call was the connection, not an answer
    assert "fault injection drops" not in str(dropped.value)
    # the operation of the call goes on
    assert len(eventually(lambda: names(endpoints, name), seconds=SECONDS)) == 1


def test_a_slow_call_is_answered_after_its_latency(faults: Faults, endpoints: Any) -> None:
    faults.add(Fault("EndpointService.ListEndpoints", latency=0.5))

    began = time.monotonic()
    endpoints.list_endpoints(parent=PARENT)

    assert time.monotonic() - began >= 0.5


def test_a_code_may_come_late(faults: Faults, endpoints: Any) -> None:
    faults.add(Fault("EndpointService.ListEndpoints", latency=30, code="UNAVAILABLE"))

    with pytest.raises((exceptions.DeadlineExceeded, requests.Timeout)):
        endpoints.list_endpoints(parent=PARENT, timeout=0.5)


def test_bigquery_fails_in_the_words_that_its_client_retries(faults: Faults, cloud: Any) -> None:
    client = bigquery.Client(project="local-project")
    dataset = client.create_dataset(unique().replace("-", "_"))
    faults.add(Fault("bigquery.datasets.get", calls=2, code="UNAVAILABLE"))

    # its own retries use up the fault
    assert client.get_dataset(dataset.reference).dataset_id == dataset.dataset_id
    assert faults.pending() == []

    faults.add(Fault("bigquery.datasets.get", code="PERMISSION_DENIED"))
    with pytest.raises(exceptions.Forbidden, match=r"fault injection fails bigquery\.datasets\.get"):
        client.get_dataset(dataset.reference)


def test_a_dropped_upload_is_stored(faults: Faults, cloud: Any) -> None:
    bucket = storage.Client(project="local-project").create_bucket(unique())
    faults.add(Fault("storage.objects.insert", drop=True))

    with pytest.raises(requests.ConnectionError):
        bucket.blob("a").upload_from_string("content", retry=None)

    assert bucket.blob("a").download_as_bytes() == b"content"


def test_a_dropped_download_gives_nothing(faults: Faults, cloud: Any) -> None:
    bucket = storage.Client(project="local-project").create_bucket(unique())
    bucket.blob("a").upload_from_string("content")
    faults.add(Fault("storage.objects.get", drop=True))

    with pytest.raises(requests.ConnectionError):
        bucket.blob("a").download_as_bytes(retry=None)

    assert bucket.blob("a").download_as_bytes() == b"content"


_CREATE = """
import sys
from google.cloud import aiplatform_v1 as v1
client = v1.EndpointServiceClient(client_options={"api_endpoint": "europe-west1-aiplatform.googleapis.com"})
client.create_endpoint(parent=sys.argv[1], endpoint={"display_name": "crash"})
"""
_COUNT = """
import sys
from google.cloud import aiplatform_v1 as v1
client = v1.EndpointServiceClient(client_options={"api_endpoint": "europe-west1-aiplatform.googleapis.com"})
print("endpoints", len(list(client.list_endpoints(parent=sys.argv[1]))))
"""


def test_a_crash_comes_once_and_the_write_is_there_or_not(make_localcloud: Any) -> None:
    cloud = make_localcloud()
    try:
        cloud.start()
        for moment, written in (("before", 0), ("after", 1)):
            # given a localcloud that is to die at the next creation
            added = cloud.command("fault", "add", "EndpointService.CreateEndpoint", "--crash", moment)
            assert added.stdout == f"EndpointService.CreateEndpoint: crash {moment}; calls left: 1\n"

            # when the call comes
            done = cloud.client(sys.executable, "-c", _CREATE, PARENT)

            # then the client gets no answer, and the process has exited without cleaning up
            assert "ServiceUnavailable" in done.stderr
            assert cloud.process.wait(60) == CRASH_EXIT_CODE

            # and the next start knows nothing of the fault
            cloud.start()
            assert cloud.command("fault", "list").stdout == ""
            listed = cloud.client(sys.executable, "-c", _COUNT, PARENT)
            assert listed.stdout == f"endpoints {written}\n", listed.stderr
        assert cloud.stop() == 0
    finally:
        cloud.kill()


def test_faults_are_listed_with_what_is_left_and_cleared(cloud: Any, faults: Faults) -> None:
    cloud.command("fault", "add", "storage.objects.*", "--calls", "3", "--latency", "0.5")
    cloud.command("fault", "add", "PredictionService.Predict", "--code", "UNAVAILABLE")
    cloud.command("fault", "add", "JobService.*", "--drop")
    faults.take("storage.objects.list")

    assert cloud.command("fault", "list").stdout.splitlines() == [
        "storage.objects.*: latency 0.5 s; calls left: 2",
        "PredictionService.Predict: UNAVAILABLE; calls left: 1",
        "JobService.*: drop; calls left: 1",
    ]

    cloud.command("fault", "clear")
    assert cloud.command("fault", "list").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("EndpointService.CreateEndpoin", "--drop"), "serves no method EndpointService.CreateEndpoin;"),
        (("JobService.CreateCustomJob", "--drop"), "serves no method JobService.CreateCustomJob;"),
        (("bigquery.tables.get",), "a fault has a code, a drop or a crash, or else a latency"),
        (("bigquery.tables.get", "--drop", "--crash", "after"), "a fault has a code, a drop or a crash"),
        (("bigquery.tables.get", "--drop", "--calls", "0"), "at least one call, not 0"),
        (("bigquery.tables.get", "--latency", "-1"), "latency must not be negative: -1"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_in_one_line(
    cloud: Any, arguments: tuple[str, ...], reason: str
) -> None:
    done = cloud.command("fault", "add", *arguments)

    assert done.returncode == 2
    assert done.stderr.startswith("localcloud: ")
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr


def test_only_the_owner_can_read_and_set_faults(tmp_path: Any) -> None:
    Faults(tmp_path).add(Fault("a.b", drop=True))

    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_the_oldest_fault_of_a_call_happens_first(tmp_path: Any) -> None:
    faults = Faults(tmp_path)
    first, second = Fault("Service.*", code="UNAVAILABLE"), Fault("Service.Method", drop=True)
    faults.add(first)
    faults.add(second)

    assert faults.take("Other.Method") is None
    assert [faults.take("Service.Method") for _ in range(3)] == [first, second, None]
    # a call costs one check for a missing file
    assert not (tmp_path / "faults.json").exists()


def test_calls_at_the_same_time_are_counted_one_by_one(tmp_path: Any) -> None:
    faults = Faults(tmp_path)
    faults.add(Fault("a.b", calls=20, drop=True))

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(faults.take, ["a.b"] * 50))

    assert sum(fault is not None for fault in taken) == 20


def test_a_code_that_google_does_not_have_is_refused() -> None:
    with pytest.raises(FaultError, match="TEAPOT is no"):
        Fault("a.b", code="TEAPOT")
