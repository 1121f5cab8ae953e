"""Compiles and runs a pipeline on Vertex AI without Airflow."""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import PipelineJob, PipelineState, PipelineTaskDetail

from wine_pipeline.compile import write_compiled
from wine_pipeline.config import Target, WineConfig
from wine_pipeline.pipeline import INPUT_CONFIG, build_input_config
from wine_pipeline.table import pinned_query, read_data_version, table_label

_POLL_SECONDS = 5.0
_ENDED = {
    PipelineState.PIPELINE_STATE_SUCCEEDED,
    PipelineState.PIPELINE_STATE_FAILED,
    PipelineState.PIPELINE_STATE_CANCELLED,
}


class SubmissionError(RuntimeError):
    """Vertex AI refused the pipeline job."""


class PipelineFailedError(RuntimeError):
    """The pipeline job ended without success."""


def run_on_vertex(config: WineConfig, target: Target, table: str, username: str) -> str:
    """
    Compile, submit, and follow the job to its end.

    Every call makes a job of its own; the endpoint is made by the first and used by all.

    :param config: of the wine.
    :param target: where it runs.
    :param table: project.dataset.table to learn from, at its current version.
    :param username: who asked; becomes a label of the job.
    :return: resource name of the job.
    :raises ConfigError: if the table's name cannot become a label.
    :raises TableError: if there is no such table, or it may not be read.
    :raises SubmissionError: if Vertex AI refuses the job.
    :raises PipelineFailedError: if the job fails or is cancelled.
    """
    label = table_label(table)
    data_version = read_data_version(target.project, table)
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / f"{config.name}.json"
        write_compiled(config, target, spec)
        job = aiplatform.PipelineJob(
            display_name=config.name,
            template_path=str(spec),
            job_id=f"{config.name}-{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(2)}",
            parameter_values={INPUT_CONFIG: build_input_config(pinned_query(config, table, data_version))},
            labels={
                "wine": config.wine,
                "table": label,
                "data_version": str(data_version),
                "username": username,
            },
            project=target.project,
            location=target.region,
        )
    try:
        job.submit()
    except GoogleAPICallError as error:
        raise SubmissionError(f"{target.project} in {target.region}: {error.message}") from error
    print(f"{job.resource_name}: data version {data_version} of {table}", flush=True)
    return _follow(job)


def _follow(job: aiplatform.PipelineJob) -> str:
    started = time.monotonic()
    seen: dict[str, str] = {}
    while True:
        resource = job.gca_resource if job.state in _ENDED else None
        for task in job.task_details:
            state = PipelineTaskDetail.State(task.state).name
            if seen.get(task.task_name) != state:
                seen[task.task_name] = state
                print(f"{time.monotonic() - started:7.1f} s  {task.task_name:45} {state}", flush=True)
        if resource is not None:
            return _result(resource)
        time.sleep(_POLL_SECONDS)


def _result(job: PipelineJob) -> str:
    if job.state == PipelineState.PIPELINE_STATE_SUCCEEDED:
        return job.name
    failed = [task for task in job.job_detail.task_details if task.error.message]
    for task in failed:
        print(f"{task.task_name}: {task.error.message}", file=sys.stderr)
    names = ", ".join(task.task_name for task in failed) or job.error.message
    raise PipelineFailedError(f"{job.name} ended as {PipelineState(job.state).name}: {names}")
