"""Scaling of the inputs, done once in Transform and carried inside the served model."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from wine_pipeline.features import FEATURE_NAMES, FEATURES, GOOD, QUALITY, Feature


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """
    Give every feature mean 0 and variance 1; pass the labels through.

    :param inputs: one [batch, 1] tensor per column of the query.
    """
    # Side by side in one tensor: tf.Transform builds its graph and its Beam steps once, not for each feature.
    wines = tf.concat([_measured(inputs[feature.name], feature) for feature in FEATURES], axis=1)
    scaled = tf.cast(tft.scale_to_z_score(wines, elementwise=True), tf.float32)
    outputs = dict(zip(FEATURE_NAMES, tf.split(scaled, len(FEATURES), axis=1), strict=True))
    outputs[GOOD] = tf.cast(inputs[GOOD], tf.float32)
    outputs[QUALITY] = tf.cast(inputs[QUALITY], tf.float32)
    return outputs


def _measured(column: tf.Tensor, feature: Feature) -> tf.Tensor:
    # Beam sums in any order: in double precision the order is lost when rounding to single.
    values = tf.cast(column, tf.float64)
    if feature.skewed:
        # A broken measurement must not become NaN at serving time.
        values = tf.math.log1p(tf.maximum(values, tf.zeros_like(values)))
    return values
