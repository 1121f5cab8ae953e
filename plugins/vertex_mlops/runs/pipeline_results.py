"""The result of a finished Vertex AI pipeline job."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from vertex_mlops.contract.names import DATA_VERSION_LABEL
from vertex_mlops.contract.pipeline_states import UNSUCCESSFUL_STATES
from vertex_mlops.contract.reported import (
    CARD_PAGE,
    CHAMPION_VERSION,
    EVIDENCE,
    KNOWN_ANSWERS,
    MODEL_URI,
    REASON,
    VERDICT,
)

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import Artifact, PipelineJob

# name of the state of a task of a job
_TASK_FAILED = "FAILED"
# what TFX and what Kubeflow Pipelines call an artifact whose properties are figures
_METRICS_SCHEMAS = ("tfx.Metrics", "system.Metrics")


class PipelineResult(TypedDict):
    """
    What the DAG needs to know of a pipeline job that succeeded.

    :param name: resource name of the job.
    :param state: name of its state.
    :param data_version: label of the same name.
    :param blessed: verdict of the Evaluator; None if there was none.
    :param verdict: ``blessed``, ``not blessed``, or ``not judged`` if the rows allow neither; empty if the
        pipeline does not tell.
    :param reason: why the model was not blessed; empty if it was, or if the pipeline does not tell.
    :param evidence: by how much the model differs from what it was compared with; empty if that is not known.
    :param champion_version: resource name of the version that the model was compared with, like
        ``.../models/m@3``; empty if it was none of the registry's, None if the pipeline does not tell.
    :param metrics: figures of the evaluation by name; empty if the pipeline reports none.
    :param model_uri: ``gs://`` folder of the model as a model server takes it.
    :param known_answers: what the model answers to each known instance of the data contract, by output.
    :param model_card: ``gs://`` URI of the page that is the model card; None if the pipeline makes none.
    :param training_examples: ``gs://`` folder of the examples, one subfolder for each split.
    :param evaluation: ``gs://`` folder of the evaluation.
    """

    name: str
    state: str
    data_version: str | None
    blessed: bool | None
    verdict: str
    reason: str
    evidence: str
    champion_version: str | None
    metrics: dict[str, float]
    model_uri: str | None
    known_answers: list[dict[str, float]]
    model_card: str | None
    training_examples: str | None
    evaluation: str | None


def read_result(job: PipelineJob) -> PipelineResult:
    """
    Read the outputs of a finished TFX pipeline from the job's task details.

    A resolver also has outputs of the type ModelBlessing, and Transform of the type Examples: the name
    of the output tells them apart.

    :return: the result.
    """
    blessing = _output(job, "blessing", "tfx.ModelBlessing")
    examples = _output(job, "examples", "tfx.Examples")
    evaluation = _output(job, "evaluation", "tfx.ModelEvaluation")
    report = _output(job, "metrics", *_METRICS_SCHEMAS)
    card = _output(job, "model_card")
    return PipelineResult(
        name=job.name,
        state=job.state.name,
        data_version=job.labels.get(DATA_VERSION_LABEL),
        blessed=_property(blessing, "blessed") == 1 if blessing else None,
        verdict=_property(report, VERDICT) or "",
        reason=_property(report, REASON) or "",
        evidence=_property(report, EVIDENCE) or "",
        champion_version=_property(report, CHAMPION_VERSION),
        metrics=_metrics(job),
        model_uri=_property(report, MODEL_URI),
        known_answers=json.loads(_property(report, KNOWN_ANSWERS) or "[]"),
        model_card=_property(card, CARD_PAGE),
        training_examples=examples.uri if examples else None,
        evaluation=evaluation.uri if evaluation else None,
    )


def failure(job: PipelineJob) -> str:
    """Describe how a job ended, which task failed, and its error, in one line."""
    failed = [
        f"task {task.task_name}: {_one_line(task.error.message)}"
        for task in job.job_detail.task_details
        if task.state.name == _TASK_FAILED
    ]
    causes = failed or [_one_line(job.error.message)] * bool(job.error.message)
    return f"{job.name} ended as {job.state.name}" + "".join(f"; {cause}" for cause in causes)


def failure_cause(job: PipelineJob) -> str:
    """Return the error of a job as in :func:`failure`; empty if it may still succeed, or has."""
    return failure(job).partition("; ")[2] if job.state.name in UNSUCCESSFUL_STATES else ""


def _metrics(job: PipelineJob) -> dict[str, float]:
    metadata: list[Any] = [
        artifact.metadata or {}
        for task in job.job_detail.task_details
        for output in task.outputs.values()
        for artifact in output.artifacts
        if artifact.schema_title in _METRICS_SCHEMAS
    ]
    # each number of a Struct is a double
    return {
        name: value for figures in metadata for name, value in figures.items() if isinstance(value, float)
    }


def _output(job: PipelineJob, name: str, *schema_titles: str) -> Artifact | None:
    for task in job.job_detail.task_details:
        if name in task.outputs:
            for artifact in task.outputs[name].artifacts:
                if not schema_titles or artifact.schema_title in schema_titles:
                    return artifact
    return None


def _property(artifact: Artifact | None, name: str) -> Any:
    # proto-plus shows a Struct as a mapping, and an empty one as None
    metadata: Any = (artifact and artifact.metadata) or {}
    return metadata.get(name)


def _one_line(text: str) -> str:
    return " ".join(text.split())
