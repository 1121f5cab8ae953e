"""Buckets: their writable fields are stored, and settings that would change objects are rejected."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, MethodNotImplemented, PreconditionFailed
from google.cloud import storage

from localcloud.storage import Store

NAME = "/storage/v1/b/wine"


@pytest.fixture
def unmade(client: storage.Client) -> storage.Bucket:
    return client.bucket(f"test-{uuid.uuid4().hex}")


def test_what_a_bucket_is_made_with_is_given_back(client: storage.Client, unmade: storage.Bucket) -> None:
    unmade.storage_class = "NEARLINE"
    unmade.labels = {"team": "wine"}
    unmade.versioning_enabled = False
    unmade.iam_configuration.uniform_bucket_level_access_enabled = True
    client.create_bucket(unmade, location="europe-west1")

    found = client.get_bucket(unmade.name)

    assert (found.location, found.location_type) == ("EUROPE-WEST1", "region")
    assert (found.storage_class, found.labels) == ("NEARLINE", {"team": "wine"})
    assert found.versioning_enabled is False
    assert found.iam_configuration.uniform_bucket_level_access_enabled is True
    assert found.metageneration == 1


def test_labels_are_changed_key_by_key_and_each_change_is_counted(bucket: storage.Bucket) -> None:
    bucket.labels = {"team": "wine", "env": "dev"}
    bucket.patch()
    created = bucket.time_created
    bucket.labels = {"env": "prod"}
    bucket.patch()

    assert bucket.labels == {"env": "prod"}
    assert bucket.metageneration == 3
    assert bucket.time_created == created < bucket.updated


def test_an_update_writes_the_whole_bucket(bucket: storage.Bucket) -> None:
    bucket.labels = {"team": "wine"}
    bucket.storage_class = "COLDLINE"
    bucket.update()

    bucket.reload()

    assert (bucket.labels, bucket.storage_class) == ({"team": "wine"}, "COLDLINE")


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        ("patch", {"labels": {"a": "b"}}),
        ("delete", {}),
    ],
)
def test_a_precondition_on_the_metageneration_holds(
    bucket: storage.Bucket, call: str, sent: dict[str, Any]
) -> None:
    for name, value in sent.items():
        bucket._patch_property(name, value)

    with pytest.raises(PreconditionFailed, match="has metageneration 1, so ifMetagenerationMatch=2 does not"):
        bucket.client._connection.api_request(
            method={"patch": "PATCH", "delete": "DELETE"}[call],
            path=bucket.path,
            query_params={"ifMetagenerationMatch": 2},
            data=sent or None,
        )
    assert bucket.exists(if_metageneration_match=1)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("labels", {"Team": "wine"}, "Invalid label key: 'Team'"),
        ("labels", {"team": "Wine"}, "Invalid value for the label team: 'Wine'"),
        ("labels", {f"k{n}": "" for n in range(65)}, "64 labels at most, not 65"),
        ("storageClass", "COLD", "Invalid storage class: 'COLD'"),
        ("location", "nowhere at all", "Invalid value for location"),
        ("iamConfiguration", "open", "Invalid value for iamConfiguration: it must be an object"),
    ],
)
def test_a_wrong_value_is_refused(unmade: storage.Bucket, field: str, value: object, words: str) -> None:
    unmade._patch_property(field, value)

    with pytest.raises(BadRequest, match=words):
        unmade.create(location=value if field == "location" else None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("versioning", {"enabled": True}),
        ("softDeletePolicy", {"retentionDurationSeconds": "604800"}),
        ("lifecycle", {"rule": [{"action": {"type": "Delete"}, "condition": {"age": 1}}]}),
        ("retentionPolicy", {"retentionPeriod": "60"}),
        ("defaultEventBasedHold", True),
    ],
)
def test_what_would_change_its_objects_is_refused_by_name(
    unmade: storage.Bucket, field: str, value: object
) -> None:
    unmade._patch_property(field, value)

    with pytest.raises(MethodNotImplemented, match=f"the field {field} of a bucket"):
        unmade.create()


def test_what_is_off_is_accepted(unmade: storage.Bucket) -> None:
    unmade._patch_property("softDeletePolicy", {"retentionDurationSeconds": "0"})
    unmade._patch_property("lifecycle", {"rule": []})
    unmade._patch_property("autoclass", {"enabled": False})

    unmade.create(predefined_acl="projectPrivate", predefined_default_object_acl="private")

    assert unmade.exists()


@pytest.mark.parametrize(("field", "value"), [("location", "US"), ("name", "another")])
def test_what_a_bucket_has_for_good_is_not_changed(bucket: storage.Bucket, field: str, value: str) -> None:
    bucket._patch_property(field, value)

    with pytest.raises(BadRequest, match=f"The {field} of the bucket {bucket.name} cannot be changed"):
        bucket.patch()


def test_a_bucket_with_objects_goes_by_force_alone(client: storage.Client, bucket: storage.Bucket) -> None:
    bucket.blob("one").upload_from_string("1")
    bucket.blob("two/").upload_from_string("2")
    with pytest.raises(Conflict):
        bucket.delete()

    bucket.delete(force=True)

    assert client.lookup_bucket(bucket.name) is None


def test_objects_have_the_class_of_their_bucket_until_they_are_rewritten(
    client: storage.Client, unmade: storage.Bucket
) -> None:
    unmade.storage_class = "NEARLINE"
    client.create_bucket(unmade)
    blob = unmade.blob("one")
    blob.upload_from_string("1")
    assert blob.storage_class == "NEARLINE"

    blob.metadata = {"wine": "red"}
    blob.patch()
    assert (blob.storage_class, blob.metadata) == ("NEARLINE", {"wine": "red"})

    blob.update_storage_class("ARCHIVE")
    blob.reload()
    assert (blob.storage_class, blob.metadata) == ("ARCHIVE", {"wine": "red"})


async def test_only_a_rewrite_changes_the_class_of_an_object(served) -> None:
    await served.put("one", b"1")

    refused = await served.ask("PATCH", "/storage/v1/b/wine/o/one", json={"storageClass": "ARCHIVE"})

    assert refused.status == 400
    assert "changed by a rewrite alone" in (await refused.json())["error"]["message"]


def test_a_catalogue_of_before_buckets_had_fields_is_read(tmp_path) -> None:
    store = Store(tmp_path)
    for name in ("metageneration", "updated", "fields"):
        store.catalog._run(f"ALTER TABLE buckets DROP COLUMN {name}")
    store.catalog._run("INSERT INTO buckets VALUES ('wine', 'EU', 1764028800000000)")
    store.close()

    store = Store(tmp_path)

    found = store.bucket("wine")
    assert (found.metageneration, found.updated, found.fields) == (1, 1764028800000000, {})
    store.close()


async def test_an_object_moves_to_another_name(served) -> None:
    await served.put("one", b"1")
    await served.put("there", b"2")

    moved = await served.ask("POST", "/storage/v1/b/wine/o/one/moveTo/o/two")
    refused = await served.ask("POST", "/storage/v1/b/wine/o/two/moveTo/o/there?ifGenerationMatch=0")
    same = await served.ask("POST", "/storage/v1/b/wine/o/two/moveTo/o/two")
    gone = await served.ask("POST", "/storage/v1/b/wine/o/one/moveTo/o/three")

    assert (moved.status, (await moved.json())["name"]) == (200, "two")
    assert (refused.status, same.status, gone.status) == (412, 400, 404)
    assert await served.names() == ["there", "two"]
    assert await served.content("two") == b"1"
