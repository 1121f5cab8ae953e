"""The pipeline job that makes the card, as Vertex AI tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.cloud import aiplatform_v1

from wine_pipeline.vertex.vertex_calls import AGAIN, ANSWER_SECONDS, client_options

# Vertex AI puts the job's resource name in its place; a runner without Vertex AI leaves it as it is.
# https://kubeflow-pipelines.readthedocs.io/en/stable/source/dsl.html#kfp.dsl.PIPELINE_JOB_RESOURCE_NAME_PLACEHOLDER
JOB_PLACEHOLDER = "{{$.pipeline_job_resource_name}}"


@dataclass(frozen=True)
class Job:
    """
    A pipeline job that still runs.

    :param name: its resource name.
    :param labels: of the job.
    :param seconds: how long each task took that has ended, in the order of their start.
    """

    name: str
    labels: Mapping[str, str]
    seconds: Mapping[str, float]


def read_job(name: str) -> Job | None:
    """
    Read a job from Vertex AI; None outside Vertex AI.

    :param name: resource name, or :data:`JOB_PLACEHOLDER`.
    """
    if name == JOB_PLACEHOLDER:
        return None
    region = name.split("/")[3]
    client = aiplatform_v1.PipelineServiceClient(client_options=client_options(region))
    job = client.get_pipeline_job(name=name, retry=AGAIN, timeout=ANSWER_SECONDS)
    # the library's times are those of Python, but its types say protobuf's
    details: list[Any] = list(job.job_detail.task_details)
    ended = [task for task in details if task.start_time and task.end_time]
    return Job(
        name=job.name,
        labels=dict(job.labels),
        seconds={
            task.task_name: (task.end_time - task.start_time).total_seconds()
            for task in sorted(ended, key=lambda task: task.start_time)
        },
    )
