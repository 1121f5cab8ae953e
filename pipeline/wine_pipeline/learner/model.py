"""How a trained model is served: with its scaling inside, through signatures."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow_transform.saved.saved_transform_io_v2 import SavedModelLoader
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE, RAW_SIGNATURE

from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.learner.derived import LEARNT_NAMES
from wine_pipeline.learner.explanation import EXPLAIN_SIGNATURE, Explanation
from wine_pipeline.learner.preprocessing import average_wine


def export_model(
    model: keras.Model, transform_output: tft.TFTransformOutput, path: str, default_signature: str
) -> None:
    """
    Save the model together with its scaling, so that it takes wines as they were measured.

    ``serving_examples`` takes serialized tf.Examples, ``serving_raw`` one number per feature; neither needs
    a label. ``serving_default`` is one of the two. ``serving_explain`` takes what ``serving_raw`` takes.

    The Keras model itself is not saved: a copy of each of its variables would be written
    (``_export_to_saved_model_graph`` in keras/src/backend/tensorflow/core.py), and TensorFlow Serving would
    restore one while the signatures read the other. Saved are the TensorFlow variables that it holds, in the
    model's order. ``keras.export.ExportArchive`` saves these too, but their order changes from run to run.

    .. seealso:: https://github.com/keras-team/keras/issues/19274,
        https://github.com/keras-team/keras/issues/20096 and
        https://github.com/tensorflow/tensorflow/issues/72963

    :param model: from scaled columns to the answers.
    :param transform_output: of the Transform component.
    :param path: folder of the SavedModel.
    :param default_signature: name of the one that a request without a name asks.
    """
    # What the Keras layer of transform_features_layer() calls: to save the layer itself, its functions would
    # be traced once more, and dropped (``default_save_signature`` in tf_keras/src/saving/legacy/saved_model).
    scaling = SavedModelLoader(transform_output.transform_savedmodel_dir)
    # As attributes, the variables, and the tables and constants of the scaling, are tracked and saved.
    saved = tf.Module()
    saved.weights = [weight.value for weight in model.weights]
    saved.scaling = vars(scaling)
    raw_spec = transform_output.raw_feature_spec()
    example_spec = {name: raw_spec[name] for name in FEATURE_NAMES}

    def predict(features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        scaled = scaling.apply_transform_model(features)
        return dict(model({name: scaled[name] for name in LEARNT_NAMES}, training=False))

    # Nothing branches on a tensor: AutoGraph would rewrite the sources of TFT and Keras, and change no node.
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")], autograph=False)
    def serve_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(tf.io.parse_example(examples, example_spec))

    @tf.function(
        input_signature=[{name: tf.TensorSpec([None, 1], tf.float32, name=name) for name in FEATURE_NAMES}],
        autograph=False,
    )
    def serve_raw(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return predict(features)

    explanation = Explanation(predict, average_wine(scaling.apply_transform_model))
    signatures = {
        EXAMPLES_SIGNATURE: serve_examples,
        RAW_SIGNATURE: serve_raw,
        EXPLAIN_SIGNATURE: tf.function(
            explanation.explain, input_signature=serve_raw.input_signature, autograph=False
        ),
    }
    signatures["serving_default"] = signatures[default_signature]
    tf.saved_model.save(saved, path, signatures=signatures)
