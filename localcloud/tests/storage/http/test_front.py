from __future__ import annotations

import pytest
import requests
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, MethodNotImplemented
from google.cloud import storage
from tests.curl import needs_curl

API = "https://storage.googleapis.com/storage/v1"


def test_a_bucket_is_made_found_and_deleted(client, bucket):
    assert bucket.name in [found.name for found in client.list_buckets()]
    assert client.get_bucket(bucket.name).location == "EU"

    bucket.delete()

    assert client.lookup_bucket(bucket.name) is None


def test_a_bucket_is_not_made_twice(client, bucket):
    with pytest.raises(Conflict):
        client.create_bucket(bucket.name)


def test_a_bucket_belongs_to_the_project(client, bucket, cloud):
    found = client.get_bucket(bucket.name)
    (listed,) = [other for other in client.list_buckets() if other.name == bucket.name]

    # the Vertex SDK rejects a bucket of another project as squatted
    assert str(found.project_number) == str(listed.project_number) == cloud.settings.project_number


def test_a_bucket_with_objects_is_not_deleted(bucket):
    bucket.blob("one").upload_from_string("x")

    with pytest.raises(Conflict):
        bucket.delete()

    bucket.blob("one").delete()
    bucket.delete()


def test_buckets_are_listed_by_prefix(client, bucket):
    found = client.list_buckets(prefix=bucket.name[:20])

    assert [one.name for one in found] == [bucket.name]


@pytest.mark.parametrize("name", ["../evil", "UPPER", "ab", "a..b", "a/b", ".ab"])
def test_a_name_that_no_bucket_may_have_is_refused(client, name):
    with pytest.raises(BadRequest, match="Invalid bucket name"):
        client._post_resource("/b", {"name": name}, query_params={"project": client.project})


def test_another_project_is_refused(cloud):
    other = storage.Client(project="someone-elses")

    with pytest.raises(Forbidden, match="local-project only, not someone-elses"):
        list(other.list_buckets())
    with pytest.raises(Forbidden):
        other.create_bucket("their-bucket")


def test_a_listing_option_that_would_be_ignored_is_refused(client, bucket):
    with pytest.raises(MethodNotImplemented, match="does not serve the parameter softDeleted"):
        list(client.list_blobs(bucket, soft_deleted=True))


def test_all_versions_are_those_that_are_live_as_no_bucket_keeps_others(client, bucket):
    for content in ("first", "second"):
        bucket.blob("one").upload_from_string(content)

    (found,) = client.list_blobs(bucket, versions=True)

    assert found.download_as_bytes() == b"second"


def test_the_storage_layout_is_that_of_a_flat_bucket(bucket):
    layout = requests.get(f"{API}/b/{bucket.name}/storageLayout", timeout=60)
    missing = requests.get(f"{API}/b/no-such-bucket/storageLayout", timeout=60)

    assert layout.json()["hierarchicalNamespace"] == {"enabled": False}
    assert missing.status_code == 404


@pytest.mark.parametrize("page", [{"maxResults": "-1"}, {"pageToken": "%%%"}, {"matchGlob": "{a"}])
def test_a_listing_parameter_that_makes_no_sense_is_refused(bucket, page):
    answer = requests.get(f"{API}/b/{bucket.name}/o", params=page, timeout=60)

    assert answer.status_code == 400


def test_a_body_that_is_no_json_is_refused(cloud):
    answer = requests.post(f"{API}/b?project=local-project", data="{", timeout=60)

    assert answer.status_code == 400
    assert "not JSON" in answer.json()["error"]["message"]


def test_an_upload_without_a_name_is_refused(bucket):
    url = f"https://storage.googleapis.com/upload/storage/v1/b/{bucket.name}/o?uploadType=media"

    answer = requests.post(url, data=b"x", timeout=60)

    assert answer.status_code == 400
    assert "name is missing" in answer.json()["error"]["message"]


@needs_curl
def test_an_upload_waits_for_100_continue(bucket, cloud, tmp_path):
    content = tmp_path / "content"
    content.write_bytes(b"x" * 100_000)
    url = f"https://storage.googleapis.com/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=big"
    curl = ["curl", "-sS", "--fail", "-v", "--max-time", "10", "--expect100-timeout", "9"]

    done = cloud.client(*curl, "-H", "Expect: 100-continue", "--data-binary", f"@{content}", url)

    assert done.returncode == 0, done.stderr
    assert "HTTP/1.1 100 Continue" in done.stderr
    assert bucket.get_blob("big").size == 100_000
