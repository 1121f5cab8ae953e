"""
The Google provider's operators and sensors of Cloud Storage, in the order of the provider's system DAGs.

Source: providers/google/tests/system/google/cloud/gcs in https://github.com/apache/airflow
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.google.cloud.operators.gcs import (
    GCSCreateBucketOperator,
    GCSDeleteBucketOperator,
    GCSDeleteObjectsOperator,
    GCSFileTransformOperator,
    GCSListObjectsOperator,
    GCSSynchronizeBucketsOperator,
)
from airflow.providers.google.cloud.sensors.gcs import (
    GCSObjectExistenceSensor,
    GCSObjectsWithPrefixExistenceSensor,
    GCSObjectUpdateSensor,
    GCSUploadSessionCompleteSensor,
)
from airflow.providers.google.cloud.transfers.gcs_to_gcs import GCSToGCSOperator
from airflow.providers.google.cloud.transfers.gcs_to_local import GCSToLocalFilesystemOperator
from airflow.providers.google.cloud.transfers.local_to_gcs import LocalFilesystemToGCSOperator
from google.cloud import storage


class TaskInstance:
    """Records what operators push for their links."""

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def run(operator: Any) -> Any:
    return operator.execute({"ti": TaskInstance(), "task": operator})


def sense(sensor: Any) -> bool:
    moment = datetime.now(UTC)
    return bool(sensor.poke({"data_interval_end": moment - timedelta(hours=1), "logical_date": moment}))


def names(bucket: str) -> list[str]:
    return run(GCSListObjectsOperator(task_id="list_objects", bucket=bucket))


@pytest.fixture
def buckets(client: storage.Client) -> Iterator[tuple[str, str]]:
    """Return the names of two buckets that the operators create, and delete with their objects."""
    made = (f"bucket_src_{uuid.uuid4().hex}", f"bucket_dst_{uuid.uuid4().hex}")
    for name in made:
        run(GCSCreateBucketOperator(task_id="create", bucket_name=name, project_id=client.project))
    yield made
    for name in made:
        run(GCSDeleteBucketOperator(task_id="delete", bucket_name=name))
        assert client.lookup_bucket(name) is None


def upload(path: Path, bucket: str, name: str) -> None:
    run(LocalFilesystemToGCSOperator(task_id="upload", src=str(path), dst=name, bucket=bucket))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "random.bin"
    path.write_bytes(bytes(range(256)) * 16)
    return path


def test_a_bucket_has_what_the_operator_gives_it(client: storage.Client) -> None:
    name = f"bucket_{uuid.uuid4().hex}"
    create = GCSCreateBucketOperator(
        task_id="create",
        bucket_name=name,
        resource={"iamConfiguration": {"uniformBucketLevelAccess": {"enabled": False}}},
        storage_class="MULTI_REGIONAL",
        location="EU",
        labels={"env": "dev"},
        project_id=client.project,
    )

    run(create)

    found = client.get_bucket(name)
    assert (found.storage_class, found.location) == ("MULTI_REGIONAL", "EU")
    assert found.labels["env"] == "dev"
    assert "airflow-version" in found.labels


def test_buckets_are_synchronized_and_objects_copied_and_moved(buckets: tuple[str, str], file: Path) -> None:
    source, destination = buckets
    upload(file, source, "data/random.bin")
    upload(file, source, "data/subdir/random.bin")
    upload(file, destination, "extra.bin")

    both = {"source_bucket": source, "destination_bucket": destination}
    run(GCSSynchronizeBucketsOperator(task_id="sync", **both))
    assert names(destination) == ["data/random.bin", "data/subdir/random.bin", "extra.bin"]
    run(GCSSynchronizeBucketsOperator(task_id="full", delete_extra_files=True, allow_overwrite=True, **both))
    assert names(destination) == names(source)
    run(GCSSynchronizeBucketsOperator(task_id="to_subdir", destination_object="subdir/", **both))

    one = {"source_object": "data/random.bin", "destination_object": "backup_random.bin", "exact_match": True}
    run(GCSToGCSOperator(task_id="copy", **one, **both))
    folder = {"source_object": "data/subdir/", "destination_object": "backup/"}
    run(GCSToGCSOperator(task_id="copy_folder", **folder, **both))
    glob = {"source_object": "data/", "destination_object": "glob/", "match_glob": "**/*.bin"}
    run(GCSToGCSOperator(task_id="copy_glob", **glob, **both))
    run(GCSToGCSOperator(task_id="move", move_object=True, **one, **both))

    assert names(source) == ["data/subdir/random.bin"]
    assert {"backup/random.bin", "backup_random.bin", "subdir/data/random.bin"} <= set(names(destination))


def test_objects_are_uploaded_downloaded_transformed_and_deleted(
    buckets: tuple[str, str], file: Path, tmp_path: Path
) -> None:
    bucket, other = buckets
    upload(file, bucket, "one")
    there = tmp_path / "there"
    run(GCSToLocalFilesystemOperator(task_id="get", bucket=bucket, object_name="one", filename=str(there)))
    assert there.read_bytes() == file.read_bytes()

    run(
        GCSFileTransformOperator(
            task_id="transform",
            source_bucket=bucket,
            source_object="one",
            destination_bucket=other,
            destination_object="two",
            transform_script=["cp"],
        )
    )
    assert names(other) == ["two"]
    run(GCSDeleteObjectsOperator(task_id="delete", bucket_name=bucket, objects=["one"]))
    run(GCSDeleteObjectsOperator(task_id="delete_all", bucket_name=other, prefix=""))
    assert (names(bucket), names(other)) == ([], [])


def test_sensors_see_what_is_there(buckets: tuple[str, str], file: Path) -> None:
    bucket, _ = buckets
    exists = GCSObjectExistenceSensor(task_id="exists", bucket=bucket, object="one")
    prefix = GCSObjectsWithPrefixExistenceSensor(task_id="prefix", bucket=bucket, prefix="o")
    session = GCSUploadSessionCompleteSensor(
        task_id="session", bucket=bucket, prefix="o", inactivity_period=0, min_objects=1
    )
    assert (sense(exists), sense(prefix), sense(session)) == (False, False, False)

    upload(file, bucket, "one")

    update = GCSObjectUpdateSensor(task_id="update", bucket=bucket, object="one")
    assert (sense(exists), sense(prefix), sense(update)) == (True, True, True)
    # nothing new at the second poll
    assert [sense(session), sense(session)][-1]
