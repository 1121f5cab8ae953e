"""
Export small models with the signatures of the wine model; run by the pipeline environment's Python.

``saved_models.py FOLDER`` writes one SavedModel for each entry of MODELS below FOLDER, and prints the
tf.Example of the instance that all of them know, in base64.
"""

from __future__ import annotations

import base64
import shutil
import sys
from pathlib import Path

import tensorflow as tf

FEATURES = ("ph", "alcohol")
INSTANCE = {"ph": 3.53, "alcohol": 13.8}
# what each model answers through serving_raw and through serving_examples: (good, grade)
MODELS = {
    "sound": ((0.9, 6.5), (0.9, 6.5)),
    "other": ((0.8, 6.1), (0.8, 6.1)),
    "disagrees": ((0.9, 6.5), (0.9, 6.4)),
    "impossible": ((1.5, 6.5), (1.5, 6.5)),
    "named": ((0.9, 6.5), (0.9, 6.5)),
    "nan": ((float("nan"), 6.5), (float("nan"), 6.5)),
}
# the models whose serving_default is serving_raw
RAW_BY_DEFAULT = {"named"}
Answer = tuple[float, float]


class Model(tf.Module):
    """Answer the same two numbers for every row, whatever the features."""

    def __init__(self, raw: Answer, examples: Answer) -> None:
        super().__init__()
        self._raw, self._examples = raw, examples

    @tf.function
    def serving_raw(self, **features: tf.Tensor) -> dict[str, tf.Tensor]:
        return answer(self._raw, tf.add_n(list(features.values())))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def serving_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        schema = {name: tf.io.FixedLenFeature([1], tf.float32) for name in FEATURES}
        features = tf.io.parse_example(examples, schema)
        return answer(self._examples, tf.add_n(list(features.values())))


def answer(numbers: Answer, rows: tf.Tensor) -> dict[str, tf.Tensor]:
    return {name: 0.0 * rows + number for name, number in zip(("good", "grade"), numbers, strict=True)}


def export(folder: Path) -> None:
    for name, answers in MODELS.items():
        model = Model(*answers)
        inputs = {feature: tf.TensorSpec([None, 1], tf.float32, feature) for feature in FEATURES}
        signatures = {
            "serving_examples": model.serving_examples,
            "serving_raw": model.serving_raw.get_concrete_function(**inputs),
        }
        default = "serving_raw" if name in RAW_BY_DEFAULT else "serving_examples"
        signatures["serving_default"] = signatures[default]
        tf.saved_model.save(model, str(folder / name), signatures=signatures)
        # a prebuilt container reads the one, TensorFlow Serving the other
        shutil.copytree(folder / name, folder / name / "1", ignore=shutil.ignore_patterns("1"))


def example() -> str:
    features = {
        name: tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        for name, value in INSTANCE.items()
    }
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return base64.b64encode(message.SerializeToString()).decode()


if __name__ == "__main__":
    export(Path(sys.argv[1]))
    print(example())
