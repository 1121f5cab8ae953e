"""Reads why the Evaluator did not bless a model."""

from __future__ import annotations

import tensorflow_model_analysis as tfma


def read_reason(uri: str, baseline: str) -> str:
    """
    Return one line that names each metric which missed its threshold; empty if none did.

    :param uri: folder of a tfx.ModelEvaluation artifact, local or gs://.
    :param baseline: what the model was compared with, in a word.
    """
    result = tfma.load_validation_result(uri)
    if result.validation_ok:
        return ""
    causes = [
        _cause(failure, baseline)
        for of_slice in result.metric_validations_per_slice
        for failure in of_slice.failures
    ]
    return "; ".join(sorted(set(causes))) or "the evaluation has no figures to judge by"


def _cause(failure: tfma.proto.validation_result_pb2.ValidationFailure, baseline: str) -> str:
    key, threshold = failure.metric_key, failure.metric_threshold
    name = f"{key.name} of {key.output_name}" if key.output_name else key.name
    bounds = threshold.value_threshold
    limit = (
        f"at most {bounds.upper_bound.value:g}"
        if bounds.HasField("upper_bound")
        else f"at least {bounds.lower_bound.value:g}"
    )
    value = failure.metric_value.double_value.value
    if key.is_diff or threshold.HasField("change_threshold"):
        change = threshold.change_threshold.absolute.value
        return f"{name} is {value:+.4g} beside the {baseline}'s, allowed is {change:+g}"
    return f"{name} is {value:.4g}, must be {limit}"
