"""The log of prediction requests in BigQuery, read as its users read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.cloud import bigquery

from localcloud.testing import eventually

URL = "https://europe-west1-aiplatform.googleapis.com/v1"
COUNT = 200


@pytest.fixture(scope="session")
def tables(cloud: Any) -> bigquery.Client:
    return bigquery.Client()


@pytest.fixture
def logged(
    clients: Any,
    new_endpoint: Callable[..., v1.Endpoint],
    deploy: Callable[..., v1.DeployedModel],
    serving: v1.Endpoint,
) -> Callable[..., v1.Endpoint]:
    """Create an endpoint that logs its requests; keywords set fields of its logging config."""

    def make(**fields: Any) -> v1.Endpoint:
        config = {"enabled": True, "sampling_rate": 1.0, **fields}
        name = new_endpoint(predict_request_response_logging_config=config).name
        deploy(name, serving.deployed_models[0].model, {"0": 100})
        return clients.endpoints.get_endpoint(name=name)

    return make


def job_of(endpoint: v1.Endpoint) -> dict[str, Any]:
    drift = {"drift_thresholds": {"alcohol": {"value": 0.3}}}
    objective = {"objective_config": {"prediction_drift_detection_config": drift}}
    return {
        "display_name": "wine",
        "endpoint": endpoint.name,
        "logging_sampling_strategy": {"random_sample_config": {"sample_rate": 1.0}},
        "model_deployment_monitoring_schedule_config": {"monitor_interval": {"seconds": 3600}},
        "model_deployment_monitoring_objective_configs": [
            {"deployed_model_id": deployed.id, **objective} for deployed in endpoint.deployed_models
        ],
    }


def table_of(endpoint: v1.Endpoint) -> str:
    """Return the table to which the endpoint logs, by its config."""
    return endpoint.predict_request_response_logging_config.bigquery_destination.output_uri.removeprefix(
        "bq://"
    )


def rows_of(tables: bigquery.Client, table: str, count: int) -> list[bigquery.Row]:
    """Wait until as many requests are logged, which happens after they are answered."""
    query = f"SELECT * FROM `{table}` ORDER BY logging_time"
    return eventually(lambda: list(tables.query_and_wait(query)), lambda rows: len(rows) >= count)


def ask(endpoint: v1.Endpoint, verb: str, body: dict[str, Any]) -> int:
    return requests.post(f"{URL}/{endpoint.name}:{verb}", json=body, timeout=120).status_code


def test_each_way_to_ask_is_logged_with_its_answer(
    clients: Any, tables: bigquery.Client, logged: Callable[..., v1.Endpoint], wine: Any
) -> None:
    # given an endpoint whose config names the project alone
    endpoint = logged(bigquery_destination={"output_uri": "bq://local-project"})
    name = endpoint.display_name.replace("-", "_")
    table = f"local-project.logging_{name}_{endpoint.name.rpartition('/')[2]}.request_response_logging"
    assert table_of(endpoint) == table

    # when it gets requests over gRPC and REST, for both signatures, one of them invalid
    example = {"examples": {"b64": wine.example}}
    raw = {"signature_name": "serving_raw", "instances": [{"alcohol": [13.8]}, {"alcohol": [9.0]}]}
    clients.predictions.predict(endpoint=endpoint.name, instances=[example])
    assert ask(endpoint, "predict", {"instances": [example]}) == 200
    assert ask(endpoint, "rawPredict", raw) == 200
    assert ask(endpoint, "rawPredict", {"signature_name": "serving_raw", "instances": [{"x": 1}]}) == 400

    # then there is a row for each, in the documented columns
    rows = rows_of(tables, table, 4)
    columns = [(field.name, field.field_type, field.mode) for field in tables.get_table(table).schema]
    assert columns == [
        ("endpoint", "STRING", "NULLABLE"),
        ("deployed_model_id", "STRING", "NULLABLE"),
        ("logging_time", "TIMESTAMP", "NULLABLE"),
        ("request_id", "NUMERIC", "NULLABLE"),
        ("request_payload", "STRING", "REPEATED"),
        ("response_payload", "STRING", "REPEATED"),
    ]
    deployed = endpoint.deployed_models[0]
    assert {row["endpoint"] for row in rows} == {endpoint.name}
    assert {row["deployed_model_id"] for row in rows} == {deployed.id}
    assert len({row["request_id"] for row in rows}) == 4
    assert [json.loads(text) for text in rows[0]["request_payload"]] == [example]
    assert [json.loads(text) for text in rows[2]["request_payload"]] == raw["instances"]
    grades = [json.loads(text)["grade"] for text in rows[2]["response_payload"]]
    assert grades == [[pytest.approx(6.9, abs=1e-5)], [pytest.approx(4.5, abs=1e-5)]]

    # and no response for the invalid one
    assert [len(row["response_payload"]) for row in rows] == [1, 1, 2, 0]


def test_the_sampling_rate_is_the_share_that_is_logged(
    clients: Any, tables: bigquery.Client, logged: Callable[..., v1.Endpoint]
) -> None:
    endpoint = logged(
        sampling_rate=0.5, bigquery_destination={"output_uri": "bq://local-project.sampled.half"}
    )
    raw = {"signature_name": "serving_raw", "instances": [{"alcohol": [13.8]}]}

    for _ in range(COUNT):
        assert ask(endpoint, "rawPredict", raw) == 200
    # a change of the config takes effect at once: this one is always logged, and is the last
    config = endpoint.predict_request_response_logging_config
    config.sampling_rate = 1.0
    clients.endpoints.update_endpoint(
        endpoint={"name": endpoint.name, "predict_request_response_logging_config": config},
        update_mask={"paths": ["predict_request_response_logging_config"]},
    )
    assert ask(endpoint, "predict", {"instances": ["%"]}) == 400
    eventually(
        lambda: [row["request_payload"] for row in rows_of(tables, table_of(endpoint), 1)],
        lambda payloads: ['"%"'] in payloads,
        30,
    )

    # five standard deviations around one half
    assert 65 < len(rows_of(tables, table_of(endpoint), 1)) - 1 < 135


def test_an_endpoint_that_logs_nothing_has_no_table(
    clients: Any,
    tables: bigquery.Client,
    new_endpoint: Callable[..., v1.Endpoint],
    deploy: Callable[..., v1.DeployedModel],
    logged: Callable[..., v1.Endpoint],
    serving: v1.Endpoint,
) -> None:
    silent = clients.endpoints.get_endpoint(name=new_endpoint().name)
    assert not silent.predict_request_response_logging_config
    deploy(silent.name, serving.deployed_models[0].model, {"0": 100})
    other = logged(bigquery_destination={"output_uri": "bq://local-project"})

    # requests are logged in their order: once the second one is there, the first one would be
    raw = {"signature_name": "serving_raw", "instances": [{"alcohol": [13.8]}]}
    assert [ask(endpoint, "rawPredict", raw) for endpoint in (silent, other)] == [200, 200]
    rows_of(tables, table_of(other), 1)

    id_ = silent.name.rpartition("/")[2]
    assert not [found.dataset_id for found in tables.list_datasets() if id_ in found.dataset_id]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sampling_rate": 0.0}, r"sampling_rate must be in \(0, 1\]"),
        ({"bigquery_destination": {"output_uri": "gs://wines/log"}}, r"must be bq://PROJECT"),
    ],
)
def test_a_logging_config_that_breaks_a_rule_is_refused(
    logged: Callable[..., v1.Endpoint], fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(exceptions.InvalidArgument, match=reason):
        logged(**{"bigquery_destination": {"output_uri": "bq://local-project"}, **fields})


def test_the_logging_of_a_monitored_endpoint_can_neither_be_switched_on_nor_changed(
    clients: Any, parent: str, logged: Callable[..., v1.Endpoint]
) -> None:
    on = logged(bigquery_destination={"output_uri": "bq://local-project"})
    off = logged(enabled=False)

    def patch(endpoint: v1.Endpoint, **fields: Any) -> v1.Endpoint:
        return clients.endpoints.update_endpoint(
            endpoint={"name": endpoint.name, **fields}, update_mask={"paths": list(fields)}
        )

    for endpoint, enabled in ((on, False), (off, True)):
        clients.jobs.create_model_deployment_monitoring_job(
            parent=parent, model_deployment_monitoring_job=job_of(endpoint)
        )
        config = {"enabled": enabled, "sampling_rate": 1.0, "bigquery_destination": {"output_uri": "bq://p"}}
        with pytest.raises(exceptions.FailedPrecondition, match="it is monitored by projects/"):
            patch(endpoint, predict_request_response_logging_config=config)

    # the same config is not a change, and other fields can be changed
    same = on.predict_request_response_logging_config
    assert patch(on, predict_request_response_logging_config=same, description="red").description == "red"
