"""What a card asks Vertex AI for, and how it gets into Cloud Storage."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import storage
from wine_pipeline.model_card.job import JOB_PLACEHOLDER, read_job
from wine_pipeline.model_card.storage import write_text

from localcloud.testing import Cloud, eventually
from tests.plugins.runs.pipelines import pipeline, step

REGION = "europe-west1"
TEXT = "<!DOCTYPE html><p>Süß, 10 % vol</p>"


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> storage.Bucket:
    return storage.Client(project=cloud.settings.project).create_bucket("cards", location="EU")


@pytest.fixture(scope="module")
def running(
    cloud: Cloud, bucket: storage.Bucket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[v1.PipelineJob]:
    """Return a job whose first task has ended, and whose second one is under way."""
    go_on = tmp_path_factory.mktemp("job") / "go_on"
    wait = ["import os, time", f"while not os.path.exists({str(go_on)!r}): time.sleep(0.1)"]
    spec = pipeline(step("First", "pass"), step("Second", *wait))["pipelineSpec"]
    spec["root"]["dag"]["tasks"]["Second"]["dependentTasks"] = ["First"]
    job = v1.PipelineJob(
        pipeline_spec=spec,
        runtime_config={
            "gcs_output_directory": f"gs://{bucket.name}/root",
            "parameter_values": {"input_config": "{}"},
        },
    )
    job.labels = {"data_version": "1700000000000"}
    client = v1.PipelineServiceClient(client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"})
    name = client.create_pipeline_job(
        parent=client.common_location_path(cloud.settings.project, REGION),
        pipeline_job=job,
        pipeline_job_id=f"job-{uuid.uuid4().hex[:8]}",
    ).name
    yield until(client, name, lambda found: "Second" in {task.task_name for task in started(found)})
    go_on.touch()
    until(client, name, lambda found: bool(found.end_time))


def started(job: v1.PipelineJob) -> list[v1.PipelineTaskDetail]:
    return [task for task in job.job_detail.task_details if task.state.name == "RUNNING"]


def until(
    client: v1.PipelineServiceClient, name: str, condition: Callable[[v1.PipelineJob], bool]
) -> v1.PipelineJob:
    """Wait until a job is in a condition."""
    return eventually(lambda: client.get_pipeline_job(name=name), condition, seconds=300)


def test_a_job_that_still_runs_tells_how_long_each_task_took_that_has_ended(running: v1.PipelineJob) -> None:
    found = read_job(running.name)

    first = next(task for task in running.job_detail.task_details if task.task_name == "First")
    assert found is not None
    assert found.name == running.name
    assert found.labels == {"data_version": "1700000000000"}
    assert found.seconds == {"First": (first.end_time - first.start_time).total_seconds()}


def test_a_placeholder_that_nobody_has_filled_in_is_no_job() -> None:
    assert read_job(JOB_PLACEHOLDER) is None


def test_a_page_in_the_bucket_tells_a_browser_what_it_is(bucket: storage.Bucket) -> None:
    write_text(f"gs://{bucket.name}/run 1/card.html", TEXT, "text/html; charset=utf-8")

    blob = bucket.get_blob("run 1/card.html")
    assert blob.download_as_text() == TEXT
    assert blob.content_type == "text/html; charset=utf-8"


def test_without_a_bucket_the_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "run" / "card.html"

    write_text(str(path), TEXT, "text/html; charset=utf-8")

    assert path.read_text(encoding="utf-8") == TEXT
