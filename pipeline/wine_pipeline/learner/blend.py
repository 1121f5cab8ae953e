"""The model: the mean of what a kernel and trees say."""

from __future__ import annotations

import keras
import numpy as np

from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.learner.derived import DERIVED_NAMES, LEARNT_NAMES
from wine_pipeline.learner.grades import Answers, Grades, feature_inputs
from wine_pipeline.learner.kernel import solve_kernel
from wine_pipeline.learner.trees import grow_trees


def fit_blend(
    config: TrainingConfig, features: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> keras.Model:
    """
    Return a model that answers from the mean of two distributions over the grades.

    The two err on different wines: the kernel is smooth, the trees are not.

    :param config: the settings of both, and the weight of the derived columns.
    :param features: [rows, 1] per column that Transform writes, scaled.
    :param labels: [rows, 1] per output of the model.
    """
    weights = [1.0] * len(FEATURE_NAMES) + [config.derived_weight] * len(DERIVED_NAMES)
    rows = np.concatenate([features[name] for name in LEARNT_NAMES], axis=1) * np.array(weights, np.float32)
    grades = Grades.of(labels)
    indices = grades.indices(labels)
    kernel, trees = solve_kernel(config, rows, grades, indices), grow_trees(config, rows, indices)
    inputs = feature_inputs()
    wine = keras.layers.Concatenate()([inputs[name] for name in LEARNT_NAMES])
    wine = keras.layers.Rescaling(weights)(wine)
    mean = keras.layers.Average()([kernel(wine), trees(wine)])
    return keras.Model(inputs=inputs, outputs=Answers(grades)(mean))
