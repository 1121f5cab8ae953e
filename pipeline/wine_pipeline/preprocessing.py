"""Scaling of the inputs, done once in Transform and carried inside the served model."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_transform as tft

from wine_pipeline.features import FEATURES, GOOD, QUALITY


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """
    Give every feature mean 0 and variance 1; pass the labels through.

    :param inputs: one [batch, 1] tensor per column of the query.
    """
    outputs = {}
    for feature in FEATURES:
        # Beam sums in any order: in double precision the order is lost when rounding to single.
        values = tf.cast(inputs[feature.name], tf.float64)
        if feature.skewed:
            # A broken measurement must not become NaN at serving time.
            values = tf.math.log1p(tf.maximum(values, tf.zeros_like(values)))
        outputs[feature.name] = tf.cast(tft.scale_to_z_score(values), tf.float32)
    outputs[GOOD] = tf.cast(inputs[GOOD], tf.float32)
    outputs[QUALITY] = tf.cast(inputs[QUALITY], tf.float32)
    return outputs
