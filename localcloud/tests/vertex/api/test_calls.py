"""The API, through Google's clients and plain HTTP."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.cloud import aiplatform_v1beta1, resourcemanager_v3

from localcloud.config import Settings
from localcloud.gateway.faults import Faults
from localcloud.vertex.api.calls import Api

API = {"api_endpoint": "europe-west1-aiplatform.googleapis.com"}
URL = "https://europe-west1-aiplatform.googleapis.com/v1"


def unique() -> str:
    return f"wine-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_the_generated_client_works_over(transport: str, parent: str, cloud: Any) -> None:
    client = v1.EndpointServiceClient(transport=transport, client_options=API)
    name = unique()

    created = client.create_endpoint(
        parent=parent, endpoint={"display_name": name, "labels": {"wine": "white"}}
    ).result(timeout=120)
    found = list(client.list_endpoints({"parent": parent, "filter": f'display_name="{name}"'}))
    changed = client.update_endpoint(
        endpoint={"name": created.name, "display_name": f"{name}-2"},
        update_mask={"paths": ["display_name"]},
    )
    client.delete_endpoint(name=created.name).result(timeout=120)

    assert created.name.startswith(f"projects/{cloud.settings.project_number}/")
    assert [endpoint.name for endpoint in found] == [created.name]
    assert (changed.display_name, dict(changed.labels)) == (f"{name}-2", {"wine": "white"})
    with pytest.raises(exceptions.NotFound):
        client.get_endpoint(name=created.name)


async def test_the_generated_client_works_over_asynchronous_grpc(parent: str) -> None:
    client = v1.EndpointServiceAsyncClient(client_options=API)
    name = unique()

    operation = await client.create_endpoint(parent=parent, endpoint={"display_name": name})
    created = await operation.result(timeout=120)
    pages = await client.list_endpoints({"parent": parent, "filter": f'display_name="{name}"'})

    assert [endpoint.name async for endpoint in pages] == [created.name]
    with pytest.raises(exceptions.NotFound):
        await client.get_endpoint(name=f"{parent}/endpoints/404")


def test_the_operations_of_a_resource_can_be_asked_for(
    clients: Any, new_endpoint: Callable[..., Any]
) -> None:
    endpoint = new_endpoint()

    listed = clients.endpoints.list_operations({"name": endpoint.name}).operations

    assert len(listed) == 1
    assert clients.endpoints.get_operation({"name": listed[0].name}).done


def test_pages_are_followed_by_the_client(
    clients: Any, parent: str, new_endpoint: Callable[..., Any]
) -> None:
    label = unique()
    names = [new_endpoint(labels={"page": label}).name for _ in range(3)]

    request = {"parent": parent, "filter": f"labels.page={label}", "page_size": 2}
    pages = list(clients.endpoints.list_endpoints(request).pages)

    assert [[endpoint.name for endpoint in page.endpoints] for page in pages] == [names[:2], names[2:]]


def test_another_project_is_refused(clients: Any) -> None:
    with pytest.raises(exceptions.PermissionDenied, match="another"):
        clients.endpoints.get_endpoint(name="projects/another/locations/europe-west1/endpoints/1")


def test_a_name_of_another_kind_is_refused(clients: Any, parent: str) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="Invalid resource name in name"):
        clients.endpoints.get_endpoint(name=f"{parent}/models/1")


def test_a_method_that_is_not_served_is_refused_by_name(clients: Any, parent: str) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match=r"JobService\.CreateCustomJob"):
        clients.jobs.create_custom_job(parent=parent, custom_job={"display_name": "x"})


def test_the_beta_api_is_refused_by_name(cloud: Any, parent: str) -> None:
    client = aiplatform_v1beta1.EndpointServiceClient(client_options=API)

    with pytest.raises(exceptions.MethodNotImplemented, match=r"aiplatform\.v1beta1\.EndpointService"):
        client.get_endpoint(name=f"{parent}/endpoints/1")


def test_a_streaming_method_is_refused_by_name(clients: Any, serving: v1.Endpoint) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match="StreamRawPredict"):
        list(clients.predictions.stream_raw_predict({"endpoint": serving.name}))


def test_a_grpc_method_of_another_service_is_refused_by_name(cloud: Any) -> None:
    channel = grpc.secure_channel("pubsub.googleapis.com:443", grpc.ssl_channel_credentials())

    with channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary("/google.pubsub.v1.Publisher/CreateTopic")(b"")

    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert "google.pubsub.v1.Publisher.CreateTopic" in refused.value.details()


def test_the_resource_manager_knows_the_project(cloud: Any) -> None:
    settings = cloud.settings
    client = resourcemanager_v3.ProjectsClient()

    for project in (settings.project, settings.project_number):
        found = client.get_project(name=f"projects/{project}")
        assert (found.name, found.project_id) == (f"projects/{settings.project_number}", settings.project)
    with pytest.raises(exceptions.PermissionDenied):
        client.get_project(name="projects/another")


def test_the_resource_manager_answers_version_1_over_rest(cloud: Any) -> None:
    url = f"https://cloudresourcemanager.googleapis.com/v1/projects/{cloud.settings.project}"

    assert requests.get(url, timeout=60).json()["projectNumber"] == cloud.settings.project_number


class TestPlainRest:
    """A request and its response with curl."""

    def test_json_is_written_as_google_writes_it(self, parent: str, new_endpoint: Callable[..., Any]) -> None:
        endpoint = new_endpoint(labels={"wine": "white"})

        content = requests.get(f"{URL}/{endpoint.name}", timeout=60).json()

        assert content["displayName"] == endpoint.display_name
        assert content["createTime"].endswith("Z")
        assert "deployedModels" not in content

    def test_enums_are_names_unless_numbers_are_asked_for(self, new_model: Callable[..., Any]) -> None:
        url = f"{URL}/{new_model().model}"

        named = requests.get(url, timeout=60).json()
        numbered = requests.get(f"{url}?$alt=json;enum-encoding=int", timeout=60).json()

        assert named["supportedDeploymentResourcesTypes"] == ["DEDICATED_RESOURCES"]
        assert numbered["supportedDeploymentResourcesTypes"] == [1]

    @pytest.mark.parametrize("mask", ["displayName,labels", "display_name,labels"])
    @pytest.mark.parametrize("parameter", ["updateMask", "update_mask"])
    def test_a_patch_names_its_fields_either_way(
        self, mask: str, parameter: str, new_endpoint: Callable[..., Any]
    ) -> None:
        endpoint = new_endpoint(description="kept")

        changed = requests.patch(
            f"{URL}/{endpoint.name}",
            params={parameter: mask},
            json={"displayName": "new", "description": "lost", "labels": {"a_b": "1"}},
            timeout=60,
        ).json()

        assert (changed["displayName"], changed["description"]) == ("new", "kept")
        assert changed["labels"] == {"a_b": "1"}

    def test_an_error_has_googles_shape(self, cloud: Any, parent: str) -> None:
        response = requests.get(f"{URL}/{parent}/endpoints/404", timeout=60)

        error = response.json()["error"]
        assert (response.status_code, error["code"], error["status"]) == (404, 404, "NOT_FOUND")
        assert "endpoints/404 does not exist" in error["message"]

    @pytest.mark.parametrize(
        ("query", "body", "reason"),
        [
            ("", '{"displayNme": "x"}', "displayNme"),
            ("", "not json", "Invalid JSON payload"),
            ("", "[]", "The body is not an object"),
            ("?endpointIdd=1", '{"displayName": "x"}', 'Unknown name "endpointIdd"'),
        ],
    )
    def test_what_cannot_be_read_is_refused(
        self, cloud: Any, parent: str, query: str, body: str, reason: str
    ) -> None:
        response = requests.post(f"{URL}/{parent}/endpoints{query}", data=body, timeout=60)

        assert response.status_code == 400
        assert response.json()["error"]["status"] == "INVALID_ARGUMENT"
        assert reason in response.json()["error"]["message"]

    @pytest.mark.parametrize("path", ["v1/{}/customJobs", "v1beta1/{}/endpoints", "v1/nonsense", "ui/{}/x"])
    def test_a_path_that_is_not_served_is_refused_at_once(self, cloud: Any, parent: str, path: str) -> None:
        url = f"{URL.removesuffix('v1')}{path.format(parent)}"

        response = requests.get(url, timeout=60)

        assert response.status_code == 501
        assert response.json()["error"]["status"] == "UNIMPLEMENTED"
        assert "localcloud does not serve" in response.json()["error"]["message"]

    def test_the_id_of_a_new_endpoint_is_a_query_parameter(self, cloud: Any, parent: str) -> None:
        chosen = f"e{uuid.uuid4().hex[:8]}"

        response = requests.post(
            f"{URL}/{parent}/endpoints?endpoint_id={chosen}",
            data=json.dumps({"display_name": "snake case is read too"}),
            timeout=60,
        )

        assert f"/endpoints/{chosen}/operations/" in response.json()["name"]


def test_a_handler_of_an_unknown_method_is_a_mistake(tmp_path: Any) -> None:
    class Misspelt:
        def handlers(self) -> dict[str, Any]:
            return {"EndpointService.GetEndpoints": lambda request: request}

    with pytest.raises(ValueError, match=r"EndpointService\.GetEndpoints"):
        Api(Settings(state=tmp_path), [Misspelt()], Faults(tmp_path))
