"""The network: one trunk, one head for `good`, one for the grade, and how the two are served."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf
import tensorflow_transform as tft

from wine_pipeline.config import EXAMPLES_SIGNATURE, RAW_SIGNATURE, TrainingConfig
from wine_pipeline.features import FEATURE_NAMES, GOOD, GRADE


def build_model(config: TrainingConfig, steps_per_epoch: int, mean_quality: float) -> keras.Model:
    """
    Return the compiled, untrained network over the scaled features.

    :param config: widths, depths and rates.
    :param steps_per_epoch: gradient steps in one pass, which the learning rate's decay needs.
    :param mean_quality: of the training rows: where the grade starts, so that training needn't find it.
    """
    inputs = {name: keras.Input(shape=(1,), name=name) for name in FEATURE_NAMES}
    hidden = keras.layers.Concatenate()([inputs[name] for name in FEATURE_NAMES])
    for _ in range(config.layers):
        hidden = keras.layers.Dense(config.hidden_units, activation="relu")(hidden)
        hidden = keras.layers.Dropout(config.dropout)(hidden)
    outputs = {
        GOOD: keras.layers.Dense(1, activation="sigmoid", name=GOOD)(hidden),
        GRADE: keras.layers.Dense(1, name=GRADE, bias_initializer=keras.initializers.Constant(mean_quality))(
            hidden
        ),
    }
    model = keras.Model(inputs=inputs, outputs=outputs)
    decay = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.epochs * steps_per_epoch)
    model.compile(
        optimizer=keras.optimizers.AdamW(decay, weight_decay=config.weight_decay),
        loss={GOOD: keras.losses.BinaryCrossentropy(), GRADE: keras.losses.MeanAbsoluteError()},
        metrics={GOOD: [keras.metrics.AUC(name="auc")], GRADE: [keras.metrics.MeanAbsoluteError(name="mad")]},
        # A step takes less time than the way from Python to TensorFlow and back.
        steps_per_execution=steps_per_epoch,
    )
    return model


def export_model(
    model: keras.Model, transform_output: tft.TFTransformOutput, path: str, default_signature: str
) -> None:
    """
    Save the network together with its scaling, so that it takes wines as they were measured.

    ``serving_examples`` takes serialized tf.Examples, ``serving_raw`` one number per feature; neither needs
    a label. ``serving_default`` is one of the two.

    :param model: the trained network.
    :param transform_output: of the Transform component.
    :param path: folder of the SavedModel.
    :param default_signature: name of the one that a request without a name asks.
    """
    # As an attribute, its tables and constants are tracked and saved with the model.
    model.tft_layer = transform_output.transform_features_layer()
    raw_spec = transform_output.raw_feature_spec()
    example_spec = {name: raw_spec[name] for name in FEATURE_NAMES}

    def predict(features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        scaled = model.tft_layer(dict(features))
        outputs = model({name: scaled[name] for name in FEATURE_NAMES}, training=False)
        return {GOOD: outputs[GOOD], GRADE: outputs[GRADE]}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(tf.io.parse_example(examples, example_spec))

    @tf.function(
        input_signature=[{name: tf.TensorSpec([None, 1], tf.float32, name=name) for name in FEATURE_NAMES}]
    )
    def serve_raw(features: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        return predict(features)

    signatures = {EXAMPLES_SIGNATURE: serve_examples, RAW_SIGNATURE: serve_raw}
    signatures["serving_default"] = signatures[default_signature]
    tf.saved_model.save(model, path, signatures=signatures)
