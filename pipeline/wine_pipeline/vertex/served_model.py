"""A SavedModel loaded as TensorFlow Serving does, so that it gives the same predictions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf


class ServedModel:
    """
    A SavedModel whose graph, variables and tables are loaded into a session.

    TensorFlow Serving runs the restore op and the init op of the graph tagged ``serve``, and for a request
    the tensors that a signature names. ``tf.saved_model.load`` builds objects instead: it also answers from
    variables that the restore op does not fill.

    .. seealso:: ``LoadSavedModel`` in tensorflow/cc/saved_model/loader.cc, ``RunPredict`` in
        tensorflow_serving/servables/tensorflow/predict_util.cc, and
        https://github.com/tensorflow/serving/issues/2226

    :param folder: of the SavedModel, local or gs://.
    :raises OSError: there is no SavedModel.
    :raises RuntimeError: it has no graph tagged ``serve``.
    """

    def __init__(self, folder: str) -> None:
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        loaded = tf.compat.v1.saved_model.load(self._session, [tf.saved_model.SERVING], folder)
        self._signatures = dict(loaded.signature_def)

    def ask(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """
        Return the outputs of a signature, by name.

        :param signature: its name.
        :param inputs: by name; [rows, 1] float32 for a feature, [rows] bytes for examples.
        :raises KeyError: there is no such signature or no such input.
        :raises tensorflow.errors.OpError: the model cannot answer.
        """
        asked = self._signatures[signature]
        names = {name: tensor.name for name, tensor in asked.inputs.items()}
        return dict(
            self._session.run(
                {name: tensor.name for name, tensor in asked.outputs.items()},
                {names[name]: values for name, values in inputs.items()},
            )
        )
