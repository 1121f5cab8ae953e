"""Writes SavedModels that TensorFlow Serving cannot load or run, each into its own folder."""

import shutil
import sys
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


class Scale(tf.Module):
    """Has one variable."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
    def scale(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        """Multiply by the variable."""
        return {"y": self.factor * x}


def edited(sound: Path, folder: Path) -> saved_model_pb2.SavedModel:
    """Copy the sound model, and return what its file says."""
    shutil.copytree(sound, folder)
    return saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def write(saved: saved_model_pb2.SavedModel, folder: Path) -> None:
    """Replace the file of a model."""
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())


def main(folder: Path) -> None:
    """Write them all."""
    sound = folder / "sound"
    module = Scale()
    tf.saved_model.save(module, str(sound), signatures=module.scale)
    tf.saved_model.save(tf.Module(), str(folder / "no_signatures"))

    saved = edited(sound, folder / "another_tag")
    saved.meta_graphs[0].meta_info_def.tags[:] = ["train"]
    write(saved, folder / "another_tag")

    saved = edited(sound, folder / "unknown_operation")
    saved.meta_graphs[0].graph_def.node.add(name="to_come", op="YetToCome")
    write(saved, folder / "unknown_operation")

    shutil.copytree(sound, folder / "no_variables")
    shutil.rmtree(folder / "no_variables" / "variables")

    # a Keras model is saved with a copy of each variable, and the signature reads what is not restored
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, name="dense")])
    call = tf.function(
        lambda x: {"y": model(x)}, input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")]
    )
    tf.saved_model.save(model, str(folder / "keras_model"), signatures=call)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
