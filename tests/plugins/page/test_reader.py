"""What the page reads of pipeline jobs."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from google.cloud.aiplatform_v1 import PipelineServiceClient
from vertex_mlops.page import reader

from localcloud.testing import eventually
from tests.plugins.page.made_readings import DATA_VERSION, MODEL
from tests.plugins.runs.pipelines import pipeline, step, submit
from tests.support.task_context import REGION


def test_the_last_training_that_succeeded_is_found_behind_any_number_that_failed(
    place: dict[str, str], bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = PipelineServiceClient(client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"})
    labels = {"case": uuid.uuid4().hex}
    jobs = []
    for statement in ("pass", "1 / 0", "1 / 0"):
        content = pipeline(step("Step", statement))
        jobs.append(submit(place, bucket.name, content, **labels, data_version=str(DATA_VERSION)))
        eventually(lambda: client.get_pipeline_job(name=jobs[-1]).end_time)
    monkeypatch.setattr(reader, "_MOST_JOBS", 2)

    found = reader._read_trainings(MODEL._replace(labels=labels, **place))

    assert [training.state for training in found] == ["FAILED", "FAILED", "SUCCEEDED"]
