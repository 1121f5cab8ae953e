"""What the Trainer component runs: from transformed examples to a SavedModel."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx import v1 as tfx
from tfx_bsl.public import tfxio

from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES, GOOD, GRADE, QUALITY
from wine_pipeline.model import build_model, export_model

_READ_BATCH = 4096


class EmptySplitError(ValueError):
    """A split has no rows, so nothing can be learnt or measured."""


@dataclass(frozen=True)
class Split:
    """
    The rows of one split, in memory and in an order that depends on the rows alone.

    :param features: [rows, 1] float32 per feature, scaled.
    :param labels: [rows, 1] float32 per output of the model.
    """

    features: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.labels[GRADE])

    def dataset(self, batch_size: int, shuffle_seed: int | None = None) -> tf.data.Dataset:
        """
        Return batches of (features, labels).

        :param batch_size: rows per batch.
        :param shuffle_seed: if given, every epoch has its own order, drawn from this seed.
        """
        rows = tf.data.Dataset.from_tensor_slices((self.features, self.labels))
        if shuffle_seed is not None:
            rows = rows.shuffle(self.rows, seed=shuffle_seed, reshuffle_each_iteration=True)
        return rows.batch(batch_size).prefetch(1)


def run_fn(fn_args: tfx.components.FnArgs) -> None:
    """
    Train on the split `train`, stop by the split `eval`, export the best weights.

    :param fn_args: from TFX; ``custom_config`` holds a :class:`TrainingConfig` and the name of the
        ``default_signature``.
    :raises EmptySplitError: if a split has no rows.
    """
    config = TrainingConfig.from_custom_config(fn_args.custom_config)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    train = _read_split("train", fn_args.train_files, fn_args.data_accessor, transform_output)
    evaluation = _read_split("eval", fn_args.eval_files, fn_args.data_accessor, transform_output)
    model = fit(config, train, evaluation)
    export_model(
        model, transform_output, fn_args.serving_model_dir, fn_args.custom_config["default_signature"]
    )


def fit(config: TrainingConfig, train: Split, evaluation: Split) -> keras.Model:
    """
    Return the network with the weights that did best on the evaluation split.

    The same rows give the same weights, in whatever order they were read.

    :param config: how to learn.
    :param train: rows to learn from.
    :param evaluation: rows to stop by.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    steps_per_epoch = -(-train.rows // config.batch_size)
    model = build_model(config, steps_per_epoch, float(train.labels[GRADE].mean()))
    stopping = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=config.patience, restore_best_weights=True
    )
    history = model.fit(
        train.dataset(config.batch_size, shuffle_seed=config.seed),
        validation_data=evaluation.dataset(_READ_BATCH),
        epochs=config.epochs,
        callbacks=[stopping],
        shuffle=False,  # the dataset does, from the seed
        verbose=2,
    )
    print(
        f"{train.rows} rows learnt in {len(history.epoch)} epochs,"
        f" best validation loss {min(history.history['val_loss']):.4f} in epoch {stopping.best_epoch + 1}",
        flush=True,
    )
    return model


def _read_split(
    name: str, files: list[str], accessor: tfx.components.DataAccessor, transform: tft.TFTransformOutput
) -> Split:
    options = tfxio.TensorFlowDatasetOptions(batch_size=_READ_BATCH, num_epochs=1, shuffle=False)
    batches = list(
        accessor.tf_dataset_factory(files, options, transform.transformed_metadata.schema).as_numpy_iterator()
    )
    if not batches:
        raise EmptySplitError(f"the {name} split is empty: the query gave too few rows")
    columns = {
        column: np.concatenate([batch[column] for batch in batches])
        for column in (*FEATURE_NAMES, GOOD, QUALITY)
    }
    return sorted_split(columns)


def sorted_split(columns: dict[str, np.ndarray]) -> Split:
    """
    Order the rows by their values: Beam writes them in another order in every run.

    :param columns: [rows, 1] per feature and per label, as Transform wrote them.
    """
    order = np.lexsort([column[:, 0] for column in columns.values()])
    return Split(
        features={name: columns[name][order] for name in FEATURE_NAMES},
        labels={GOOD: columns[GOOD][order], GRADE: columns[QUALITY][order]},
    )
