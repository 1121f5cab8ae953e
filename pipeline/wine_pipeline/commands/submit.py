"""Compiles and runs a pipeline on Vertex AI without Airflow."""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.api_core.retry import Retry
from google.cloud import aiplatform
from google.cloud.aiplatform_v1.types import PipelineJob, PipelineTaskDetail
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.names import DATA_VERSION_LABEL, ROW_COUNT_LABEL
from vertex_mlops.contract.pipeline_states import ENDED_STATES, PAUSED, SUCCEEDED
from vertex_mlops.contract.retries import is_transient, lacks_service_agents

from wine_pipeline.commands.compile import write_compiled
from wine_pipeline.config import Target, WineConfig
from wine_pipeline.data.table import count_rows, pinned_query, unchanged_since
from wine_pipeline.pipeline import INPUT_CONFIG
from wine_pipeline.scale import Scale

_POLL_SECONDS = 5.0
_ANSWER_SECONDS = 30.0
# An outage may last this long before the job is given up.
_RETRY_SECONDS = 900.0
_LONGEST_PAUSE_SECONDS = 60.0
# how long a first use of the project may take
_AGENTS_SECONDS = 1800.0


def _report_retry(error: BaseException) -> None:
    print(f"asking again after: {error}", file=sys.stderr, flush=True)


_RETRY_UNTIL_AGENTS_EXIST = Retry(
    lacks_service_agents,
    initial=_POLL_SECONDS,
    maximum=_LONGEST_PAUSE_SECONDS,
    timeout=_AGENTS_SECONDS,
    on_error=_report_retry,
)


class SubmissionError(RuntimeError):
    """Vertex AI rejected the pipeline job."""


class PipelineFailedError(RuntimeError):
    """The pipeline job ended without success, or was paused."""


class LostSightError(RuntimeError):
    """The state of the pipeline job can no longer be read; the job may still run."""


def run_on_vertex(
    config: WineConfig,
    target: Target,
    scale: Scale,
    table: str,
    data_version: int,
    labels: Mapping[str, str],
    *,
    with_monitorer: bool = False,
) -> str:
    """
    Compile and submit the pipeline, and wait for the job's end.

    Every call creates a new job; the first one creates the endpoint, and all use it.

    :param config: of the wine.
    :param target: where it runs.
    :param scale: steps that run outside their tasks.
    :param table: project.dataset.table to learn from.
    :param data_version: the table's lastModifiedTime in ms.
    :param labels: of the job, in addition to its data version and how many rows that has.
    :param with_monitorer: the job also creates or updates the endpoint's monitoring job.
    :return: resource name of the job.
    :raises TableError: if the rows cannot be counted.
    :raises SubmissionError: if Vertex AI refuses the job; while it makes its service agents, it is
        asked again.
    :raises PipelineFailedError: if the job fails, is cancelled or is paused.
    :raises LostSightError: if its state can no longer be read.
    """
    snapshot = unchanged_since(data_version)
    query = pinned_query(config, table, snapshot)
    labels_of_data = {
        DATA_VERSION_LABEL: str(data_version),
        # the next data check compares its count with this
        ROW_COUNT_LABEL: str(count_rows(target.project, config, table, snapshot)),
    }
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / f"{config.name}.json"
        monitored = table if with_monitorer else None
        write_compiled(config, target, scale, spec, monitored_table=monitored, push=True)
        job = aiplatform.PipelineJob(
            display_name=config.name,
            template_path=str(spec),
            job_id=f"{config.name}-{datetime.now(UTC):%Y%m%d%H%M%S}-{secrets.token_hex(2)}",
            parameter_values={INPUT_CONFIG: DataContract.input_config(query)},
            labels={**labels, **labels_of_data},
            project=target.project,
            location=target.region,
        )
    try:
        _RETRY_UNTIL_AGENTS_EXIST(job.submit)()
    except (GoogleAPICallError, RetryError) as error:
        raise SubmissionError(f"{target.project} in {target.region}: {error.message}") from error
    print(f"{job.resource_name}: data version {data_version} of {table}", flush=True)
    return _follow(job)


def _follow(job: aiplatform.PipelineJob) -> str:
    started = time.monotonic()
    seen: dict[str, str] = {}
    while True:
        resource = _poll(job)
        for task in resource.job_detail.task_details:
            state = PipelineTaskDetail.State(task.state).name
            if seen.get(task.task_name) != state:
                seen[task.task_name] = state
                print(f"{time.monotonic() - started:7.1f} s  {task.task_name:45} {state}", flush=True)
        if resource.state.name in ENDED_STATES | {PAUSED}:
            return result_of(resource)
        time.sleep(_POLL_SECONDS)


def _poll(job: aiplatform.PipelineJob) -> PipelineJob:
    again = Retry(
        is_transient,
        initial=_POLL_SECONDS,
        maximum=_LONGEST_PAUSE_SECONDS,
        timeout=_RETRY_SECONDS,
        on_error=_report_retry,
    )
    try:
        return job.api_client.get_pipeline_job(name=job.resource_name, retry=again, timeout=_ANSWER_SECONDS)
    except (GoogleAPICallError, RetryError) as error:
        raise LostSightError(
            f"{job.resource_name} may still be running, but cannot be read: {error}"
        ) from error


def result_of(job: PipelineJob) -> str:
    """
    Return the name of a job that succeeded.

    :param job: that has ended or is paused.
    :raises PipelineFailedError: if it has not succeeded; what failed goes to standard error.
    """
    if job.state.name == SUCCEEDED:
        return job.name
    if job.state.name == PAUSED:
        raise PipelineFailedError(f"{job.name} is paused and continues when it is resumed")
    failed = [task for task in job.job_detail.task_details if task.error.message]
    for task in failed:
        print(f"{task.task_name}: {task.error.message}", file=sys.stderr)
    names = ", ".join(task.task_name for task in failed) or job.error.message
    raise PipelineFailedError(f"{job.name} ended as {job.state.name}: {names}")
