from __future__ import annotations

import pytest
import requests
from google.api_core.exceptions import NotFound


def test_a_batch_deletes_many_objects_in_one_request(client, bucket):
    for number in range(20):
        bucket.blob(f"a/{number}").upload_from_string("x")
    bucket.blob("dir/").upload_from_string("")

    with client.batch():
        for number in range(20):
            bucket.blob(f"a/{number}").delete()
        bucket.blob("dir/").delete()

    assert list(client.list_blobs(bucket)) == []


def test_one_failure_of_a_batch_does_not_stop_the_rest(client, bucket):
    bucket.blob("there").upload_from_string("x")

    with pytest.raises(NotFound), client.batch():  # noqa: PT012
        bucket.blob("missing").delete()
        bucket.blob("there").delete()

    assert bucket.get_blob("there") is None


def test_a_batch_patches_metadata(client, bucket):
    bucket.blob("one").upload_from_string("x")

    with client.batch():
        blob = bucket.blob("one")
        blob.metadata = {"wine": "red"}
        blob.patch()

    assert bucket.get_blob("one").metadata == {"wine": "red"}


@pytest.mark.parametrize("content_type", ["application/json", "multipart/mixed; boundary=x"])
def test_what_is_no_batch_is_refused(cloud, content_type):
    answer = requests.post(
        "https://storage.googleapis.com/batch/storage/v1",
        data=b"{}",
        headers={"Content-Type": content_type},
        timeout=60,
    )

    assert answer.status_code == 400
    assert "this one has 0" in answer.json()["error"]["message"]


def test_a_batch_copies_as_beam_does_when_it_renames(client, bucket):
    bucket.blob("shard").upload_from_string("rows")

    with client.batch():
        bucket.copy_blob(bucket.blob("shard"), bucket, "final name")

    assert bucket.blob("final name").download_as_bytes() == b"rows"
