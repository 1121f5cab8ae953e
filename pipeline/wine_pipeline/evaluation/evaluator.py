"""The Evaluator whose blessing needs a paired test; TFX's own compares two means without their errors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging  # type: ignore[import-not-found]
from tfx import types
from tfx.components.evaluator import constants, executor
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts, standard_component_specs
from tfx.types.component_spec import ExecutionParameter
from tfx.utils import io_utils, path_utils
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE

from wine_pipeline.config import EvaluationConfig
from wine_pipeline.evaluation.eval_config import build_eval_config
from wine_pipeline.evaluation.eval_split import EVAL_SPLIT, read_batches
from wine_pipeline.evaluation.majority import NoRowsError
from wine_pipeline.evaluation.paired_test import Pair, run_paired_test
from wine_pipeline.evaluation.verdict import write_paired_test
from wine_pipeline.features import GOOD, GRADE, QUALITY
from wine_pipeline.vertex.served_model import ServedModel

_THRESHOLDS = "thresholds"
_DIGEST_BYTES = 16

Artifacts = Mapping[str, list[types.Artifact]]


class PairedEvaluatorSpec(standard_component_specs.EvaluatorSpec):
    """What a PairedEvaluator is made of: an Evaluator's parts, and an EvaluationConfig as JSON."""

    PARAMETERS = {  # noqa: RUF012 (TFX reads the class attribute)
        **standard_component_specs.EvaluatorSpec.PARAMETERS,
        _THRESHOLDS: ExecutionParameter(type=str),
    }


class Executor(executor.Executor):
    """Evaluate with TFMA, and withdraw the blessing unless the paired test supports it."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """
        Write the evaluation, the paired test and the blessing.

        :param input_dict: ``examples``, ``model`` and ``baseline_model``.
        :param output_dict: ``evaluation`` and ``blessing``.
        :param exec_properties: the parameters of the component's specification.
        :raises NoRowsError: if there is nothing to measure.
        """
        config = EvaluationConfig(**json.loads(exec_properties[_THRESHOLDS]))
        candidate, baseline = (
            _served(artifact_utils.get_single_instance(input_dict[name]))
            for name in (standard_component_specs.MODEL_KEY, standard_component_specs.BASELINE_MODEL_KEY)
        )
        examples = artifact_utils.get_single_instance(input_dict[standard_component_specs.EXAMPLES_KEY])
        # as the executor of TFX reads them
        splits = json.loads(exec_properties[standard_component_specs.EXAMPLE_SPLITS_KEY]) or [EVAL_SPLIT]
        pairs = ask_pairs(examples, candidate, baseline, splits)
        if not pairs:
            raise NoRowsError(f"the split {' and '.join(splits)} has no rows: the query returned too few")
        test = run_paired_test(pairs, config.confidence)
        logging.info("%s", test)
        super().Do(input_dict, output_dict, exec_properties)
        evaluation = artifact_utils.get_single_instance(output_dict[standard_component_specs.EVALUATION_KEY])
        write_paired_test(evaluation.uri, test, config)
        if test.not_judged_because(config) or test.refused_because(config, "baseline"):
            _withdraw(artifact_utils.get_single_instance(output_dict[standard_component_specs.BLESSING_KEY]))


class PairedEvaluator(base_beam_component.BaseBeamComponent):
    """
    Evaluate a model next to a baseline, and bless it only if a paired test on the same rows supports that.

    Component ``outputs`` contains:
     - ``evaluation``: Channel of type ``standard_artifacts.ModelEvaluation``; it has TFMA's files and
       the paired test.
     - ``blessing``: Channel of type ``standard_artifacts.ModelBlessing``.
    """

    SPEC_CLASS = PairedEvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel,
        config: EvaluationConfig,
        example_splits: Sequence[str] = (EVAL_SPLIT,),
    ) -> None:
        """
        :param examples: have the splits.
        :param model: to judge.
        :param baseline_model: of a BaselineModel.
        :param config: what the model must reach.
        :param example_splits: names of the splits that judge the model.
        """
        spec = PairedEvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            eval_config=build_eval_config(config),
            thresholds=json.dumps(asdict(config)),
            example_splits=json.dumps(list(example_splits)),
            # what the executor of TFX reads as JSON: the default
            fairness_indicator_thresholds="null",
            evaluation=types.Channel(type=standard_artifacts.ModelEvaluation),
            blessing=types.Channel(type=standard_artifacts.ModelBlessing),
        )
        super().__init__(spec=spec)


def ask_pairs(
    examples: standard_artifacts.Examples,
    candidate: ServedModel,
    baseline: ServedModel,
    splits: Sequence[str] = (EVAL_SPLIT,),
) -> list[Pair]:
    """
    Predict the rows of some splits with two models.

    :param examples: as measured, not transformed.
    :param candidate: the new model.
    :param baseline: what it is compared with.
    :param splits: names of the splits.
    :return: a pair for each distinct row, in an order that depends on the rows alone.
    """
    pairs: dict[bytes, Pair] = {}
    for serialized, columns in read_batches(examples, {QUALITY: tf.int64, GOOD: tf.int64}, splits=splits):
        ours, others = (_errors(model, serialized, columns[QUALITY]) for model in (candidate, baseline))
        for row, difference, good in zip(serialized, (ours - others).tolist(), columns[GOOD], strict=True):
            # ExampleGen serializes equal rows to equal bytes
            key = hashlib.blake2b(row, digest_size=_DIGEST_BYTES).digest()
            seen = pairs.get(key)
            pairs[key] = Pair(difference, seen.copies + 1 if seen else 1, bool(good))
    return [pairs[key] for key in sorted(pairs)]


def _errors(model: ServedModel, serialized: np.ndarray, quality: np.ndarray) -> np.ndarray:
    answers = model.ask(EXAMPLES_SIGNATURE, {"examples": serialized})
    return np.abs(answers[GRADE].reshape(-1).astype(np.float64) - quality)


def _served(model: types.Artifact) -> ServedModel:
    return ServedModel(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))


def _withdraw(blessing: types.Artifact) -> None:
    blessed = f"{blessing.uri}/{constants.BLESSED_FILE_NAME}"
    if fileio.exists(blessed):
        fileio.remove(blessed)
    io_utils.write_string_file(f"{blessing.uri}/{constants.NOT_BLESSED_FILE_NAME}", "")
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BLESSED_KEY, constants.NOT_BLESSED_VALUE)
