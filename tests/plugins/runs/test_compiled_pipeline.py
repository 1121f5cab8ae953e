"""Names under which models are served, as the pipeline jobs carry them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook
from google.cloud.aiplatform_v1 import PipelineServiceClient
from vertex_mlops.runs.compiled_pipeline import served_names

from localcloud.testing import Cloud, eventually
from tests.plugins.operators.rollout.rollouts import serving
from tests.plugins.runs.pipelines import compiled, submit
from tests.support.task_context import REGION


@pytest.fixture
def client(cloud: Cloud) -> PipelineServiceClient:
    return PipelineServiceClient(client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"})


def succeeded(client: PipelineServiceClient, name: str) -> bool:
    return client.get_pipeline_job(name=name).state.name == "PIPELINE_STATE_SUCCEEDED"


def test_a_job_that_is_deleted_after_it_was_listed_is_passed_over(
    place: dict[str, str], bucket: Any, client: PipelineServiceClient
) -> None:
    labels = {"case": uuid.uuid4().hex}
    jobs = []
    for name in ("oldest", "older", "newest"):
        jobs.append(submit(place, bucket.name, compiled(serving=serving(name)), **labels))
        eventually(lambda: succeeded(client, jobs[-1]))
    names = served_names(PipelineJobHook(), **place, labels=labels)

    # the list is read before the first job
    assert next(names) == "newest"
    client.delete_pipeline_job(name=jobs[1]).result()

    assert list(names) == ["oldest"]
