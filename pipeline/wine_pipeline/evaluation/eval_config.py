"""When a model is good enough to be served: the metrics and thresholds of the Evaluator."""

from __future__ import annotations

import tensorflow_model_analysis as tfma
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE

from wine_pipeline.config import EvaluationConfig
from wine_pipeline.features import GOOD, GRADE, QUALITY

AUC = "auc"
ACCURACY = "binary_accuracy"
MAD = "mean_absolute_error"
EXAMPLES = "example_count"


def build_eval_config(config: EvaluationConfig) -> tfma.EvalConfig:
    """
    Return the metrics of both outputs, and what they must reach.

    A candidate is measured against fixed bounds, and its AUC against that of a baseline on the same rows: the
    champion, or what always says the majority. Rows are split by their hash, so no champion learnt from a row
    of `eval`. The MADs of both are compared by :mod:`wine_pipeline.evaluation.paired_test`.

    :param config: the thresholds.
    """
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(signature_name=EXAMPLES_SIGNATURE, label_keys={GOOD: GOOD, GRADE: QUALITY})
        ],
        slicing_specs=[tfma.SlicingSpec()],
        metrics_specs=[
            tfma.MetricsSpec(
                output_names=[GOOD],
                metrics=[
                    tfma.MetricConfig(class_name="ExampleCount"),
                    _metric("AUC", AUC, _at_least(config.min_auc, config.max_auc_loss)),
                    _metric("BinaryAccuracy", ACCURACY, _at_least(config.min_accuracy)),
                ],
            ),
            tfma.MetricsSpec(
                output_names=[GRADE],
                metrics=[_metric("MeanAbsoluteError", MAD, _at_most(config.max_mad))],
            ),
        ],
    )


def _metric(class_name: str, name: str, threshold: tfma.MetricThreshold) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=class_name, config=f'{{"name": "{name}"}}', threshold=threshold)


def _at_least(bound: float, loss: float | None = None) -> tfma.MetricThreshold:
    threshold = tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(lower_bound={"value": bound}))
    if loss is not None:
        threshold.change_threshold.direction = tfma.MetricDirection.HIGHER_IS_BETTER
        threshold.change_threshold.absolute.value = -loss
    return threshold


def _at_most(bound: float) -> tfma.MetricThreshold:
    return tfma.MetricThreshold(value_threshold=tfma.GenericValueThreshold(upper_bound={"value": bound}))
