"""What a card says, gathered from the artifacts of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow_model_analysis as tfma
from tfx.types import artifact, standard_artifacts
from tfx.utils import path_utils
from vertex_mlops.contract.reported import CHAMPION_PREFIX, MAJORITY_PREFIX, MODEL_URI

from wine_pipeline.config import EvaluationConfig
from wine_pipeline.evaluation.baseline import CHAMPION, MAJORITY
from wine_pipeline.evaluation.eval_config import ACCURACY, AUC, MAD
from wine_pipeline.evaluation.verdict import read_verdict
from wine_pipeline.model_card.explained import Explained, explain_known_instances
from wine_pipeline.model_card.importance import Importances, measure_importance
from wine_pipeline.model_card.job import Job, read_job
from wine_pipeline.model_card.predictions import SLICED_BY, Predictions, ask_model
from wine_pipeline.model_card.statistics import TrainingRows, read_quartiles, read_training_rows
from wine_pipeline.vertex.served_model import ServedModel

# what the figures of the baseline begin with, and what to call it
_COMPARED = {CHAMPION_PREFIX: CHAMPION, MAJORITY_PREFIX: MAJORITY}
_METRICS = {AUC: "auc", ACCURACY: "accuracy", MAD: "mad"}


@dataclass(frozen=True)
class Card:
    """
    All that a model card says.

    :param pipeline: name of the wine's pipeline.
    :param blessed: the model may be served.
    :param verdict: ``blessed``, ``not blessed`` or ``not judged``.
    :param reason: why it may not; empty if it may.
    :param evidence: by how much it differs from what it was compared with; empty if that is not known.
    :param metrics: its figures on the eval split by name.
    :param compared: what it was compared with.
    :param compared_metrics: the figures of that.
    :param bounds: what each figure had to reach.
    :param predictions: slices and plots.
    :param compared_predictions: the same of what it was compared with.
    :param importances: of the features.
    :param explained: the known instances, that of the lab first.
    :param training: the rows that it learned from.
    :param query: SQL that gave the rows.
    :param git_revision: of the code that the pipeline was compiled from.
    :param job: that made it; None outside Vertex AI.
    """

    pipeline: str
    blessed: bool
    verdict: str
    reason: str
    evidence: str
    metrics: Mapping[str, float]
    compared: str
    compared_metrics: Mapping[str, float]
    bounds: Mapping[str, str]
    predictions: Predictions
    compared_predictions: Predictions
    importances: Importances
    explained: list[Explained]
    training: TrainingRows
    query: str
    git_revision: str
    job: Job | None


def gather(
    *,
    pipeline: str,
    input_config: str,
    git_revision: str,
    job: str,
    metrics: artifact.Artifact,
    baseline: standard_artifacts.Model,
    blessing: standard_artifacts.ModelBlessing,
    evaluation: standard_artifacts.ModelEvaluation,
    examples: standard_artifacts.Examples,
    statistics: standard_artifacts.ExampleStatistics,
) -> Card:
    """
    Read everything.

    :param pipeline: name of the wine's pipeline.
    :param input_config: value of the pipeline's parameter, which holds the query.
    :param git_revision: of the code.
    :param job: resource name of the job, or the placeholder for it.
    :param metrics: of a MetricsReporter.
    :param baseline: that the model was compared with.
    :param blessing: of an Evaluator.
    :param evaluation: of the same.
    :param examples: that it was evaluated on.
    :param statistics: of the examples.
    """
    figures = _figures(metrics)
    prefix = next(known for known in _COMPARED if f"{known}auc" in figures)
    verdict = read_verdict(evaluation.uri, _COMPARED[prefix])
    quartiles = read_quartiles(statistics, SLICED_BY)
    model = ServedModel(metrics.get_string_custom_property(MODEL_URI))
    compared = ServedModel(path_utils.serving_model_dir(baseline.uri))
    return Card(
        pipeline=pipeline,
        blessed=blessing.get_int_custom_property("blessed") == 1,
        verdict=verdict.name,
        reason=verdict.reason,
        evidence=verdict.evidence,
        metrics={name: value for name, value in figures.items() if not name.startswith(tuple(_COMPARED))},
        compared=_COMPARED[prefix],
        compared_metrics={
            name.removeprefix(prefix): value for name, value in figures.items() if name.startswith(prefix)
        },
        bounds=_bounds(evaluation.uri, verdict.config),
        predictions=ask_model(model, examples, quartiles),
        compared_predictions=ask_model(compared, examples, quartiles),
        importances=measure_importance(model, examples),
        explained=explain_known_instances(model),
        training=read_training_rows(statistics),
        query="\n".join(split["pattern"] for split in json.loads(input_config)["splits"]),
        git_revision=git_revision,
        job=read_job(job),
    )


def _figures(metrics: artifact.Artifact) -> dict[str, float]:
    # a pipeline job hands each property on as JSON, a local runner as what it was
    found = {
        name: value.double_value
        if value.HasField("double_value")
        else metrics.get_json_value_custom_property(name)
        for name, value in metrics.mlmd_artifact.custom_properties.items()
    }
    return {name: float(value) for name, value in sorted(found.items()) if isinstance(value, (int, float))}


def _bounds(evaluation: str, config: EvaluationConfig) -> dict[str, str]:
    specs = tfma.load_eval_result(evaluation).config.metrics_specs
    metrics = [metric for spec in specs for metric in spec.metrics if metric.HasField("threshold")]
    bounds = {_METRICS[json.loads(metric.config)["name"]]: _words(metric.threshold) for metric in metrics}
    margin = f"difference with {config.confidence:.0%} confidence at most {config.mad_margin:+g}"
    return bounds | {"mad": f"{bounds['mad']}, {margin}"}


def _words(threshold: Any) -> str:
    bound, change = threshold.value_threshold, threshold.change_threshold
    words = [
        f"{word} {getattr(bound, name).value:g}"
        for word, name in (("at least", "lower_bound"), ("at most", "upper_bound"))
        if bound.HasField(name)
    ]
    if threshold.HasField("change_threshold"):
        word = "at least" if change.direction == tfma.MetricDirection.HIGHER_IS_BETTER else "at most"
        words.append(f"difference {word} {change.absolute.value:+g}")
    return ", ".join(words)
