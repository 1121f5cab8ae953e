"""What the served model's grades depend on: the permutation importance of each feature."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from tfx.types import standard_artifacts
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE

from wine_pipeline.evaluation.eval_split import read_batches
from wine_pipeline.features import FEATURE_NAMES, GRADE, QUALITY
from wine_pipeline.model_card.predictions import MAX_ROWS
from wine_pipeline.vertex.served_model import ServedModel

# The model is asked once for each feature and row: a thousand answers in less than a second.
SAMPLE_ROWS = 100
_SEED = 20


@dataclass(frozen=True)
class Importance:
    """
    What happens if a feature has the values of other wines.

    :param name: of the feature.
    :param shift: mean of the absolute difference of ``grade``, in grades.
    :param mad_rise: by how much the mean absolute deviation of ``grade`` rises, in grades.
    :param standard_error: of that.
    """

    name: str
    shift: float
    mad_rise: float
    standard_error: float


def measure_importance(
    model: ServedModel, examples: standard_artifacts.Examples, max_rows: int = MAX_ROWS
) -> list[Importance]:
    """
    Permute each feature in a sample of the split eval, and return the importances, largest shift first.

    The same rows give the same sample, in whatever order they come.

    .. seealso:: https://scikit-learn.org/stable/modules/permutation_importance.html

    :param model: to ask.
    :param examples: as measured, not transformed.
    :param max_rows: of the split that the sample is taken from.
    """
    wines, quality = _sample(examples, max_rows)
    rows = len(quality)
    # first the wines as they are, then once for each feature
    asked = np.tile(wines, (1 + len(FEATURE_NAMES), 1, 1))
    random = np.random.default_rng(_SEED)
    for number in range(len(FEATURE_NAMES)):
        asked[1 + number, :, number] = random.permutation(wines[:, number])
    # through the signature that the card asks anyway: the first request to another one takes seconds
    serialized = [_serialize(wine) for wine in asked.reshape(-1, len(FEATURE_NAMES)).tolist()]
    answers = model.ask(EXAMPLES_SIGNATURE, {"examples": np.array(serialized, object)})
    grades = answers[GRADE].astype(np.float64).reshape(-1, rows)
    errors = np.abs(grades - quality)
    found = []
    for name, permuted, error in zip(FEATURE_NAMES, grades[1:], errors[1:], strict=True):
        rises = error - errors[0]
        shift = float(np.abs(permuted - grades[0]).mean())
        found.append(Importance(name, shift, float(rises.mean()), float(rises.std() / rows**0.5)))
    return sorted(found, key=lambda importance: (-importance.shift, importance.name))


def _sample(examples: standard_artifacts.Examples, max_rows: int) -> tuple[np.ndarray, np.ndarray]:
    found: dict[bytes, tuple[np.ndarray, int]] = {}
    types = {name: tf.float32 for name in FEATURE_NAMES} | {QUALITY: tf.int64}
    for serialized, values in read_batches(examples, types, max_rows):
        wines = np.stack([values[name] for name in FEATURE_NAMES], axis=1)
        keys = [hashlib.blake2b(row, digest_size=16).digest() for row in serialized]
        found |= zip(keys, zip(wines, values[QUALITY], strict=True), strict=True)
        found = {key: found[key] for key in sorted(found)[:SAMPLE_ROWS]}
    return np.stack([wine for wine, _ in found.values()]), np.array([grade for _, grade in found.values()])


def _serialize(wine: Sequence[float]) -> bytes:
    example = tf.train.Example()
    for name, value in zip(FEATURE_NAMES, wine, strict=True):
        example.features.feature[name].float_list.value.append(value)
    return example.SerializeToString()
