"""The real gcloud syncs dags/ and plugins/ into localcloud, as a deployment does."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.cloud import storage

from localcloud.testing import Cloud
from tests.deploy.checkouts import Checkout
from tests.deploy.gcloud import led_to, require

MONITORING = "dags/airflow_monitoring.py"
SYNC = """
import sys
from deploy import REPOSITORY
from deploy.terminal.shell import Shell
from deploy.composer.sync import Sync, SyncError
sync = Sync(Shell(dry_run=False), *sys.argv[1:], REPOSITORY / ".local" / "deploy" / "dev")
try:
    sync.run(sync.refuse_foreign())
except SyncError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def bucket(cloud: Cloud) -> Iterator[storage.Bucket]:
    """Return a new bucket that stands for the Composer environment's."""
    bucket = storage.Client().create_bucket(f"composer-{uuid.uuid4().hex}")
    yield bucket
    bucket.delete_blobs(list(bucket.list_blobs()))
    bucket.delete()


@pytest.fixture
def sync(
    checkout: Checkout, cloud: Cloud, bucket: storage.Bucket, tmp_path: Path
) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Sync a clone into the bucket; the record lies there too."""
    urls = (f"gs://{bucket.name}", f"gs://{bucket.name}/deployed/wine-mlops.txt")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", SYNC, *urls],
            cwd=checkout.folder,
            env=led_to(cloud, tmp_path),
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    return run


def contents(bucket: storage.Bucket) -> set[str]:
    """Return the names of the objects in the two folders."""
    names = {blob.name for blob in bucket.list_blobs()}
    return {name for name in names if name.startswith(("dags/", "plugins/"))}


@pytest.mark.timeout(1300)
def test_ours_come_and_go_what_is_the_same_stays_and_nothing_of_others_is_touched(
    checkout: Checkout, bucket: storage.Bucket, sync: Callable[[], subprocess.CompletedProcess[str]]
) -> None:
    require("gcloud")
    tracked = set(checkout.git("ls-files", "dags", "plugins").splitlines())
    bucket.blob(MONITORING).upload_from_string("Composer's own")

    first = sync()
    assert first.returncode == 0, first.stderr
    assert contents(bucket) == tracked | {MONITORING}

    for gone in ("dags/docs/train.md", "plugins/vertex_mlops/links/console.py"):
        (checkout.folder / gone).unlink()
        tracked.remove(gone)
    second = sync()
    assert second.returncode == 0, second.stderr
    assert contents(bucket) == tracked | {MONITORING}
    assert second.stderr.count("Removing ") == 2
    # the record alone: the other files are fresh copies with another time, as in every deployment
    assert second.stderr.count("Copying ") == 1

    bucket.blob("dags/sales.py").upload_from_string("of another team")
    third = sync()
    assert third.returncode == 1
    assert " a sync would delete: dags/sales.py; " in third.stderr.splitlines()[-1]
    assert contents(bucket) == tracked | {MONITORING, "dags/sales.py"}
