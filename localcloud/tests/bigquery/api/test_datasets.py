"""Datasets, through google-cloud-bigquery."""

from __future__ import annotations

import uuid

import pytest
from google.api_core.exceptions import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed
from google.cloud import bigquery

from localcloud.testing import Cloud


def test_a_dataset_is_created_read_changed_and_deleted(client: bigquery.Client) -> None:
    name = f"test_{uuid.uuid4().hex}"
    wanted = bigquery.Dataset(f"{client.project}.{name}")
    wanted.labels = {"a": "1", "b": "2"}
    wanted.default_table_expiration_ms = 3_600_000
    client.create_dataset(wanted)

    found = client.get_dataset(name)
    assert (found.location, found.labels, found.default_table_expiration_ms) == (
        "EU",
        wanted.labels,
        3_600_000,
    )

    found.description = "wines"
    found.labels = {"a": None, "b": "3"}
    changed = client.update_dataset(found, ["description", "labels"])
    assert (changed.description, changed.labels) == ("wines", {"b": "3"})
    assert changed.modified > changed.created

    client.delete_dataset(name)
    with pytest.raises(NotFound, match=f"Not found: Dataset {client.project}:{name}"):
        client.get_dataset(name)


def test_a_list_honours_the_label_filter(client: bigquery.Client, dataset: str) -> None:
    labelled = bigquery.Dataset(f"{client.project}.test_{uuid.uuid4().hex}")
    labelled.labels = {"kind": "temporary", "owner": "beam"}
    client.create_dataset(labelled)
    try:
        names = {
            text: {item.dataset_id for item in client.list_datasets(filter=text)}
            for text in ("labels.kind:temporary", "labels.kind", "labels.kind:temporary labels.owner:me")
        }
        assert names["labels.kind:temporary"] == {labelled.dataset_id}
        assert names["labels.kind"] == {labelled.dataset_id}
        assert names["labels.kind:temporary labels.owner:me"] == set()
        assert dataset in {item.dataset_id for item in client.list_datasets()}
        with pytest.raises(BadRequest, match="Invalid filter expression"):
            list(client.list_datasets(filter="name:x"))
    finally:
        client.delete_dataset(labelled.dataset_id)


def test_a_list_comes_in_pages_and_hides_the_query_results(client: bigquery.Client, dataset: str) -> None:
    client.query_and_wait("SELECT 1")
    paged = [item.dataset_id for item in client.list_datasets(page_size=1)]
    assert dataset in paged
    assert not any(name.startswith("_") for name in paged)
    assert any(item.dataset_id.startswith("_") for item in client.list_datasets(include_all=True))


def test_a_dataset_with_tables_is_deleted_only_with_its_contents(
    client: bigquery.Client, dataset: str
) -> None:
    client.create_table(f"{client.project}.{dataset}.t")
    with pytest.raises(BadRequest, match="is still in use") as caught:
        client.delete_dataset(dataset)
    assert caught.value.errors[0]["reason"] == "resourceInUse"
    client.delete_dataset(dataset, delete_contents=True)
    assert dataset not in {item.dataset_id for item in client.list_datasets()}


def test_a_second_dataset_of_the_same_name_is_refused(client: bigquery.Client, dataset: str) -> None:
    with pytest.raises(Conflict, match=f"Already Exists: Dataset {client.project}:{dataset}"):
        client.create_dataset(dataset)


def test_an_outdated_etag_is_refused(client: bigquery.Client, dataset: str) -> None:
    old = client.get_dataset(dataset)
    fresh = client.get_dataset(dataset)
    fresh.description = "new"
    client.update_dataset(fresh, ["description"])
    old.description = "old"
    with pytest.raises(PreconditionFailed):
        client.update_dataset(old, ["description"])


def test_another_project_is_refused(cloud: Cloud) -> None:
    with pytest.raises(Forbidden, match="Access Denied"):
        bigquery.Client(project="other").get_dataset("wine_quality")
