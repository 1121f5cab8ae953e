"""Scaling of the inputs, done once in Transform and carried inside the served model."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf
import tensorflow_transform as tft

from wine_pipeline.features import FEATURES, GOOD, QUALITY, Feature
from wine_pipeline.learner.derived import LEARNT_NAMES, derive


def preprocessing_fn(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """
    Scale every feature and every derived column to mean 0 and variance 1; pass the labels through.

    :param inputs: one [batch, 1] tensor per column of the query.
    """
    # Beam sums in any order: in double precision the order is lost when rounding to single.
    measured = {feature.name: tf.cast(inputs[feature.name], tf.float64) for feature in FEATURES}
    # Side by side in one tensor: tf.Transform builds its graph and its Beam steps once, not for each column.
    wines = tf.concat([*(_unskewed(measured, feature) for feature in FEATURES), *derive(measured)], axis=1)
    scaled = tf.cast(tft.scale_to_z_score(wines, elementwise=True), tf.float32)
    outputs = dict(zip(LEARNT_NAMES, tf.split(scaled, len(LEARNT_NAMES), axis=1), strict=True))
    outputs[GOOD] = tf.cast(inputs[GOOD], tf.float32)
    outputs[QUALITY] = tf.cast(inputs[QUALITY], tf.float32)
    return outputs


def average_wine(scale: Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]) -> dict[str, float]:
    """
    Return the wine whose scaled measurements are all 0: the mean of the training rows, of the skewed ones
    that of the logarithms.

    :param scale: what :func:`preprocessing_fn` has become by the training rows.
    """
    ends = {feature.name: tf.constant([[feature.minimum], [feature.maximum]]) for feature in FEATURES}
    scaled = scale(ends)
    average = {}
    for feature in FEATURES:
        low, high = _unskewed(ends, feature).numpy()[:, 0].astype(float)
        at_low, at_high = scaled[feature.name].numpy()[:, 0].astype(float)
        # the scaling is linear; a column that it makes constant may have any value
        moved = at_high - at_low
        mean = low - at_low * (high - low) / moved if moved else (low + high) / 2
        average[feature.name] = math.expm1(mean) if feature.skewed else mean
    return average


def _unskewed(measured: dict[str, tf.Tensor], feature: Feature) -> tf.Tensor:
    values = measured[feature.name]
    if feature.skewed:
        # A broken measurement must not become NaN at serving time.
        values = tf.math.log1p(tf.maximum(values, tf.zeros_like(values)))
    return values
