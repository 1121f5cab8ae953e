"""Links to the console, at Google and elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.google.cloud.links.bigquery import BigQueryTableLink
from airflow.providers.google.cloud.links.vertex_ai import (
    VertexAIBatchPredictionJobLink,
    VertexAIEndpointLink,
    VertexAIModelLink,
    VertexAIPipelineJobLink,
)
from vertex_mlops.links.bigquery import TableLink
from vertex_mlops.links.console import CONSOLE_URL, ConsoleLink
from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.links.vertex_ai import BatchPredictionJobLink, EndpointLink, ModelLink, PipelineJobLink
from vertex_mlops.operators.rollout.deployment import DeployModelVersionOperator

from tests.support.task_context import context_of

PLACE = {"project_id": "wine", "region": "europe-west1"}
PATHS = [
    (
        TableLink,
        {"project_id": "wine", "dataset_id": "quality", "table_id": "white"},
        "/bigquery?referrer=search&project=wine&d=quality&p=wine&page=table&t=white",
    ),
    (
        PipelineJobLink,
        PLACE | {"pipeline_id": "job"},
        "/vertex-ai/locations/europe-west1/pipelines/runs/job?project=wine",
    ),
    (
        ModelLink,
        PLACE | {"model_id": "wine"},
        "/vertex-ai/models/locations/europe-west1/models/wine/versions/default/properties?project=wine",
    ),
    (
        BatchPredictionJobLink,
        PLACE | {"batch_prediction_job_id": "9"},
        "/vertex-ai/locations/europe-west1/batch-predictions/9?project=wine",
    ),
    (
        EndpointLink,
        PLACE | {"endpoint_id": "7"},
        "/vertex-ai/locations/europe-west1/endpoints/7?project=wine",
    ),
    (
        ModelMonitoringJobLink,
        PLACE | {"job_id": "8"},
        "/agent-platform/locations/europe-west1/model-deployment-monitoring/8?project=wine",
    ),
]


@pytest.fixture(params=["https://console.cloud.google.com", "http://127.0.0.1:19443"])
def console(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the console of Google, which is the default, and another one."""
    if "google" in request.param:
        monkeypatch.delenv(CONSOLE_URL, raising=False)
    else:
        monkeypatch.setenv(CONSOLE_URL, f"{request.param}/")
    return str(request.param)


@pytest.mark.parametrize(("link", "values", "path"), PATHS)
def test_only_the_console_in_front_of_the_path_differs(
    console: str, link: type[ConsoleLink], values: dict[str, str], path: str
) -> None:
    assert link()._format_link(**values) == console + path


@pytest.mark.parametrize(
    ("link", "providers"),
    [
        (TableLink, BigQueryTableLink),
        (PipelineJobLink, VertexAIPipelineJobLink),
        (BatchPredictionJobLink, VertexAIBatchPredictionJobLink),
        (ModelLink, VertexAIModelLink),
        (EndpointLink, VertexAIEndpointLink),
    ],
)
def test_a_link_is_the_providers_in_name_key_and_path(link: Any, providers: Any) -> None:
    assert (link.name, link().xcom_key) == (providers.name, providers.key)
    assert link.format_str == providers.format_str


@pytest.mark.parametrize(
    "link",
    [
        PipelineJobLink,
        BatchPredictionJobLink,
        ModelLink,
        EndpointLink,
        ModelMonitoringJobLink,
        ModelCardLink,
    ],
)
def test_a_link_to_what_was_never_made_is_empty(console: str, link: type[ConsoleLink]) -> None:
    assert link()._format_link(**PLACE) == ""


def test_the_finished_url_is_there_before_the_task_ends(console: str) -> None:
    operator = DeployModelVersionOperator(
        task_id="deploy",
        model_version="wine@1",
        pipeline_job="projects/p/locations/r/pipelineJobs/j",
        **PLACE,
    )
    context = context_of(operator)

    EndpointLink.persist(context=context, endpoint_id="7")

    url = f"{console}/vertex-ai/locations/europe-west1/endpoints/7?project=wine"
    assert context["ti"].xcoms == {EndpointLink.key: url}
