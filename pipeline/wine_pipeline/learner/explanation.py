"""What moved a wine's grade: Shapley values of its measurements, computed in the served graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from wine_pipeline.features import FEATURE_NAMES, GRADE

EXPLAIN_SIGNATURE = "serving_explain"

BASELINE_GRADE = "baseline_grade"
"""Output of the signature: the grade of the average wine, from which the measurements move it."""

# each second order is the reverse of the one before: together they err less than two random ones
_ORDERS = 4
_SEED = 20

Predict = Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]]


class Explanation:
    """
    Explains grades by sampled Shapley values, with the same few orders of the measurements for every wine.

    In each order, one measurement after the other of the average wine is replaced by that of the wine in
    question; a measurement's value is the mean of what its replacement adds to the grade. The values of a
    wine have exactly the sum ``grade`` - ``baseline_grade``.

    Vertex AI's own explanations end on 2027-03-16:
    https://docs.cloud.google.com/vertex-ai/docs/explainable-ai/configuring-explanations-feature-based

    .. seealso:: Mitchell et al. 2022, Sampling Permutations for Shapley Value Estimation,
        https://www.jmlr.org/papers/v23/21-0439.html (the reversed orders)

    :param predict: answers [rows, 1] measurements by name.
    :param average: the average wine, by name.
    """

    def __init__(self, predict: Predict, average: Mapping[str, float]) -> None:
        self._predict = predict
        self._average = np.array([average[name] for name in FEATURE_NAMES], np.float32)
        random = np.random.default_rng(_SEED)
        orders = [random.permutation(len(FEATURE_NAMES)) for _ in range(_ORDERS // 2)]
        # [orders, features]: when each feature is replaced
        turns = np.argsort([*orders, *(order[::-1] for order in orders)], axis=1)
        steps = np.arange(len(FEATURE_NAMES) + 1)
        self._replaced = turns[:, None, :] < steps[None, :, None]
        self._mean = (turns[:, None, :] == steps[None, :-1, None]).astype(np.float32) / _ORDERS

    def explain(self, features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """
        Return the value of each measurement, ``grade`` and ``baseline_grade``, [rows, 1] each.

        :param features: [rows, 1] measurements by name.
        """
        wines = tf.concat([features[name] for name in FEATURE_NAMES], axis=1)
        mixed = tf.where(self._replaced, wines[:, None, None, :], self._average)
        columns = tf.split(tf.reshape(mixed, [-1, len(FEATURE_NAMES)]), len(FEATURE_NAMES), axis=1)
        answers = self._predict(dict(zip(FEATURE_NAMES, columns, strict=True)))
        grades = tf.reshape(answers[GRADE], [-1, *self._replaced.shape[:2]])
        added = tf.reshape(grades[:, :, 1:] - grades[:, :, :-1], [-1, _ORDERS * len(FEATURE_NAMES)])
        values = tf.matmul(added, self._mean.reshape(-1, len(FEATURE_NAMES)))
        named = zip(FEATURE_NAMES, tf.split(values, len(FEATURE_NAMES), axis=1), strict=True)
        return {**dict(named), GRADE: grades[:, 0, -1:], BASELINE_GRADE: grades[:, 0, :1]}
