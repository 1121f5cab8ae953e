"""Deploying models, moving traffic between them, and undeploying them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

NewEndpoint = Callable[..., v1.Endpoint]
NewModel = Callable[..., v1.UploadModelResponse]
Deploy = Callable[..., v1.DeployedModel]


def test_a_deployed_model_takes_over_the_traffic_that_it_is_given(
    clients: Any, new_endpoint: NewEndpoint, new_model: NewModel, deploy: Deploy
) -> None:
    # given an endpoint with a champion
    endpoint = new_endpoint().name
    name = new_model(display_name="wine").model
    champion = deploy(endpoint, name, {"0": 100})
    assert (champion.model, champion.model_version_id, champion.display_name) == (name, "1", "wine")

    # when a second version is deployed without traffic, it gets none
    second = new_model(parent_model=name).model_version_id
    challenger = deploy(endpoint, f"{name}@{second}", id="7", display_name="challenger")
    found = clients.endpoints.get_endpoint(name=endpoint)
    assert [deployed.id for deployed in found.deployed_models] == [champion.id, "7"]
    assert dict(found.traffic_split) == {champion.id: 100}
    assert (challenger.id, challenger.model_version_id, challenger.display_name) == ("7", "2", "challenger")

    # then traffic moves by an update, and a model without traffic can be undeployed
    moved = clients.endpoints.update_endpoint(
        endpoint={"name": endpoint, "traffic_split": {"7": 90, champion.id: 10}},
        update_mask={"paths": ["traffic_split"]},
    )
    assert dict(moved.traffic_split) == {"7": 90, champion.id: 10}
    with pytest.raises(exceptions.FailedPrecondition, match="still receives traffic"):
        clients.endpoints.undeploy_model(endpoint=endpoint, deployed_model_id=champion.id)
    clients.endpoints.undeploy_model(
        endpoint=endpoint, deployed_model_id=champion.id, traffic_split={"7": 100}
    ).result(timeout=120)
    found = clients.endpoints.get_endpoint(name=endpoint)
    assert [deployed.id for deployed in found.deployed_models] == ["7"]
    assert dict(found.traffic_split) == {"7": 100}
    assert not clients.models.get_model(name=f"{name}@1").deployed_models
    assert clients.models.get_model(name=f"{name}@2").deployed_models[0].deployed_model_id == "7"

    # and the last one can be undeployed with its traffic
    clients.endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="7").result(timeout=120)
    found = clients.endpoints.get_endpoint(name=endpoint)
    assert (list(found.deployed_models), dict(found.traffic_split)) == ([], {})
    clients.endpoints.delete_endpoint(name=endpoint).result(timeout=120)


def test_a_model_that_cannot_be_loaded_leaves_the_endpoint_as_it_was(
    clients: Any, new_endpoint: NewEndpoint, new_model: NewModel, deploy: Deploy, bucket: Any
) -> None:
    bucket.blob("broken/saved_model.pb").upload_from_string("no model")
    model = new_model(artifact_uri=f"gs://{bucket.name}/broken").model
    endpoint = new_endpoint()

    with pytest.raises(exceptions.FailedPrecondition, match="failed to start"):
        deploy(endpoint.name, model, {"0": 100})

    assert clients.endpoints.get_endpoint(name=endpoint.name) == endpoint
    assert not clients.models.get_model(name=model).deployed_models


def test_a_container_image_that_is_not_served_is_refused_by_name(
    new_endpoint: NewEndpoint, new_model: NewModel, deploy: Deploy
) -> None:
    image = "europe-docker.pkg.dev/vertex-ai/prediction/sklearn-cpu.1-3:latest"
    model = new_model(container_spec={"image_uri": image}).model

    with pytest.raises(exceptions.MethodNotImplemented, match=image):
        deploy(new_endpoint().name, model, {"0": 100})


@pytest.mark.parametrize(
    ("split", "reason"),
    [({"0": 90}, "add up to 100"), ({"1": 100}, "does not have: 1"), ({"0": 120, "1": -20}, "does not have")],
)
def test_a_split_that_does_not_add_up_is_refused(
    serving: v1.Endpoint, deploy: Deploy, split: dict[str, int], reason: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        deploy(serving.name, serving.deployed_models[0].model, split)


@pytest.mark.parametrize(
    ("fields", "error", "reason"),
    [
        ({"dedicated_resources": None}, exceptions.InvalidArgument, "dedicated_resources is required"),
        (
            {"dedicated_resources": None, "automatic_resources": {"min_replica_count": 1}},
            exceptions.InvalidArgument,
            "dedicated_resources is required",
        ),
        ({"dedicated_resources": {"min_replica_count": 1}}, exceptions.InvalidArgument, "machine_type"),
        (
            {"dedicated_resources": {"machine_spec": {"machine_type": "n1-standard-2"}}},
            exceptions.InvalidArgument,
            "min_replica_count must be at least 1",
        ),
        ({"id": "champion"}, exceptions.InvalidArgument, "1 to 10 digits"),
        ({"id": "12345678901"}, exceptions.InvalidArgument, "1 to 10 digits"),
        (
            {"explanation_spec": {"parameters": {"top_k": 1}}},
            exceptions.MethodNotImplemented,
            "explanation_spec",
        ),
    ],
)
def test_a_deployment_that_breaks_a_rule_is_refused(
    serving: v1.Endpoint, deploy: Deploy, fields: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        deploy(serving.name, serving.deployed_models[0].model, **fields)


def test_what_is_absent_is_not_found(clients: Any, parent: str, serving: v1.Endpoint, deploy: Deploy) -> None:
    model = serving.deployed_models[0].model

    with pytest.raises(exceptions.NotFound):
        deploy(f"{parent}/endpoints/404", model)
    with pytest.raises(exceptions.NotFound):
        deploy(serving.name, f"{model}@404")
    with pytest.raises(exceptions.NotFound):
        clients.endpoints.undeploy_model(endpoint=serving.name, deployed_model_id="404")


def test_an_id_that_is_deployed_is_taken(
    clients: Any, serving: v1.Endpoint, deploy: Deploy, new_endpoint: Any
) -> None:
    endpoint = new_endpoint().name
    model = serving.deployed_models[0].model
    deploy(endpoint, model, id="1")

    with pytest.raises(exceptions.AlreadyExists):
        deploy(endpoint, model, id="1")
    clients.endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="1").result(timeout=120)


def test_only_the_scale_of_a_deployed_model_can_be_changed(clients: Any, serving: v1.Endpoint) -> None:
    deployed = {
        "id": serving.deployed_models[0].id,
        "dedicated_resources": {"min_replica_count": 1, "max_replica_count": 3},
    }

    def mutate(path: str) -> Any:
        request = {"endpoint": serving.name, "deployed_model": deployed, "update_mask": {"paths": [path]}}
        return clients.endpoints.mutate_deployed_model(request).result(timeout=120).deployed_model

    changed = mutate("dedicated_resources.max_replica_count").dedicated_resources

    assert (changed.max_replica_count, changed.machine_spec.machine_type) == (3, "n1-standard-2")
    with pytest.raises(exceptions.InvalidArgument, match="update_mask cannot be model"):
        mutate("model")
