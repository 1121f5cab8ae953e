"""Asks an exported model, without a server, for the known instances of the data contract."""

from __future__ import annotations

import tensorflow as tf

from wine_pipeline.config import RAW_SIGNATURE
from wine_pipeline.data_contract import known_instances


def known_answers(model: str) -> list[dict[str, float]]:
    """
    Return the answer to each known instance, by output.

    :param model: folder of the SavedModel, local or gs://.
    """
    signature = tf.saved_model.load(model).signatures[RAW_SIGNATURE]
    answers = []
    for instance in known_instances():
        outputs = signature(**{name: tf.constant([values], tf.float32) for name, values in instance.items()})
        answers.append({name: float(tf.reshape(value, [])) for name, value in outputs.items()})
    return answers
