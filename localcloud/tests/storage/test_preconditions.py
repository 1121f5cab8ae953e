from __future__ import annotations

import io

import pytest
import requests
from google.api_core.exceptions import BadRequest, NotFound, NotModified, PreconditionFailed


@pytest.fixture
def blob(bucket):
    """Return an object that exists."""
    bucket.blob("wine").upload_from_string("old")
    return bucket.get_blob("wine")


STALE = [
    pytest.param(lambda blob: blob.upload_from_string("new", if_generation_match=1), id="upload"),
    pytest.param(lambda blob: blob.upload_from_string("new", if_generation_match=0), id="create"),
    pytest.param(
        lambda blob: blob.upload_from_string("new", if_generation_not_match=blob.generation), id="not match"
    ),
    pytest.param(lambda blob: blob.download_as_bytes(if_generation_match=1), id="download"),
    pytest.param(lambda blob: blob.reload(if_generation_match=1), id="get"),
    pytest.param(lambda blob: blob.delete(if_generation_match=1), id="delete"),
    pytest.param(lambda blob: blob.compose([blob], if_generation_match=1), id="compose"),
    pytest.param(lambda blob: blob.compose([blob], if_source_generation_match=[1]), id="compose source"),
    pytest.param(lambda blob: blob.rewrite(blob, if_generation_match=1), id="rewrite"),
    pytest.param(lambda blob: blob.rewrite(blob, if_source_generation_match=1), id="rewrite source"),
]


@pytest.mark.parametrize("call", STALE)
def test_a_stale_generation_fails_and_changes_nothing(bucket, blob, call):
    with pytest.raises(PreconditionFailed):
        call(bucket.get_blob("wine"))

    assert bucket.get_blob("wine").generation == blob.generation
    assert bucket.blob("wine").download_as_bytes() == b"old"


def test_a_resumable_upload_with_a_stale_generation_does_not_begin(bucket, blob):
    chunked = bucket.blob("wine", chunk_size=256 * 1024)

    with pytest.raises(PreconditionFailed):
        chunked.upload_from_file(io.BytesIO(b"x" * 300_000), if_generation_match=1)

    assert bucket.blob("wine").download_as_bytes() == b"old"


def test_the_current_generation_goes_through(bucket, blob):
    blob.upload_from_string("new", if_generation_match=blob.generation)
    current = bucket.get_blob("wine")

    current.delete(if_generation_match=current.generation)

    assert bucket.get_blob("wine") is None


def test_an_object_that_is_not_there_has_generation_0(bucket):
    bucket.blob("first").upload_from_string("one", if_generation_match=0)

    with pytest.raises(PreconditionFailed):
        bucket.blob("first").upload_from_string("two", if_generation_match=0)

    assert bucket.blob("first").download_as_bytes() == b"one"


def test_a_read_of_what_is_known_already_is_not_modified(bucket, blob):
    with pytest.raises(NotModified):
        blob.reload(if_generation_not_match=blob.generation)
    with pytest.raises(NotModified):
        blob.download_as_bytes(if_generation_not_match=blob.generation)


def test_metadata_has_generations_of_its_own(bucket, blob):
    assert blob.metageneration == 1
    blob.metadata = {"wine": "white"}
    blob.patch(if_metageneration_match=1)

    for call in (
        lambda: blob.patch(if_metageneration_match=1),
        lambda: blob.delete(if_metageneration_match=1),
        lambda: blob.upload_from_string("new", if_metageneration_match=1),
        lambda: blob.delete(if_metageneration_not_match=2),
        lambda: bucket.blob("other").rewrite(blob, if_source_metageneration_match=1),
    ):
        with pytest.raises(PreconditionFailed):
            call()

    current = bucket.get_blob("wine")
    assert (current.metageneration, current.generation) == (2, blob.generation)
    current.delete(if_metageneration_match=2)
    assert bucket.get_blob("wine") is None


def test_a_precondition_that_is_no_number_is_refused(blob):
    with pytest.raises(BadRequest, match="ifGenerationMatch"):
        blob.reload(if_generation_match="newest")


def test_another_generation_is_not_there(bucket, blob):
    with pytest.raises(NotFound):
        bucket.blob("wine", generation=blob.generation + 1).download_as_bytes()
    with pytest.raises(NotFound):
        bucket.blob("wine", generation=blob.generation + 1).delete()
    assert bucket.blob("wine", generation=blob.generation).download_as_bytes() == b"old"


def test_a_resumable_upload_keeps_its_precondition_until_its_end(bucket, blob):
    url = f"https://storage.googleapis.com/upload/storage/v1/b/{bucket.name}/o"
    query = {"uploadType": "resumable", "name": "wine", "ifGenerationMatch": str(blob.generation)}
    address = requests.post(url, params=query, timeout=60).headers["Location"]
    blob.upload_from_string("newer")

    late = requests.put(address, data=b"late", timeout=60)

    assert late.status_code == 412
    assert bucket.blob("wine").download_as_bytes() == b"newer"


def test_a_simple_upload_keeps_its_precondition_and_its_content(bucket, blob):
    url = f"https://storage.googleapis.com/upload/storage/v1/b/{bucket.name}/o"
    query = {"uploadType": "media", "name": "wine"}

    stale = requests.post(url, params=query | {"ifGenerationMatch": "1"}, data=b"new", timeout=60)
    current = requests.post(
        url, params=query | {"ifGenerationMatch": str(blob.generation)}, data=b"new", timeout=60
    )

    assert (stale.status_code, current.status_code) == (412, 200)
    assert bucket.blob("wine").download_as_bytes() == b"new"


@pytest.mark.parametrize("what", ["blob", "bucket"])
def test_a_read_depends_on_the_etag(bucket, what):
    blob = bucket.blob("wine")
    blob.upload_from_string("old")
    read = {"blob": blob, "bucket": bucket}[what]
    read.reload()
    before = read.etag
    reads = [read.reload, read.exists, *([blob.download_as_bytes] if what == "blob" else [])]
    for call in reads:
        call(if_etag_match=before)
        call(if_etag_match=["other", before])
        call(if_etag_not_match="other")
        with pytest.raises(NotModified):
            call(if_etag_not_match=["other", before])
        with pytest.raises(PreconditionFailed, match="so If-Match: other does not hold"):
            call(if_etag_match="other")

    setattr(read, {"blob": "metadata", "bucket": "labels"}[what], {"a": "b"})
    read.patch()
    after = read.etag
    for call in reads:
        call(if_etag_not_match=before)
        with pytest.raises(PreconditionFailed, match=f"has the ETag {after}, so If-Match: {before} does"):
            call(if_etag_match=before)
