"""Endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

NewEndpoint = Callable[..., v1.Endpoint]


def test_a_new_endpoint_has_no_models_and_no_traffic(new_endpoint: NewEndpoint) -> None:
    endpoint = new_endpoint(description="a wine", labels={"wine": "white"})

    assert (endpoint.description, dict(endpoint.labels)) == ("a wine", {"wine": "white"})
    assert not endpoint.deployed_models
    assert not endpoint.traffic_split
    assert endpoint.create_time == endpoint.update_time
    assert endpoint.etag


@pytest.mark.parametrize("name", ["", "x" * 129])
def test_a_display_name_has_1_to_128_characters(new_endpoint: NewEndpoint, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="display_name"):
        new_endpoint(display_name=name)


@pytest.mark.parametrize("chosen", ["Wine", "wine_white", "-wine", "wine-", "0123", "1234567890"])
def test_an_id_that_the_api_does_not_allow_is_refused(clients: Any, parent: str, chosen: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="endpoint_id"):
        clients.endpoints.create_endpoint(
            parent=parent, endpoint={"display_name": "wine"}, endpoint_id=chosen
        )


def test_an_id_can_be_taken_once(clients: Any, parent: str) -> None:
    def create() -> None:
        clients.endpoints.create_endpoint(
            parent=parent, endpoint={"display_name": "wine"}, endpoint_id="taken-once"
        ).result(timeout=120)

    create()

    with pytest.raises(exceptions.AlreadyExists):
        create()


@pytest.mark.parametrize(
    "fields",
    [
        {"network": "projects/1/global/networks/x"},
        {"dedicated_endpoint_enabled": True},
        {"encryption_spec": {"kms_key_name": "k"}},
    ],
)
def test_what_would_be_ignored_is_refused_by_name(new_endpoint: NewEndpoint, fields: dict[str, Any]) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match=f"Endpoint.{next(iter(fields))}"):
        new_endpoint(**fields)


def test_endpoints_are_found_by_id_and_label(clients: Any, parent: str, new_endpoint: NewEndpoint) -> None:
    endpoint = new_endpoint(labels={"grape": "riesling"})

    for text in (f"endpoint={endpoint.name.rsplit('/', 1)[1]}", "labels.grape=riesling"):
        found = clients.endpoints.list_endpoints({"parent": parent, "filter": text})
        assert [other.name for other in found] == [endpoint.name]


def test_an_update_changes_the_etag_and_needs_the_last_one(clients: Any, new_endpoint: NewEndpoint) -> None:
    endpoint = new_endpoint()
    mask = {"paths": ["description"]}

    changed = clients.endpoints.update_endpoint(
        endpoint={"name": endpoint.name, "description": "new", "etag": endpoint.etag}, update_mask=mask
    )

    assert changed.etag != endpoint.etag
    assert changed.update_time > endpoint.update_time
    with pytest.raises(exceptions.Aborted, match="does not match server `etag`"):
        clients.endpoints.update_endpoint(endpoint=endpoint, update_mask=mask)


@pytest.mark.parametrize(
    "path", ["name", "deployed_models", "model_deployment_monitoring_job", "create_time"]
)
def test_an_immutable_field_is_refused_by_name(clients: Any, new_endpoint: NewEndpoint, path: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=path):
        clients.endpoints.update_endpoint(
            endpoint={"name": new_endpoint().name}, update_mask={"paths": [path]}
        )


def test_traffic_for_models_that_are_not_deployed_is_refused(clients: Any, new_endpoint: NewEndpoint) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="does not have: 1"):
        clients.endpoints.update_endpoint(
            endpoint={"name": new_endpoint().name, "traffic_split": {"1": 100}},
            update_mask={"paths": ["traffic_split"]},
        )


def test_an_endpoint_with_a_deployed_model_cannot_be_deleted(clients: Any, serving: v1.Endpoint) -> None:
    with pytest.raises(exceptions.FailedPrecondition, match="undeploy them first"):
        clients.endpoints.delete_endpoint(name=serving.name)

    assert clients.endpoints.get_endpoint(name=serving.name)
