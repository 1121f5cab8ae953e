"""Reads the rows of the split eval, or of others, in batches, for whoever asks a model about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tfx.types import artifact_utils, standard_artifacts

EVAL_SPLIT = "eval"
_BATCH = 4096


def read_batches(
    examples: standard_artifacts.Examples,
    columns: Mapping[str, Any],
    max_rows: int | None = None,
    splits: Sequence[str] = (EVAL_SPLIT,),
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """
    Yield serialized tf.Examples, [rows] bytes, and the values of some of their columns, [rows] each.

    :param examples: as measured, not transformed.
    :param columns: TensorFlow's type by name; each has one value in every row.
    :param max_rows: after which it stops; None for all.
    :param splits: names of the splits to read.
    """
    folders = [artifact_utils.get_split_uri([examples], split) for split in splits]
    files = [file for folder in folders for file in sorted(tf.io.gfile.glob(f"{folder}/*"))]
    spec = {name: tf.io.FixedLenFeature([], dtype) for name, dtype in columns.items()}
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").take(
        -1 if max_rows is None else max_rows
    )
    for serialized in records.batch(_BATCH):
        parsed = tf.io.parse_example(serialized, spec)
        yield serialized.numpy(), {name: values.numpy() for name, values in parsed.items()}
