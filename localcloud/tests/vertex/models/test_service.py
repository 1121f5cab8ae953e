"""Models and their versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

NewModel = Callable[..., v1.UploadModelResponse]


def test_the_first_version_is_the_default(clients: Any, new_model: NewModel) -> None:
    uploaded = new_model(labels={"wine": "white"}, version_aliases=["first"])

    model = clients.models.get_model(name=uploaded.model)

    assert (uploaded.model_version_id, model.version_id) == ("1", "1")
    assert sorted(model.version_aliases) == ["default", "first"]
    assert dict(model.labels) == {"wine": "white"}
    assert list(model.supported_input_storage_formats) == ["bigquery"]
    assert list(model.supported_output_storage_formats) == ["bigquery"]
    assert not model.deployed_models


def test_a_second_version_is_reached_by_number_and_alias(clients: Any, new_model: NewModel) -> None:
    name = new_model().model
    second = new_model(parent_model=name, version_aliases=["challenger"], version_description="2nd")

    assert (second.model, second.model_version_id) == (name, "2")
    assert clients.models.get_model(name=name).version_id == "1"
    for reference in ("@2", "@challenger"):
        assert clients.models.get_model(name=f"{name}{reference}").version_description == "2nd"
    versions = clients.models.list_model_versions(name=name)
    assert [model.version_id for model in versions] == ["1", "2"]
    with pytest.raises(exceptions.NotFound):
        clients.models.get_model(name=f"{name}@3")


def test_an_alias_belongs_to_one_version(clients: Any, new_model: NewModel) -> None:
    name = new_model(version_aliases=["champion"]).model
    new_model(parent_model=name)

    changed = clients.models.merge_version_aliases(name=f"{name}@2", version_aliases=["champion", "default"])
    assert sorted(changed.version_aliases) == ["champion", "default"]
    assert not clients.models.get_model(name=f"{name}@1").version_aliases

    changed = clients.models.merge_version_aliases(name=f"{name}@2", version_aliases=["-champion"])
    assert list(changed.version_aliases) == ["default"]


@pytest.mark.parametrize("aliases", [["Champion"], ["1"], ["-default"]])
def test_an_alias_that_the_api_does_not_allow_is_refused(
    clients: Any, new_model: NewModel, aliases: list[str]
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="alias"):
        clients.models.merge_version_aliases(name=f"{new_model().model}@1", version_aliases=aliases)


def test_models_are_listed_in_their_default_version(clients: Any, parent: str, new_model: NewModel) -> None:
    name = new_model(labels={"grape": "riesling"}).model
    new_model(parent_model=name, version_aliases=["default"])

    found = list(clients.models.list_models({"parent": parent, "filter": "labels.grape=riesling"}))

    assert [(model.name, model.version_id) for model in found] == [(name, "2")]


def test_a_model_needs_a_saved_model_in_its_folder(new_model: NewModel, bucket: Any) -> None:
    bucket.blob("empty/readme.txt").upload_from_string("no model")

    for folder in ("empty", "absent"):
        with pytest.raises(exceptions.FailedPrecondition, match=r"expected to contain .*saved_model\.pb"):
            new_model(artifact_uri=f"gs://{bucket.name}/{folder}")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"display_name": ""}, "display_name"),
        ({"artifact_uri": "/tmp/model"}, "artifact_uri"),
        ({"container_spec": {}}, "image_uri"),
        ({"version_aliases": ["Champion"]}, "alias"),
    ],
)
def test_a_model_that_breaks_a_rule_is_refused(
    new_model: NewModel, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        new_model(**fields)


def test_a_version_of_a_model_that_is_absent_is_refused(new_model: NewModel, parent: str) -> None:
    with pytest.raises(exceptions.NotFound):
        new_model(parent_model=f"{parent}/models/404")


def test_a_model_id_can_be_taken_once(clients: Any, parent: str, new_model: NewModel) -> None:
    model = clients.models.get_model(name=new_model().model)

    def upload() -> Any:
        request = {"parent": parent, "model_id": "taken_once", "model": model}
        return clients.models.upload_model(request).result(timeout=120)

    assert upload().model.endswith("/models/taken_once")
    with pytest.raises(exceptions.AlreadyExists):
        upload()


def test_an_update_is_of_the_model_or_of_one_version(clients: Any, new_model: NewModel) -> None:
    name = new_model().model
    new_model(parent_model=name)

    clients.models.update_model(
        model={"name": name, "display_name": "all versions"}, update_mask={"paths": ["display_name"]}
    )
    clients.models.update_model(
        model={"name": f"{name}@2", "version_description": "the second"},
        update_mask={"paths": ["version_description"]},
    )

    first, second = (clients.models.get_model(name=f"{name}@{version}") for version in "12")
    assert (first.display_name, first.version_description) == ("all versions", "")
    assert (second.display_name, second.version_description) == ("all versions", "the second")
    for reference, path in ((name, "artifact_uri"), (f"{name}@2", "display_name")):
        with pytest.raises(exceptions.InvalidArgument, match=path):
            clients.models.update_model(model={"name": reference}, update_mask={"paths": [path]})


def test_labels_are_of_the_model_or_of_one_version(clients: Any, new_model: NewModel) -> None:
    name = new_model(labels={"wine": "white"}).model
    new_model(parent_model=name, labels={"data_version": "7"})
    mask = {"paths": ["labels"]}
    assert dict(clients.models.get_model(name=f"{name}@2").labels) == {"wine": "white", "data_version": "7"}

    clients.models.update_model(model={"name": name, "labels": {"wine": "red"}}, update_mask=mask)
    clients.models.update_model(
        model={"name": f"{name}@2", "labels": {"data_version": "8"}}, update_mask=mask
    )

    assert dict(clients.models.get_model(name=f"{name}@1").labels) == {"wine": "red"}
    assert dict(clients.models.get_model(name=f"{name}@2").labels) == {"wine": "red", "data_version": "8"}


def test_the_default_version_cannot_be_deleted_alone(clients: Any, new_model: NewModel) -> None:
    name = new_model().model
    new_model(parent_model=name)

    with pytest.raises(exceptions.FailedPrecondition, match="default version"):
        clients.models.delete_model_version(name=f"{name}@1")

    clients.models.delete_model_version(name=f"{name}@2").result(timeout=120)
    assert [model.version_id for model in clients.models.list_model_versions(name=name)] == ["1"]
    clients.models.delete_model(name=name).result(timeout=120)
    with pytest.raises(exceptions.NotFound):
        clients.models.get_model(name=name)


def test_a_deployed_model_knows_where_and_cannot_be_deleted(clients: Any, serving: v1.Endpoint) -> None:
    deployed = serving.deployed_models[0]

    model = clients.models.get_model(name=deployed.model)

    places = [(ref.endpoint, ref.deployed_model_id) for ref in model.deployed_models]
    assert (serving.name, deployed.id) in places
    with pytest.raises(exceptions.FailedPrecondition, match="undeploy it first"):
        clients.models.delete_model(name=deployed.model)
