"""The model that knows nothing of a wine: it always says what most of them are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE, RAW_SIGNATURE

from wine_pipeline.features import FEATURE_NAMES, GOOD, GRADE, QUALITY

_READ_BATCH = 4096
_LABELS = {name: tf.io.FixedLenFeature([], tf.int64) for name in (QUALITY, GOOD)}


class NoRowsError(ValueError):
    """There are no examples, so nothing is the majority."""


@dataclass(frozen=True)
class Majority:
    """
    What most wines are.

    :param good: 1.0 if more of them are good than not, else 0.0.
    :param grade: the most frequent one; of several the lowest.
    """

    good: float
    grade: float


def count_majority(pattern: str) -> Majority:
    """
    Return the majority of a split.

    :param pattern: of its gzipped TFRecord files, local or gs://.
    :raises NoRowsError: if it has no rows.
    """
    files = tf.io.gfile.glob(pattern)
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_READ_BATCH)
    grades: dict[int, int] = {}
    rows = good = 0
    for batch in records.map(lambda examples: tf.io.parse_example(examples, _LABELS)).as_numpy_iterator():
        for grade, count in zip(*np.unique(batch[QUALITY], return_counts=True), strict=True):
            grades[int(grade)] = grades.get(int(grade), 0) + int(count)
        rows += len(batch[GOOD])
        good += int(batch[GOOD].sum())
    if not rows:
        raise NoRowsError(f"no rows in {pattern}: the query returned too few")
    return Majority(
        good=float(2 * good > rows), grade=float(min(grades, key=lambda grade: (-grades[grade], grade)))
    )


def export_majority(majority: Majority, path: str) -> None:
    """
    Save the model with the signatures that a trained one has; it answers no interval.

    :param majority: its answers.
    :param path: folder of the SavedModel, local or gs://.
    """

    def answer(rows: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            name: tf.fill([tf.shape(rows)[0], 1], value)
            for name, value in ((GOOD, majority.good), (GRADE, majority.grade))
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")], autograph=False)
    def serve_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(examples)

    @tf.function(
        input_signature=[{name: tf.TensorSpec([None, 1], tf.float32, name=name) for name in FEATURE_NAMES}],
        autograph=False,
    )
    def serve_raw(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return answer(features[FEATURE_NAMES[0]])

    signatures = {EXAMPLES_SIGNATURE: serve_examples, RAW_SIGNATURE: serve_raw}
    tf.saved_model.save(tf.Module(), path, signatures=signatures | {"serving_default": serve_examples})
