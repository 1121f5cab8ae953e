"""The component that puts what the DAG must know of a model where the finished job shows it."""

# no postponed annotations here: TFX reads these as objects

import json
from dataclasses import asdict

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts
from tfx.types.experimental.simple_artifacts import Metrics
from tfx.utils import path_utils
from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.reported import (
    CHAMPION_PREFIX,
    CHAMPION_VERSION,
    EVIDENCE,
    KNOWN_ANSWERS,
    MAJORITY_PREFIX,
    MODEL_URI,
    REASON,
    VERDICT,
)

from wine_pipeline.evaluation.answers import known_answers
from wine_pipeline.evaluation.baseline import CHAMPION, KIND
from wine_pipeline.evaluation.metrics import read_metrics
from wine_pipeline.evaluation.verdict import read_verdict


@component
def MetricsReporter(  # noqa: N802 (the id of the task)
    evaluation: InputArtifact[standard_artifacts.ModelEvaluation],
    model: InputArtifact[standard_artifacts.Model],
    baseline: InputArtifact[standard_artifacts.Model],
    metrics: OutputArtifact[Metrics],
    data_contract: Parameter[str],
) -> None:
    """
    Write each figure of an evaluation as a property of an artifact, whose metadata a pipeline job shows.

    Those of the champion begin with ``champion_``, those of the majority with ``baseline_``. Beside them are
    texts: ``verdict``, ``reason`` why the model was not blessed, ``evidence`` of the paired test,
    ``champion_version`` that it was compared with, ``model_uri`` of what a model server takes, and
    ``known_answers`` to the known instances of the data contract.

    :param evaluation: of an Evaluator.
    :param model: what it has evaluated.
    :param baseline: of a BaselineModel; what it has compared the model with.
    :param metrics: takes the figures.
    :param data_contract: that the pipeline was compiled with, as JSON.
    """
    found, kind = read_metrics(evaluation.uri), baseline.get_string_custom_property(KIND)
    figures = asdict(found.candidate)
    if found.baseline:
        prefix = CHAMPION_PREFIX if kind == CHAMPION else MAJORITY_PREFIX
        figures |= {f"{prefix}{name}": value for name, value in asdict(found.baseline).items()}
    for name, value in figures.items():
        metrics.set_float_custom_property(name, float(value))
    served = path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model))
    answers = known_answers(served, DataContract.model_validate_json(data_contract))
    verdict = read_verdict(evaluation.uri, kind)
    metrics.set_string_custom_property(VERDICT, verdict.name)
    metrics.set_string_custom_property(REASON, verdict.reason)
    metrics.set_string_custom_property(EVIDENCE, verdict.evidence)
    metrics.set_string_custom_property(
        CHAMPION_VERSION, baseline.get_string_custom_property(CHAMPION_VERSION)
    )
    metrics.set_string_custom_property(MODEL_URI, served)
    metrics.set_string_custom_property(KNOWN_ANSWERS, json.dumps(answers))
