"""
Export a sample model and its training examples; run by the Python of the pipeline environment.

``sample_model_export.py REQUEST FOLDER``: the file REQUEST is a JSON object with ``rows``, ``label`` and
``outputs`` as :func:`localcloud.testing.sample_model.export_sample_model` takes them.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

# the name that TFX's ExampleGen gives the first file of a split
EXAMPLES = "data_tfrecord-00000-of-00001.gz"


def sample_model(features: list[str], outputs: dict[str, tuple[str, float]]) -> tuple[tf.Module, Any]:
    """Return a model and its signatures."""
    module = tf.Module()

    def answer(columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return {name: columns[feature] / divisor for name, (feature, divisor) in outputs.items()}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(
            tf.io.parse_example(examples, {name: tf.io.FixedLenFeature([1], tf.float32) for name in features})
        )

    @tf.function(
        input_signature=[{name: tf.TensorSpec([None, 1], tf.float32, name=name) for name in features}]
    )
    def serving_raw(columns: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return answer(columns)

    return module, {"serving_default": serving_default, "serving_raw": serving_raw}


def serialized(row: dict[str, float], label: str) -> bytes:
    """Return a row as a tf.Example."""
    features = {}
    for name, value in row.items():
        feature = features[name] = tf.train.Feature()
        if name == label:
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return bytes(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def main(request: Path, folder: Path) -> None:
    """Export what the request asks for."""
    asked = json.loads(request.read_text())
    rows, label = asked["rows"], asked["label"]
    module, signatures = sample_model([name for name in rows[0] if name != label], asked["outputs"])
    tf.saved_model.save(module, str(folder / "model"), signatures=signatures)
    (folder / "Split-train").mkdir()
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    with tf.io.TFRecordWriter(str(folder / "Split-train" / EXAMPLES), options) as writer:
        for row in rows:
            writer.write(serialized(row, label))
    (folder / "example").write_text(base64.b64encode(serialized(rows[0], label)).decode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
