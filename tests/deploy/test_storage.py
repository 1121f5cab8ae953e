"""The real gcloud syncs what a deployment would into localcloud, with the flags that a dry run prints."""

from __future__ import annotations

import shlex
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import storage

from tests.conftest import Cloud
from tests.deploy.conftest import Checkout
from tests.deploy.gcloud import commands_in, led_to, require

FOLDERS = ("plugins", "dags")


@pytest.fixture
def bucket(cloud: Cloud) -> Iterator[storage.Bucket]:
    """Give a new bucket that stands for the Composer environment's."""
    bucket = storage.Client().create_bucket(f"composer-{uuid.uuid4().hex}")
    yield bucket
    bucket.delete_blobs(list(bucket.list_blobs()))
    bucket.delete()


def contents(bucket: storage.Bucket) -> list[str]:
    """Return the names of a bucket's objects."""
    return [blob.name for blob in bucket.list_blobs()]


def sync(checkout: Checkout, cloud: Cloud, bucket: storage.Bucket, folder: Path) -> str:
    """Run the rsync commands of a deployment to dev against this bucket, and return what they say."""
    said = ""
    printed = checkout.run("deploy", "dev", "--dry-run").stdout.replace("COMPOSER_BUCKET", bucket.name)
    commands = [command for command in commands_in(printed, "gcloud") if "storage rsync" in command]
    assert len(commands) == len(FOLDERS)
    for command in commands:
        done = subprocess.run(
            shlex.split(command),
            cwd=checkout.folder,
            env=led_to(cloud, folder),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said += done.stderr
    return said


@pytest.mark.timeout(900)
def test_what_was_removed_is_deleted_what_is_the_same_stays_and_composers_own_dag_too(
    checkout: Checkout, cloud: Cloud, bucket: storage.Bucket, tmp_path: Path
):
    require("gcloud")
    for folder in FOLDERS:
        staged = checkout.folder / ".local" / "deploy" / "dev" / folder
        (staged / "package").mkdir(parents=True)
        (staged / "package" / f"{folder}.py").write_text("kept")
        (staged / ".airflowignore").write_text("kept")
        (staged / "gone.py").write_text("removed later")
    bucket.blob("dags/airflow_monitoring.py").upload_from_string("Composer's own")
    bucket.blob("plugins/stale.py").upload_from_string("from an earlier deployment")

    sync(checkout, cloud, bucket, tmp_path)
    first = set(contents(bucket))
    for folder in FOLDERS:
        (checkout.folder / ".local" / "deploy" / "dev" / folder / "gone.py").unlink()
        # a fresh copy with another time, as every deployment makes it
        (checkout.folder / ".local" / "deploy" / "dev" / folder / "package" / f"{folder}.py").touch()
    said = sync(checkout, cloud, bucket, tmp_path)

    kept = {
        "dags/.airflowignore",
        "dags/airflow_monitoring.py",
        "dags/package/dags.py",
        "plugins/.airflowignore",
        "plugins/package/plugins.py",
    }
    assert first == kept | {"dags/gone.py", "plugins/gone.py"}
    assert set(contents(bucket)) == kept
    assert said.count("Removing ") == 2
    assert "Copying " not in said
