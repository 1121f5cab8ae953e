from __future__ import annotations

import json
import signal
import subprocess

import psutil
import pytest
import requests
from tests.curl import needs_curl

from localcloud.clients.environment import process_environment
from localcloud.storage import ObjectStore, Store
from localcloud.testing import eventually

pytestmark = needs_curl


@pytest.fixture
def own_cloud(make_localcloud):
    """Start a localcloud for a test to kill."""
    cloud = make_localcloud()
    cloud.start()
    yield cloud
    cloud.kill()


def descendants(cloud) -> list[psutil.Process]:
    return psutil.Process(cloud.process.pid).children(recursive=True)


def object_store(cloud) -> ObjectStore:
    """Read the objects of a localcloud that is stopped."""
    return ObjectStore(Store(cloud.settings.state / "objects"))


def put(cloud, name: str, content: str) -> None:
    url = "https://storage.googleapis.com/upload/storage/v1/b/kept/o?uploadType=media"
    done = cloud.client("curl", "-sS", "--fail", "--data-binary", content, f"{url}&name={name}")
    assert done.returncode == 0, done.stderr


def create_bucket(cloud, name: str) -> None:
    url = "https://storage.googleapis.com/storage/v1/b?project=local-project"
    done = cloud.client("curl", "-sS", "--fail", "-d", f'{{"name": "{name}"}}', url)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_it_is_told_to(own_cloud, number):
    own_cloud.process.send_signal(number)

    assert own_cloud.process.wait(60) == 0


MANY = f"UNNEST({list(range(1000))})"
SLOW = f"SELECT COUNT(*) FROM {MANY} AS a, {MANY} AS b, {MANY} AS c, {MANY} AS d WHERE a + b > c * d"


def test_it_stops_while_a_query_runs_that_would_take_hours(own_cloud):
    url = "https://bigquery.googleapis.com/bigquery/v2/projects/local-project/queries"
    query = subprocess.Popen(
        ["curl", "-sS", "-d", json.dumps({"query": SLOW, "useLegacySql": False}), url],
        env=process_environment(own_cloud.settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    busy = psutil.Process(own_cloud.process.pid)
    before = sum(busy.cpu_times()[:2])
    eventually(lambda: sum(busy.cpu_times()[:2]) - before, lambda seconds: seconds >= 0.5, every=0.05)
    assert query.poll() is None

    own_cloud.process.send_signal(signal.SIGTERM)

    assert own_cloud.process.wait(60) == 0
    assert "stopped without waiting" in own_cloud.output
    query.wait(60)


def test_nothing_in_the_state_folder_is_for_others(own_cloud):
    create_bucket(own_cloud, "kept")
    put(own_cloud, "object", "content")
    state = own_cloud.settings.state

    found = {path: path.stat().st_mode & 0o777 for path in (state, *state.rglob("*"))}

    assert {str(path) for path, mode in found.items() if mode & 0o077} == set()


def test_killed_in_an_upload_it_has_what_was_whole_and_nothing_else(own_cloud):
    create_bucket(own_cloud, "kept")
    put(own_cloud, "a/whole.txt", "whole")
    put(own_cloud, "replaced", "old")
    content = own_cloud.settings.state / "objects" / "content"
    before = len(list(content.iterdir()))
    url = "https://storage.googleapis.com/upload/storage/v1/b/kept/o?uploadType=media&name=replaced"
    # a body that never ends
    upload = subprocess.Popen(
        ["curl", "-sS", "-T", "-", "-X", "POST", url],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=process_environment(own_cloud.settings),
    )
    upload.stdin.write(b"x" * 1_000_000)
    upload.stdin.flush()
    eventually(lambda: len(list(content.iterdir())), lambda files: files != before, every=0.02)

    own_cloud.kill()
    upload.kill()
    upload.communicate()

    objects = object_store(own_cloud)
    assert objects.list("gs://kept/") == ["gs://kept/a/whole.txt", "gs://kept/replaced"]
    assert objects.read("gs://kept/replaced") == b"old"
    assert len(list(content.iterdir())) == before
    objects.store.close()


def test_a_restart_keeps_buckets_and_objects_and_the_authority(own_cloud):
    create_bucket(own_cloud, "kept")
    put(own_cloud, "dir/", "")
    put(own_cloud, "model.bin", "weights")
    bundle = (own_cloud.settings.pki / "bundle.pem").read_bytes()
    assert own_cloud.stop() == 0

    own_cloud.start()

    url = "https://storage.googleapis.com/kept/model.bin"
    assert own_cloud.client("curl", "-sS", "--fail", url).stdout == "weights"
    assert (own_cloud.settings.pki / "bundle.pem").read_bytes() == bundle
    assert own_cloud.stop() == 0
    assert object_store(own_cloud).list("gs://kept/") == ["gs://kept/dir/", "gs://kept/model.bin"]


def test_nothing_but_the_gateway_and_grpc_listens(own_cloud):
    listening = [
        connection.laddr
        for process in (psutil.Process(own_cloud.process.pid), *descendants(own_cloud))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]

    # gRPC binds IPv4 through IPv6
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    assert own_cloud.settings.port in [address.port for address in listening]
    for address in listening:
        if address.port != own_cloud.settings.port:
            # a browser uses HTTP/1.1, and gRPC only HTTP/2
            with pytest.raises(requests.ConnectionError):
                requests.get(f"http://127.0.0.1:{address.port}/", timeout=60)


def test_the_progress_ends_with_the_address(own_cloud):
    lines = own_cloud.output.splitlines()

    assert lines[-1].endswith(f"ready: project local-project at http://127.0.0.1:{own_cloud.settings.port}")


def test_interrupted_while_it_starts_it_stops_what_it_started(make_localcloud):
    cloud = make_localcloud()
    cloud.launch()
    eventually(lambda: cloud.output, lambda output: "storage:" in output, every=0.02)

    assert cloud.stop() == 0
