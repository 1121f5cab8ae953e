"""Launches that fail, and what a job goes through while it is followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.cloud.aiplatform_v1.types import PipelineJob, PipelineState
from wine_pipeline.commands.submit import PipelineFailedError, result_of
from wine_pipeline.features import FEATURE_NAMES

from localcloud.testing import Cloud
from tests.pipeline.commands.submit.launches import LAUNCH_SECONDS, jobs, launch, wait_for

pytestmark = pytest.mark.timeout(1800)


def test_a_paused_job_is_not_followed_for_ever() -> None:
    paused = PipelineJob(name="projects/1/pipelineJobs/wine", state=PipelineState.PIPELINE_STATE_PAUSED)

    with pytest.raises(PipelineFailedError, match="projects/1/pipelineJobs/wine is paused"):
        result_of(paused)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("wine", "problem"), [("rose", "Not found"), ("view", "is a VIEW; only a TABLE can be trained on")]
)
def test_a_missing_table_or_a_view_is_named_and_no_job_is_made(
    loaded: Cloud, tmp_path: Path, wine: str, problem: str
) -> None:
    with launch(loaded, f"{wine}_wine", tmp_path) as launched:
        assert launched.wait(LAUNCH_SECONDS) == 1

    (line,) = (tmp_path / "err").read_text().splitlines()
    assert f"wine-local.wine_quality.{wine}_wine" in line
    assert problem in line
    assert not any(f" {wine} " in job for job in jobs(loaded))


# as Vertex AI answers the first use of a project
AGENTS = "Service agents are being provisioned. So please try again in a few minutes."


@pytest.mark.e2e
def test_a_job_is_submitted_and_followed_through_what_passes_and_its_failed_task_named(
    loaded: Cloud, tmp_path: Path
) -> None:
    method, code, words = "PipelineService.CreatePipelineJob", "FAILED_PRECONDITION", AGENTS
    assert loaded.command("fault", "add", method, "--code", code, "--message", words).returncode == 0
    with launch(loaded, "short_wine", tmp_path) as launched:
        wait_for("/pipelineJobs/", tmp_path / "out")
        assert f"asking again after: 400 {AGENTS}" in (tmp_path / "err").read_text()
        loaded.stop()
        wait_for("asking again", tmp_path / "err")
        loaded.start()
        assert launched.wait(LAUNCH_SECONDS) == 1

    err = (tmp_path / "err").read_text()
    assert err.endswith("ended as PIPELINE_STATE_FAILED: BigQueryExampleGen\n")
    assert f"Unrecognized name: {FEATURE_NAMES[0]}" in err
    assert re.search(r"Pusher +NOT_TRIGGERED", (tmp_path / "out").read_text())
    # the table is there, and empty
    (short,) = [job.split() for job in jobs(loaded) if " short " in job]
    assert short[:-1] == ["PIPELINE_STATE_FAILED", "short", "wine_quality-short_wine", "ada", "0"]
