from __future__ import annotations

import gzip
import io

import pytest
import requests
from google.api_core.exceptions import NotFound
from google.cloud import storage


def names(bucket: storage.Bucket, **options) -> list[str]:
    return [blob.name for blob in bucket.client.list_blobs(bucket, **options)]


def put(bucket: storage.Bucket, *object_names: str) -> None:
    for name in object_names:
        bucket.blob(name).upload_from_string(name)


def test_content_and_type_come_back_as_they_were_sent(bucket):
    blob = bucket.blob("a/b.bin")
    content = bytes(range(256)) * 4096

    blob.upload_from_string(content, content_type="application/x-wine")

    assert bucket.get_blob("a/b.bin").content_type == "application/x-wine"
    assert bucket.get_blob("a/b.bin").size == len(content)
    assert blob.download_as_bytes() == content
    assert blob.download_as_bytes(start=10, end=19) == content[10:20]


ODD_NAMES = [
    "a b/ü?#%2F+&=.txt",
    "dir/",
    "a//b",
    "../out",
    "x/../../y",
    "a/./b",
    "~home/~",
    "~-/x",
    "-",
    "a\\b",
    "日本",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_every_name_is_kept_and_leads_nowhere_else(bucket, cloud, name):
    bucket.blob(name).upload_from_string("content")

    assert names(bucket) == [name]
    assert names(bucket, prefix=name[:2] if len(name) > 2 else "") == [name]
    assert bucket.get_blob(name).name == name
    assert bucket.get_blob(name).download_as_bytes() == b"content"
    folder = cloud.settings.state / "objects"
    assert {path.name for path in folder.iterdir() if "sqlite" not in path.name} == {"content"}
    bucket.blob(name).delete()
    assert names(bucket) == []


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 700_000])
def test_a_resumable_upload_arrives_whole(bucket, size):
    blob = bucket.blob("big", chunk_size=256 * 1024)
    content = b"w" * size

    blob.upload_from_file(io.BytesIO(content))

    assert bucket.get_blob("big").size == size
    assert blob.download_as_bytes() == content


def test_compressed_content_is_stored_as_it_was_sent(bucket):
    blob = bucket.blob("wine.csv.gz")
    blob.content_encoding = "gzip"
    packed = gzip.compress(b"alcohol")

    blob.upload_from_string(packed)

    assert bucket.get_blob("wine.csv.gz").size == len(packed)
    assert blob.download_as_bytes() == b"alcohol"


def test_a_listing_is_narrowed_by_prefix_delimiter_and_offsets(bucket):
    put(bucket, "a/1", "a/2", "a/b/3", "c", "z.txt")

    listing = bucket.client.list_blobs(bucket, prefix="a/", delimiter="/")

    assert [blob.name for blob in listing] == ["a/1", "a/2"]
    assert listing.prefixes == {"a/b/"}
    assert names(bucket, start_offset="a/2", end_offset="z") == ["a/2", "a/b/3", "c"]


def test_a_folder_marker_shows_beside_its_folder(bucket):
    put(bucket, "dir/", "dir/x", "dir//y")

    top = bucket.client.list_blobs(bucket, delimiter="/")
    assert [blob.name for blob in top] == []
    assert top.prefixes == {"dir/"}
    inner = bucket.client.list_blobs(bucket, prefix="dir/", delimiter="/")
    assert [blob.name for blob in inner] == ["dir/", "dir/x"]
    assert inner.prefixes == {"dir//"}


def test_a_long_listing_comes_in_pages_without_gaps(bucket):
    put(bucket, *"gfedcba")

    pages = [[blob.name for blob in page] for page in bucket.client.list_blobs(bucket, page_size=3).pages]

    assert pages == [["a", "b", "c"], ["d", "e", "f"], ["g"]]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.json", ["top.json"]),
        ("**.json", ["specs/wine-red.json", "specs/wine-white.json", "top.json"]),
        ("specs/wine-{red,blue}.json", ["specs/wine-red.json"]),
        ("**/wine-?ed.json", ["specs/wine-red.json"]),
        ("specs/[!x]*", ["specs/wine-red.json", "specs/wine-white.json"]),
        ("nothing*", []),
    ],
)
def test_a_glob_narrows_a_listing(bucket, glob, expected):
    put(bucket, "specs/wine-red.json", "specs/wine-white.json", "top.json", "top.csv")

    assert names(bucket, match_glob=glob) == expected


def test_objects_are_composed_copied_and_renamed(bucket):
    put(bucket, "one", "two/")

    bucket.blob("both").compose([bucket.blob("one"), bucket.blob("two/")])
    bucket.copy_blob(bucket.blob("both"), bucket, "copy//of")
    bucket.rename_blob(bucket.blob("one"), "renamed")
    token, done, total = bucket.blob("rewritten").rewrite(bucket.blob("both"))

    assert (token, done, total) == (None, 7, 7)
    assert names(bucket) == ["both", "copy//of", "renamed", "rewritten", "two/"]
    assert bucket.blob("copy//of").download_as_bytes() == b"onetwo/"


def test_metadata_is_changed_in_place(bucket):
    put(bucket, "one")
    blob = bucket.blob("one")
    blob.metadata = {"wine": "white"}

    blob.patch()

    assert bucket.get_blob("one").metadata == {"wine": "white"}
    assert blob.download_as_bytes() == b"one"


def test_what_is_not_there_is_not_found(client, bucket):
    with pytest.raises(NotFound):
        bucket.blob("nothing").download_as_bytes()
    with pytest.raises(NotFound):
        bucket.blob("nothing").delete()
    with pytest.raises(NotFound):
        client.get_bucket("no-such-bucket")
    with pytest.raises(NotFound):
        names(client.bucket("no-such-bucket"))
    with pytest.raises(NotFound):
        client.bucket("no-such-bucket").blob("x").upload_from_string("x")
    with pytest.raises(NotFound):
        bucket.copy_blob(bucket.blob("nothing"), bucket, "copy")
    assert bucket.get_blob("nothing") is None
    assert client.lookup_bucket("no-such-bucket") is None


def test_a_plain_address_gives_the_object(bucket):
    put(bucket, "specs/wine.json")

    answer = requests.get(f"https://storage.googleapis.com/{bucket.name}/specs/wine.json", timeout=60)

    assert (answer.status_code, answer.text) == (200, "specs/wine.json")


def test_the_size_of_an_object_is_asked_without_its_content(bucket):
    put(bucket, "one")

    answer = requests.head(f"https://storage.googleapis.com/{bucket.name}/one", timeout=60)

    assert (answer.status_code, answer.headers["Content-Length"]) == (200, "3")
