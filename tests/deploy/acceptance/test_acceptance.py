"""What the command finds in a localcloud, and that it leaves nothing there, however it ends."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator

import pytest
from google.cloud import aiplatform_v1 as v1
from google.cloud import bigquery, storage

from deploy.acceptance.project import Project, ProjectError
from deploy.acceptance.questions import PROBES
from localcloud.testing import Cloud, eventually
from tests.deploy.acceptance.acceptance import COMPILE_SECONDS, RUN_SECONDS, Acceptance

REGION = "europe-west1"
# of services that localcloud does not have
NOT_SERVED = {"composer-bucket", "composer-config", "models-page"}

Listing = Callable[[], set[str]]


@pytest.fixture
def everything(cloud: Cloud, deployed: storage.Bucket) -> Listing:
    """List all that is in the project."""
    parent = f"projects/{cloud.settings.project}/locations/{REGION}"
    api = {"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}
    jobs, models = v1.JobServiceClient(client_options=api), v1.ModelServiceClient(client_options=api)
    pipelines = v1.PipelineServiceClient(client_options=api)
    endpoints = v1.EndpointServiceClient(client_options=api)
    tables = bigquery.Client(project=cloud.settings.project)
    objects = storage.Client(project=cloud.settings.project)

    def names() -> Iterator[str]:
        for found in (
            jobs.list_model_deployment_monitoring_jobs(parent=parent),
            models.list_models(parent=parent),
            pipelines.list_pipeline_jobs(parent=parent),
            endpoints.list_endpoints(parent=parent),
        ):
            yield from (one.name for one in found)
        yield from (f"dataset {dataset.dataset_id}" for dataset in tables.list_datasets())
        for bucket in objects.list_buckets():
            yield from (f"gs://{bucket.name}/{blob.name}" for blob in objects.list_blobs(bucket))

    return lambda: set(names())


def wait_for(acceptance: Acceptance, text: str) -> None:
    """Wait until the command has printed a text."""
    assert acceptance.process is not None
    said = eventually(
        lambda: acceptance.said,
        lambda said: text in said or acceptance.process.poll() is not None,
        seconds=RUN_SECONDS,
    )
    assert text in said


def results(said: str) -> dict[str, str]:
    """Read the table: result by probe."""
    names = "|".join(probe.name for probe in PROBES)
    found = re.findall(rf"^({names}) +(confirmed|NOT CONFIRMED|could not be tested) ", said, re.MULTILINE)
    return dict(found)


@pytest.mark.timeout(COMPILE_SECONDS + RUN_SECONDS)
def test_everything_that_localcloud_serves_holds_and_nothing_is_left(
    acceptance: Acceptance, everything: Listing
) -> None:
    before = everything()

    code = acceptance.run("--yes")

    found = results(acceptance.said)
    assert set(found) == {probe.name for probe in PROBES}
    assert {name for name, result in found.items() if result == "could not be tested"} == NOT_SERVED
    assert {name for name, result in found.items() if result == "NOT CONFIRMED"} == set()
    assert code == 0, acceptance.said
    assert everything() == before


def test_before_a_deployment_there_is_nothing_to_ask(cloud: Cloud) -> None:
    project = Project(cloud.settings.project, REGION, "no-such-bucket", None, None)

    with pytest.raises(
        ProjectError,
        match=r"gs://no-such-bucket/specs/wine-white.json does not exist, or the file that it names does not",
    ):
        _ = project.deployed


@pytest.mark.timeout(COMPILE_SECONDS + RUN_SECONDS)
def test_a_killed_run_and_an_interrupted_one_leave_nothing(
    acceptance: Acceptance, everything: Listing
) -> None:
    before = everything()
    process = acceptance.start("--yes")
    wait_for(acceptance, "] endpoint-find")
    process.kill()
    process.wait()
    left = everything() - before
    assert any("/endpoints/" in name for name in left)

    refused = acceptance.run()
    told = acceptance.said
    process = acceptance.start("--yes")
    wait_for(acceptance, "] pipeline-submit")
    gone = left - everything()
    # then a deployment and two pipeline jobs are under way
    wait_for(acceptance, "] deploy-operation")
    process.send_signal(signal.SIGINT)

    assert refused == 1
    assert "acceptance: nothing was created" in told
    assert re.search(r"will be removed: endpoint \d+", told)
    assert gone == left
    assert process.wait(RUN_SECONDS) == 130, acceptance.said
    assert "removing endpoint" in acceptance.said
    assert everything() == before
