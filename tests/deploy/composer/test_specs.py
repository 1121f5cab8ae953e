"""A compiled pipeline lies under a name by its digest, and a pointer says which one new runs use."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator

import pytest
from google.api_core.exceptions import PreconditionFailed
from google.cloud import storage
from google.cloud.exceptions import NotFound

from deploy.composer import specs
from localcloud.testing import Cloud
from tests.support.repository import REPOSITORY

WINE = "white"


@pytest.fixture
def bucket(cloud: Cloud) -> Iterator[storage.Bucket]:
    bucket = storage.Client(project=cloud.settings.project).create_bucket(f"specs-{uuid.uuid4().hex}")
    yield bucket
    bucket.delete_blobs(list(bucket.list_blobs()))
    bucket.delete()


def test_a_later_file_is_put_beside_the_one_that_runs_use(bucket: storage.Bucket) -> None:
    first = specs.publish(bucket, WINE, b'{"number": 1}')
    second = specs.publish(bucket, WINE, b'{"number": 2}')

    assert re.fullmatch(rf"gs://{bucket.name}/specs/wine-white/[0-9a-f]{{12}}\.json", first)
    assert first != second
    assert storage.Blob.from_uri(first, bucket.client).download_as_bytes() == b'{"number": 1}'
    assert specs.read_current(bucket, WINE) == {"number": 2}


def test_the_same_file_is_uploaded_once_and_can_be_gone_back_to(bucket: storage.Bucket) -> None:
    first = specs.publish(bucket, WINE, b'{"number": 1}')
    specs.publish(bucket, WINE, b'{"number": 2}')
    name = first.removeprefix(f"gs://{bucket.name}/")
    generation = bucket.get_blob(name).generation

    assert specs.publish(bucket, WINE, b'{"number": 1}') == first

    assert bucket.get_blob(name).generation == generation
    assert specs.read_current(bucket, WINE) == {"number": 1}


def test_cloud_storage_does_not_overwrite_it(bucket: storage.Bucket) -> None:
    uri = specs.publish(bucket, WINE, b"{}")

    with pytest.raises(PreconditionFailed):
        storage.Blob.from_uri(uri, bucket.client).upload_from_string("other", if_generation_match=0)


def test_before_a_deployment_there_is_no_current_one(bucket: storage.Bucket) -> None:
    with pytest.raises(NotFound):
        specs.read_current(bucket, WINE)


def test_no_lifecycle_rule_touches_compiled_pipelines() -> None:
    rules = json.loads((REPOSITORY / "deploy" / "resources" / "lifecycle.json").read_text())["rule"]

    for rule in rules:
        prefixes = rule["condition"]["matchesPrefix"]
        assert prefixes
        assert not any(specs.pointer_name(WINE).startswith(prefix) for prefix in prefixes)
        assert not any(specs.spec_name(WINE, "0" * 64).startswith(prefix) for prefix in prefixes)
