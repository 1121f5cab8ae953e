from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from localcloud.storage import ObjectStore


@pytest.fixture
def own_cloud(make_cloud):
    """A localcloud that a test may kill."""
    cloud = make_cloud()
    cloud.start()
    yield cloud
    cloud.kill()


def descendants(cloud) -> list[psutil.Process]:
    return psutil.Process(cloud.process.pid).children(recursive=True)


def storage_server(cloud) -> psutil.Process:
    return next(process for process in descendants(cloud) if "fake-gcs" in process.name())


def object_store(cloud) -> ObjectStore:
    port = next(c.laddr.port for c in storage_server(cloud).net_connections("tcp") if c.status == "LISTEN")
    return ObjectStore(f"http://127.0.0.1:{port}")


def create_bucket(cloud, name: str) -> None:
    url = "https://storage.googleapis.com/storage/v1/b?project=wine-local"
    done = cloud.client("curl", "-sS", "--fail", "-d", f'{{"name": "{name}"}}', url)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_everything_it_started(own_cloud, number):
    children = descendants(own_cloud)
    assert children

    own_cloud.process.send_signal(number)

    assert own_cloud.process.wait(30) == 0
    assert not psutil.wait_procs(children, timeout=0)[1]


def test_killed_it_leaves_no_orphan_and_the_next_start_repairs(own_cloud):
    create_bucket(own_cloud, "kept")
    object_store(own_cloud).write("gs://kept/a/whole.txt", b"whole")
    children = descendants(own_cloud)

    own_cloud.process.kill()
    own_cloud.process.wait()

    assert not psutil.wait_procs(children, timeout=20)[1]
    # what a killed storage server leaves behind: content without metadata, and half a description
    folder = own_cloud.settings.state / "storage"
    (folder / "kept" / "a" / "half.txt").write_bytes(b"ha")
    (folder / "broken.bucketMetadata").write_text('{"name": ')

    own_cloud.start()

    objects = object_store(own_cloud)
    assert objects.list("gs://kept/") == ["gs://kept/a/whole.txt"]
    assert objects.read("gs://kept/a/whole.txt") == b"whole"


def test_a_restart_keeps_buckets_and_objects_and_the_authority(own_cloud):
    create_bucket(own_cloud, "kept")
    object_store(own_cloud).write("gs://kept/dir/", b"")
    object_store(own_cloud).write("gs://kept/model.bin", b"\0\1")
    bundle = (own_cloud.settings.pki / "bundle.pem").read_bytes()
    assert own_cloud.stop() == 0

    own_cloud.start()

    objects = object_store(own_cloud)
    assert objects.list("gs://kept/") == ["gs://kept/dir/", "gs://kept/model.bin"]
    assert objects.read("gs://kept/model.bin") == b"\0\1"
    assert (own_cloud.settings.pki / "bundle.pem").read_bytes() == bundle


def test_it_does_not_go_on_without_its_storage_server(own_cloud):
    os.kill(storage_server(own_cloud).pid, signal.SIGKILL)

    assert own_cloud.process.wait(30) == 1
    assert "the storage server died" in own_cloud.output


def test_the_progress_ends_with_the_address(own_cloud):
    lines = own_cloud.output.splitlines()

    assert lines[-1].endswith(f"ready: project wine-local at http://127.0.0.1:{own_cloud.settings.port}")


def test_interrupted_while_it_starts_it_stops_what_it_started(make_cloud):
    cloud = make_cloud()
    cloud.launch()
    while "storage:" not in cloud.output:
        time.sleep(0.02)
    children = descendants(cloud)

    assert cloud.stop() == 0

    assert not psutil.wait_procs(children, timeout=0)[1]
