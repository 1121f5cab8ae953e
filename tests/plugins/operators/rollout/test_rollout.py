"""A model's way behind an endpoint and back, each step repeated and died in between, on a real localcloud."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from google.api_core.exceptions import ServiceUnavailable
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1.types import DeployModelOperationMetadata
from vertex_mlops.exceptions import SpecError, VertexOperationError
from vertex_mlops.rollout.deployed_models import endpoint_id_for
from vertex_mlops.waiting.operations import OperationWait

from tests.plugins.operators.rollout.rollouts import Rollout, serving
from tests.plugins.operators.served_models import SERVING_IMAGE, TENSORFLOW_SERVING
from tests.support.task_context import context_of


def test_a_version_tells_where_it_comes_from(rollout: Rollout) -> None:
    rollout.results["other"] = rollout.outcome("other", data_version="1764028800001")
    rollout.upload("other")

    version = rollout.upload("sound")

    _, model = rollout.versions()
    job = rollout.results["sound"]["name"].rpartition("/")[2]
    assert version == f"{rollout.parent}/models/{rollout.name}@2"
    assert dict(model.labels) == {
        "wine": "test",
        "data_version": "1764028800000",
        "git_revision": "abc123",
        "blessed": "true",
        "pipeline_job": job,
    }


@pytest.mark.parametrize("container", [TENSORFLOW_SERVING, {"image_uri": SERVING_IMAGE}])
def test_a_version_is_served_by_the_container_that_the_compiled_pipeline_asks_for(
    rollout: Rollout, container: dict[str, Any]
) -> None:
    rollout.parts["serving"] = serving(rollout.name, container_spec=container)

    deployed = rollout.deploy(rollout.upload("sound"))

    (version,) = rollout.versions()
    assert version.container_spec == aiplatform_v1.ModelContainerSpec(container)
    assert rollout.deployed == {deployed["deployed_model_id"]}


@pytest.mark.parametrize(
    ("container", "problem"),
    [
        ({}, "serving.container_spec.image_uri: missing"),
        ({"image_uri": "i", "routes": {}}, "serving.container_spec.routes: unknown key"),
        (
            {"image_uri": "i", "ports": [{"container_port": 0}]},
            "serving.container_spec.ports.0.container_port: ",
        ),
    ],
)
def test_a_container_that_vertex_ai_would_not_take_is_named_by_its_key(
    rollout: Rollout, container: dict[str, Any], problem: str
) -> None:
    rollout.parts["serving"] = serving(rollout.name, container_spec=container)

    with pytest.raises(SpecError, match=problem):
        rollout.upload("sound")


def test_all_versions_lie_under_one_model_and_none_is_uploaded_twice(rollout: Rollout) -> None:
    first, second = rollout.upload("sound"), rollout.upload("other")

    again = rollout.upload("sound")

    assert again == first != second
    assert [model.version_id for model in rollout.versions()] == ["1", "2"]


def test_an_upload_whose_answer_was_lost_is_found_again(rollout: Rollout) -> None:
    operator = rollout.uploader(rollout.outcome("sound"))
    client = operator.models

    class LosesTheAnswer:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def upload_model(self, **arguments: Any) -> Any:
            client.upload_model(**arguments).result()
            raise ServiceUnavailable("the answer was lost")

    operator.models = LosesTheAnswer()
    with pytest.raises(AirflowRescheduleException):
        operator.execute(context_of(operator))

    del operator.models
    assert operator.execute(context_of(operator))["model_version"].endswith("@1")
    assert len(rollout.versions()) == 1


def test_a_deployed_version_gets_no_traffic_and_is_not_deployed_twice(rollout: Rollout) -> None:
    champion = rollout.crown("sound")
    version = rollout.upload("other")

    new, again = rollout.deploy(version), rollout.deploy(version)

    assert new == again
    assert new["champion_id"] == champion["deployed_model_id"]
    assert rollout.traffic == {champion["deployed_model_id"]: 100}
    assert rollout.deployed == {champion["deployed_model_id"], new["deployed_model_id"]}


def test_before_a_deployment_the_endpoint_and_its_operations_are_read_once(
    rollout: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout.crown("sound")
    operator = rollout.deployer(rollout.upload("other"))
    client, calls = operator.client, []

    class Recording:
        def __getattr__(self, name: str) -> Any:
            calls.append(name)
            return getattr(client, name)

    monkeypatch.setattr(operator.hook, "get_endpoint_service_client", lambda region: Recording())

    # a slow deployment is looked at again later
    with suppress(AirflowRescheduleException):
        operator.execute(context_of(operator))

    assert calls[: calls.index("deploy_model") + 1] == [
        "list_endpoints",
        "list_operations",
        "get_endpoint",
        "deploy_model",
    ]


def test_the_endpoint_is_made_once_under_an_id_of_its_name(rollout: Rollout) -> None:
    deployed = rollout.deploy(rollout.upload("sound"))

    assert deployed["endpoint"].endswith(f"/{endpoint_id_for(rollout.name)}")
    # next to a monitoring job the log of requests could not be changed any more
    assert not rollout.endpoint().predict_request_response_logging_config


def test_a_deployment_that_another_try_has_begun_is_waited_for_without_a_slot(rollout: Rollout) -> None:
    rollout.crown("sound")
    version = rollout.upload("other")
    machine = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
    begun = rollout.endpoints.deploy_model(
        endpoint=rollout.endpoint().name, deployed_model={"model": version, "dedicated_resources": machine}
    )

    with pytest.raises(AirflowRescheduleException):
        rollout.deploy_once(version)

    new = begun.result().deployed_model.id
    assert rollout.deploy(version)["deployed_model_id"] == new
    assert len(rollout.deployed) == 2


def test_a_deployment_that_fails_ends_the_try(rollout: Rollout, bucket: Any) -> None:
    broken = f"models/broken-{rollout.name}/1/saved_model.pb"
    bucket.blob(broken).upload_from_string(b"no model")
    operator = rollout.uploader(rollout.outcome(broken.split("/")[1]))
    version = operator.execute(context_of(operator))["model_version"]

    with pytest.raises(VertexOperationError, match="failed"):
        rollout.deploy_once(version)

    assert rollout.deployed == set()


def test_an_operation_is_found_behind_a_page_of_earlier_ones(rollout: Rollout, bucket: Any) -> None:
    broken = f"models/broken-{rollout.name}/saved_model.pb"
    bucket.blob(broken).upload_from_string(b"no model")
    uploader = rollout.uploader(rollout.outcome(broken.split("/")[1]))
    version = uploader.execute(context_of(uploader))["model_version"]
    rollout.crown("sound")
    endpoint = rollout.endpoint().name
    machine = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}

    def fail_deployments(number: int) -> None:
        request = {"endpoint": endpoint, "deployed_model": {"model": version, "dedicated_resources": machine}}
        for begun in [rollout.endpoints.deploy_model(request=request) for _ in range(number)]:
            assert begun.exception()

    fail_deployments(10)
    context = context_of(uploader)
    context["ti"].first_reschedule = datetime.now(UTC)
    wait = OperationWait(rollout.endpoints, endpoint, DeployModelOperationMetadata)
    wait.settle(context, 15, 60)
    fail_deployments(1)

    with pytest.raises(VertexOperationError, match="failed"):
        wait.settle(context, 15, 60)


def test_traffic_goes_to_the_new_model_step_by_step(rollout: Rollout) -> None:
    champion = rollout.crown("sound")["deployed_model_id"]
    new = rollout.deploy(rollout.upload("other"))
    seen = []

    for percent in (10, 50, 100):
        assert rollout.shift(new, percent)["percent"] == percent
        seen.append(rollout.traffic)

    id_ = new["deployed_model_id"]
    assert seen == [{id_: 10, champion: 90}, {id_: 50, champion: 50}, {id_: 100}]


def test_the_first_model_takes_all_traffic_at_once(rollout: Rollout) -> None:
    new = rollout.deploy(rollout.upload("sound"))

    assert rollout.shift(new, 10)["percent"] == 100
    assert rollout.traffic == {new["deployed_model_id"]: 100}


def test_a_job_that_does_not_say_how_to_serve_is_refused_with_what_to_do(rollout: Rollout) -> None:
    del rollout.parts["serving"]

    with pytest.raises(SpecError, match=r"contains no serving: .*: deploy, then trigger a new run"):
        rollout.upload("sound")
