"""Reads what the Evaluator wrote about a model and its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tensorflow_model_analysis as tfma

from wine_pipeline.evaluation.eval_config import ACCURACY, AUC, EXAMPLES, MAD
from wine_pipeline.features import GOOD, GRADE

_CANDIDATE = "candidate"
_BASELINE = "baseline"


class NoEvaluationError(LookupError):
    """There is no evaluation at the given place."""


@dataclass(frozen=True)
class ModelMetrics:
    """
    How one model did on the eval split.

    :param auc: area under the ROC curve of ``good``.
    :param accuracy: share of wines on the right side of probability 0.5.
    :param mad: mean absolute deviation of ``grade``, in grades.
    :param examples: rows measured.
    """

    auc: float
    accuracy: float
    mad: float
    examples: int


@dataclass(frozen=True)
class Comparison:
    """
    A candidate next to what it was compared with.

    :param candidate: the model that was trained.
    :param baseline: the champion of its time, or what always says the majority; None if there was none.
    """

    candidate: ModelMetrics
    baseline: ModelMetrics | None


def read_metrics(uri: str) -> Comparison:
    """
    Return the figures of one evaluation.

    :param uri: folder of a tfx.ModelEvaluation artifact, local or gs://.
    :raises NoEvaluationError: if nothing was evaluated there.
    """
    if not tf.io.gfile.exists(f"{uri}/eval_config.json"):
        raise NoEvaluationError(f"no evaluation at {uri}")
    models = tfma.load_eval_result(uri).config.model_specs
    # With a single model TFMA leaves it without a name.
    if len(models) < 2:
        return Comparison(candidate=_model_metrics(uri, None), baseline=None)
    return Comparison(candidate=_model_metrics(uri, _CANDIDATE), baseline=_model_metrics(uri, _BASELINE))


def _model_metrics(uri: str, model_name: str | None) -> ModelMetrics:
    slices = dict(tfma.load_eval_result(uri, model_name=model_name).slicing_metrics)
    overall: Mapping[str, Any] = slices.get((), {})
    if GOOD not in overall or GRADE not in overall:
        raise NoEvaluationError(f"the evaluation at {uri} has no metrics of the whole eval split")
    good, grade = overall[GOOD][""], overall[GRADE][""]
    return ModelMetrics(
        auc=good[AUC]["doubleValue"],
        accuracy=good[ACCURACY]["doubleValue"],
        mad=grade[MAD]["doubleValue"],
        examples=int(good[EXAMPLES]["doubleValue"]),
    )
