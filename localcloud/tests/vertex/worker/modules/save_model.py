"""Writes a SavedModel with two signatures: one input and one output, two inputs and two outputs."""

import sys

import tensorflow as tf


class Calculator(tf.Module):
    """A model of lengths, sums and differences."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def length(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the number of bytes."""
        return {"length": tf.strings.length(text)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 1], tf.float32, name="left"),
            tf.TensorSpec([None, 1], tf.float32, name="right"),
        ]
    )
    def compare(self, left: tf.Tensor, right: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return sum and difference."""
        return {"sum": left + right, "difference": left - right}


calculator = Calculator()
tf.saved_model.save(
    calculator,
    sys.argv[1],
    signatures={"serving_default": calculator.length, "compare": calculator.compare},
)
