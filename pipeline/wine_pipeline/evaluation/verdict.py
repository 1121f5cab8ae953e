"""Reads what became of a model in the Evaluator, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import tensorflow as tf
import tensorflow_model_analysis as tfma
from vertex_mlops.contract.reported import BLESSED, NOT_BLESSED, NOT_JUDGED

from wine_pipeline.config import EvaluationConfig
from wine_pipeline.evaluation.paired_test import PairedTest

_FILE = "paired_test.json"


class NoPairedTestError(LookupError):
    """The evaluation has no paired test, so there is no verdict."""


@dataclass(frozen=True)
class Verdict:
    """
    What became of a model.

    :param name: ``blessed``, ``not blessed``, or ``not judged`` if the rows allow neither.
    :param reason: one line that says why it is not blessed; empty if it is.
    :param evidence: one line on the paired test; empty if there were too few rows for it.
    :param config: what the model had to reach.
    """

    name: str
    reason: str
    evidence: str
    config: EvaluationConfig


def write_paired_test(uri: str, test: PairedTest, config: EvaluationConfig) -> None:
    """
    Write a paired test next to TFMA's output.

    :param uri: folder of a tfx.ModelEvaluation artifact, local or gs://.
    :param test: its result.
    :param config: what it is judged by.
    """
    with tf.io.gfile.GFile(f"{uri}/{_FILE}", "w") as file:
        file.write(json.dumps({"test": asdict(test), "config": asdict(config)}))


def read_verdict(uri: str, baseline: str) -> Verdict:
    """
    Return the verdict, with each metric that missed its threshold.

    :param uri: folder of a tfx.ModelEvaluation artifact, local or gs://.
    :param baseline: what the model was compared with, in a word.
    :raises NoPairedTestError: if the Evaluator made none.
    """
    test, config = _read_paired_test(uri)
    evidence = test.evidence(config, baseline)
    if reason := test.not_judged_because(config):
        return Verdict(NOT_JUDGED, reason, evidence, config)
    causes = _missed(uri, baseline)
    if reason := test.refused_because(config, baseline):
        causes.append(reason)
    return Verdict(NOT_BLESSED if causes else BLESSED, "; ".join(causes), evidence, config)


def _read_paired_test(uri: str) -> tuple[PairedTest, EvaluationConfig]:
    if not tf.io.gfile.exists(f"{uri}/{_FILE}"):
        raise NoPairedTestError(f"no {_FILE} in {uri}: what evaluated the model made no paired test")
    with tf.io.gfile.GFile(f"{uri}/{_FILE}") as file:
        found = json.load(file)
    return PairedTest(**found["test"]), EvaluationConfig(**found["config"])


def _missed(uri: str, baseline: str) -> list[str]:
    result = tfma.load_validation_result(uri)
    if result.validation_ok:
        return []
    causes = {
        _cause(failure, baseline)
        for of_slice in result.metric_validations_per_slice
        for failure in of_slice.failures
    }
    return sorted(causes) or ["the evaluation has no metrics"]


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
        return f"{name} is {value:+.4g} compared with the {baseline}'s, allowed is {change:+g}"
    return f"{name} is {value:.4g}, must be {limit}"
