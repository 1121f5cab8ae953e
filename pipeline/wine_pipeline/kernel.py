"""The head for few rows: kernel ridge regression on the grades, solved in one step, no training loop."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.grades import Answers, Grades, feature_inputs


def fit_kernel(
    config: TrainingConfig, features: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> keras.Model:
    """
    Return a model that compares a wine with every training row.

    Time grows with the cube of the rows, memory with their square.

    :param config: length and ridge of the kernel.
    :param features: [rows, 1] per feature, scaled.
    :param labels: [rows, 1] per output of the model.
    """
    rows = np.concatenate([features[name] for name in FEATURE_NAMES], axis=1)
    grades = Grades.of(labels)
    occurs = np.eye(len(grades.values))[grades.indices(labels)]
    similar = laplace(tf.constant(rows, tf.float64), rows, config.kernel_length)
    similar = tf.linalg.set_diag(similar, tf.linalg.diag_part(similar) + config.kernel_ridge)
    weights = tf.linalg.cholesky_solve(tf.linalg.cholesky(similar), occurs - grades.shares)
    inputs = feature_inputs()
    wine = keras.layers.Concatenate()([inputs[name] for name in FEATURE_NAMES])
    head = KernelHead(rows, weights.numpy(), grades.shares, config.kernel_length)
    return keras.Model(inputs=inputs, outputs=Answers(grades)(head(wine)))


def laplace(wines: tf.Tensor, rows: tf.Tensor, length: float) -> tf.Tensor:
    """
    Return how similar each wine is to each row: exp(-distance / length).

    :param wines: [wines, features].
    :param rows: [rows, features].
    :param length: distance at which the similarity has fallen to 1/e.
    """
    # In double precision: the difference of the squares cancels all digits of near rows.
    wines, rows = ops.cast(wines, "float64"), ops.cast(rows, "float64")
    squares = ops.sum(wines**2, axis=1)[:, None] + ops.sum(rows**2, axis=1)[None, :]
    squares -= 2 * ops.matmul(wines, ops.transpose(rows))
    return ops.exp(-ops.sqrt(ops.maximum(squares, 0.0)) / length)


class KernelHead(keras.layers.Layer):
    """
    Gives the shares of the grades among all rows, moved towards those of similar rows.

    :param rows: [rows, features] scaled training rows.
    :param weights: [rows, grades] what a row adds for each grade.
    :param shares: [grades] of all rows.
    :param length: of the kernel.
    """

    def __init__(self, rows: np.ndarray, weights: np.ndarray, shares: np.ndarray, length: float) -> None:
        super().__init__(name="kernel", trainable=False)
        self._rows = self._constant("rows", rows)
        self._weights = self._constant("weights", weights)
        self._shares = self._constant("shares", shares)
        self._length = length

    def call(self, wines: keras.KerasTensor) -> keras.KerasTensor:
        """
        Return the probabilities of the grades, [wines, grades].

        :param wines: [wines, features], scaled.
        """
        similar = ops.cast(laplace(wines, self._rows, self._length), "float32")
        # Each row's weights have sum 0: before the negative ones are cut, a wine's values have sum 1.
        values = ops.maximum(self._shares + ops.matmul(similar, self._weights), 0.0)
        return values / ops.sum(values, axis=1, keepdims=True)

    def _constant(self, name: str, value: np.ndarray) -> keras.Variable:
        variable = self.add_weight(name=name, shape=value.shape, initializer="zeros", trainable=False)
        variable.assign(value.astype(np.float32))
        return variable
