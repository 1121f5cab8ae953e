"""Predictions from a deployed model."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests
from google.api import httpbody_pb2
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

GRADE = pytest.approx(6.9, abs=1e-5)
GOOD = pytest.approx(0.97811873, abs=1e-5)
RAW_BODY = {"signature_name": "serving_raw", "instances": [{"alcohol": [13.8]}]}


def url_of(endpoint: v1.Endpoint, verb: str) -> str:
    return f"https://europe-west1-aiplatform.googleapis.com/v1/{endpoint.name}:{verb}"


def test_a_serialized_example_is_answered(clients: Any, serving: v1.Endpoint, wine: Any) -> None:
    answer = clients.predictions.predict(
        endpoint=serving.name, instances=[{"examples": {"b64": wine.example}}]
    )

    deployed = serving.deployed_models[0]
    assert dict(answer.predictions[0]) == {"good": [GOOD], "grade": [GRADE]}
    assert answer.deployed_model_id == deployed.id
    assert (answer.model, answer.model_version_id) == (deployed.model, "1")
    assert answer.model_display_name == deployed.display_name


def test_predict_answers_over_rest_too(serving: v1.Endpoint, wine: Any) -> None:
    instances = [{"b64": wine.example}, {"examples": {"b64": wine.example}}]

    for instance in instances:
        answer = requests.post(url_of(serving, "predict"), json={"instances": [instance]}, timeout=120)
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"] == [{"good": [GOOD], "grade": [GRADE]}]
        assert answer.json()["deployedModelId"] == serving.deployed_models[0].id


def test_a_request_beyond_the_limit_is_refused_as_a_whole(clients: Any, serving: v1.Endpoint) -> None:
    message = "Request payload size exceeds the limit: 1572864 bytes."
    large = json.dumps(RAW_BODY | {"instances": RAW_BODY["instances"] * 100_000}).encode()

    with pytest.raises(exceptions.InvalidArgument, match=message):
        clients.predictions.predict(endpoint=serving.name, instances=[{"examples": "x" * 1_600_000}])
    answer = requests.post(url_of(serving, "rawPredict"), data=large, timeout=120)

    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


def test_a_raw_body_reaches_the_model_server_unchanged(clients: Any, serving: v1.Endpoint) -> None:
    body = httpbody_pb2.HttpBody(content_type="application/json", data=json.dumps(RAW_BODY).encode())

    answer = clients.predictions.raw_predict(endpoint=serving.name, http_body=body)

    assert json.loads(answer.data) == {"predictions": [{"good": [GOOD], "grade": [GRADE]}]}


def test_a_raw_answer_over_rest_names_who_gave_it(serving: v1.Endpoint) -> None:
    answer = requests.post(url_of(serving, "rawPredict"), json=RAW_BODY, timeout=120)

    assert answer.json() == {"predictions": [{"good": [GOOD], "grade": [GRADE]}]}
    assert answer.headers["X-Vertex-AI-Endpoint-Id"] == serving.name.rsplit("/", 1)[1]
    assert answer.headers["X-Vertex-AI-Deployed-Model-Id"] == serving.deployed_models[0].id


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"signature_name": "absent", "instances": [{"alcohol": [1.0]}]}, "absent"),
        ({"signature_name": "serving_raw", "instances": [{"sugar": [1.0]}]}, "alcohol"),
        ({"signature_name": "serving_raw", "instances": [{"alcohol": ["strong"]}]}, "strong"),
        ({"instances": [{"examples": {"b64": "%"}}]}, "base64"),
        ({"rows": []}, "instances"),
    ],
)
def test_what_the_model_server_refuses_is_told(
    serving: v1.Endpoint, body: dict[str, Any], reason: str
) -> None:
    answer = requests.post(url_of(serving, "rawPredict"), json=body, timeout=120)

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert reason in answer.json()["error"]["message"]


@pytest.mark.parametrize(("number", "word"), [(math.nan, "NaN"), (-math.inf, "-Infinity")])
def test_a_prediction_that_is_no_number_is_refused_and_not_an_error_of_the_server(
    serving: v1.Endpoint, wine: Any, number: float, word: str
) -> None:
    example = base64.b64decode(wine.example)
    changed = example.replace(struct.pack("<f", 13.8), struct.pack("<f", number))
    assert changed != example
    body = {"instances": [{"b64": base64.b64encode(changed).decode()}]}

    answer = requests.post(url_of(serving, "predict"), json=body, timeout=120)

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert f"contains {word}" in answer.json()["error"]["message"]


def test_no_instances_is_refused(clients: Any, serving: v1.Endpoint) -> None:
    with pytest.raises(exceptions.InvalidArgument, match="instances is required"):
        clients.predictions.predict(endpoint=serving.name, instances=[])


def test_an_endpoint_without_traffic_answers_nothing(
    clients: Any, new_endpoint: Callable[..., v1.Endpoint]
) -> None:
    with pytest.raises(exceptions.FailedPrecondition, match="receives traffic"):
        clients.predictions.predict(endpoint=new_endpoint().name, instances=[1.0])


def test_an_endpoint_that_is_absent_is_not_found(clients: Any, parent: str) -> None:
    with pytest.raises(exceptions.NotFound):
        clients.predictions.predict(endpoint=f"{parent}/endpoints/404", instances=[1.0])


def test_explanations_are_refused_by_name(clients: Any, serving: v1.Endpoint) -> None:
    with pytest.raises(exceptions.MethodNotImplemented, match=r"PredictionService\.Explain"):
        clients.predictions.explain(endpoint=serving.name, instances=[1.0])


def test_requests_go_to_every_model_that_has_traffic(
    clients: Any,
    new_endpoint: Callable[..., v1.Endpoint],
    deploy: Callable[..., v1.DeployedModel],
    serving: v1.Endpoint,
    wine: Any,
) -> None:
    endpoint, model = new_endpoint().name, serving.deployed_models[0].model
    deploy(endpoint, model, {"0": 100}, id="1")
    deploy(endpoint, model, {"0": 50, "1": 50}, id="2")
    instances = [{"examples": {"b64": wine.example}}]

    answered = Counter(
        clients.predictions.predict(endpoint=endpoint, instances=instances).deployed_model_id
        for _ in range(40)
    )

    # all 40 on one side would happen once in 10^12
    assert set(answered) == {"1", "2"}
    for deployed_id, split in (("1", {"2": 100}), ("2", {})):
        clients.endpoints.undeploy_model(
            endpoint=endpoint, deployed_model_id=deployed_id, traffic_split=split
        ).result(timeout=120)
