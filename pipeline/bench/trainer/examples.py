"""Writes many transformed rows, in files as the Transform component writes them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow_transform import TFTransformOutput
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter

from bench.learners import BATCH, Columns, analyze, transform
from bench.many.wines import many_wines

EXAMPLES, GRAPH = "examples", "graph"
_FOLDER = f"{EXAMPLES}/Split-train"


def write_graph(folder: Path, rows: int) -> TFTransformOutput:
    """
    Write the scaling of some wines into :data:`GRAPH`.

    :param folder: to write to.
    :param rows: number of wines.
    """
    return analyze(many_wines(rows).wines, folder)


def write_file(folder: Path, scaling: TFTransformOutput, rows: int, number: int) -> None:
    """
    Write a file of the split `train` into :data:`EXAMPLES`.

    :param folder: to write to.
    :param scaling: of the wines.
    :param rows: number of wines.
    :param number: of the file; each number gives other wines.
    """
    columns = transform(scaling.transform_features_layer(), many_wines(rows, seed=number).wines)
    path = folder / _FOLDER / f"transformed_examples-{number:05}.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    # the fastest compression: most of the time would go into it, and a reader does not notice
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for example in _examples(columns):
            writer.write(example)


def _examples(columns: Columns) -> Iterator[bytes]:
    converter = TensorsToRecordBatchConverter(
        {name: tf.TensorSpec([None, 1], column.dtype) for name, column in columns.items()}
    )
    encoder = RecordBatchToExamplesEncoder()
    for start in range(0, len(next(iter(columns.values()))), BATCH):
        tensors = {name: tf.constant(column[start : start + BATCH]) for name, column in columns.items()}
        yield from encoder.encode(converter.convert(tensors))
