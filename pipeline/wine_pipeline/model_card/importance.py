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

# The model is asked once for each feature and row: all of UCI's rows, and of millions as long as of these.
SAMPLE_ROWS = 2_000
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


@dataclass(frozen=True)
class Importances:
    """
    What the grades depend on.

    :param wines: that were asked about, no two of them equal; at most :data:`SAMPLE_ROWS`.
    :param features: the largest shift first.
    """

    wines: int
    features: list[Importance]


def measure_importance(
    model: ServedModel, examples: standard_artifacts.Examples, max_rows: int = MAX_ROWS
) -> Importances:
    """
    Permute each feature in the split eval.

    A wine that has copies counts once: a copy would not give it other values. Of more than
    :data:`SAMPLE_ROWS` wines a sample is taken, the same one in whatever order the rows come.

    .. seealso:: https://scikit-learn.org/stable/modules/permutation_importance.html

    :param model: to ask.
    :param examples: as measured, not transformed.
    :param max_rows: of the split that the sample is taken from.
    """
    wines, quality = _sample(examples, max_rows)
    grades = _grades(model, wines)
    random = np.random.default_rng(_SEED)
    found = []
    for number, name in enumerate(FEATURE_NAMES):
        permuted = wines.copy()
        permuted[:, number] = random.permutation(wines[:, number])
        moved = _grades(model, permuted)
        rises = np.abs(moved - quality) - np.abs(grades - quality)
        shift = float(np.abs(moved - grades).mean())
        found.append(Importance(name, shift, float(rises.mean()), float(rises.std() / len(rises) ** 0.5)))
    found.sort(key=lambda importance: (-importance.shift, importance.name))
    return Importances(len(wines), found)


def _grades(model: ServedModel, wines: np.ndarray) -> np.ndarray:
    # through the signature that the card asks anyway: the first request to another one takes seconds
    serialized = [_serialize(wine) for wine in wines.tolist()]
    answers = model.ask(EXAMPLES_SIGNATURE, {"examples": np.array(serialized, object)})
    return answers[GRADE].reshape(-1).astype(np.float64)


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
