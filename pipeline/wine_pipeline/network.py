"""The head for many rows: an ensemble of small networks, trained together."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.grades import Answers, Grades, feature_inputs


def fit_network(
    config: TrainingConfig, features: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> keras.Model:
    """
    Return the trained ensemble.

    The number of epochs is fixed and the learning rate falls to zero: no rows are kept back to stop by.

    :param config: widths, depths and rates.
    :param features: [rows, 1] per feature, scaled.
    :param labels: [rows, 1] per output of the model.
    """
    grades = Grades.of(labels)
    indices = grades.indices(labels)
    steps = -(-len(indices) // config.batch_size)
    network, model = build_network(config, grades, steps)
    rows = tf.data.Dataset.from_tensor_slices((features, indices))
    rows = rows.shuffle(len(indices), seed=config.seed, reshuffle_each_iteration=True)
    network.fit(
        rows.batch(config.batch_size).prefetch(1),
        epochs=config.epochs,
        shuffle=False,  # the dataset does, from the seed
        verbose=2,
    )
    return model


def build_network(
    config: TrainingConfig, grades: Grades, steps_per_epoch: int
) -> tuple[keras.Model, keras.Model]:
    """
    Return what is trained, with one opinion per member, and what is served, with the mean of them.

    :param config: widths, depths and rates.
    :param grades: the grades to tell apart.
    :param steps_per_epoch: gradient steps in one pass, which the learning rate's decay needs.
    """
    inputs = feature_inputs()
    wine = keras.layers.Concatenate()([inputs[name] for name in FEATURE_NAMES])
    periods = keras.layers.Flatten()(PeriodicEmbedding(config.embedding, config.seed)(wine))
    hidden = keras.layers.Concatenate()([wine, periods])
    for layer in range(config.layers):
        hidden = _member_layer(config, hidden, config.hidden_units, layer, "relu")
        hidden = keras.layers.Dropout(config.dropout, seed=config.seed + layer)(hidden)
    logits = _member_layer(config, hidden, len(grades.values), config.layers, None)
    network = keras.Model(inputs=inputs, outputs=logits)
    decay = keras.optimizers.schedules.CosineDecay(config.learning_rate, config.epochs * steps_per_epoch)
    network.compile(
        optimizer=keras.optimizers.AdamW(decay, weight_decay=config.weight_decay),
        loss=_members_loss,
        # A step takes less time than the way from Python to TensorFlow and back.
        steps_per_execution=steps_per_epoch,
    )
    probabilities = ops.mean(ops.softmax(logits, axis=-1), axis=1)
    return network, keras.Model(inputs=inputs, outputs=Answers(grades)(probabilities))


def _member_layer(
    config: TrainingConfig, inputs: keras.KerasTensor, units: int, number: int, activation: str | None
) -> keras.KerasTensor:
    """Add one dense layer with weights of its own for each member."""
    members, width = config.members, inputs.shape[-1]
    layer = keras.layers.EinsumDense(
        "bi,mio->bmo" if len(inputs.shape) == 2 else "bmi,mio->bmo",
        output_shape=(members, units),
        bias_axes="mo",
        activation=activation,
        # Keras would take the members for further inputs and start too small.
        kernel_initializer=keras.initializers.RandomNormal(
            stddev=math.sqrt(2 / width), seed=config.seed + number
        ),
    )
    return layer(inputs)


def _members_loss(indices: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Mean over the members of each one's own cross entropy: an ensemble whose members differ."""
    indices = ops.broadcast_to(ops.reshape(indices, (-1, 1)), ops.shape(logits)[:2])
    return ops.mean(ops.sparse_categorical_crossentropy(indices, logits, from_logits=True), axis=1)


class PeriodicEmbedding(keras.layers.Layer):
    """
    Gives each feature sines and cosines of learnt frequencies, and mixes them: a network sees steps in it.

    .. seealso:: Gorishniy et al. 2022, On Embeddings for Numerical Features in Tabular Deep Learning

    :param size: numbers per feature.
    :param seed: of the first frequencies and weights.
    """

    def __init__(self, size: int, seed: int) -> None:
        super().__init__(name="periods")
        self._size = size
        self._seed = seed

    def build(self, shape: tuple[int | None, int]) -> None:
        """
        Make the weights.

        :param shape: of the input: rows, features.
        """
        features = shape[1]
        normal = keras.initializers.RandomNormal
        self._frequencies = self.add_weight(
            name="frequencies", shape=(features, self._size), initializer=normal(stddev=0.5, seed=self._seed)
        )
        self._mix = self.add_weight(
            name="mix",
            shape=(features, 2 * self._size, self._size),
            initializer=normal(stddev=1 / math.sqrt(self._size), seed=self._seed + 1),
        )
        self._bias = self.add_weight(name="bias", shape=(features, self._size), initializer="zeros")

    def call(self, wine: keras.KerasTensor) -> keras.KerasTensor:
        """
        Return [rows, features, size].

        :param wine: [rows, features], scaled.
        """
        angles = 2 * math.pi * self._frequencies * ops.expand_dims(wine, -1)
        waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)
        return ops.relu(ops.einsum("bfw,fws->bfs", waves, self._mix) + self._bias)
