"""What the Trainer component runs: from transformed examples to a SavedModel."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import DataAccessor, FnArgs
from tfx_bsl.public import tfxio

from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import GOOD, GRADE, QUALITY
from wine_pipeline.learner.blend import fit_blend
from wine_pipeline.learner.derived import LEARNT_NAMES
from wine_pipeline.learner.model import export_model
from wine_pipeline.learner.sample import RowSample
from wine_pipeline.vertex.serving import add_version_folder

_READ_BATCH = 4096


class EmptySplitError(ValueError):
    """A split has no rows, so nothing can be learnt."""


@dataclass(frozen=True)
class Split:
    """
    The rows of one split, or a sample of them, in an order that depends on the rows alone.

    :param features: [rows, 1] float32 per feature and per derived column, scaled.
    :param labels: [rows, 1] float32 per output of the model.
    """

    features: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.labels[GRADE])


def run_fn(fn_args: FnArgs) -> None:
    """
    Train on the split `train` and export; the split `eval` is left to the Evaluator.

    :param fn_args: from TFX; ``custom_config`` holds a :class:`TrainingConfig` and the name of the
        ``default_signature``.
    :raises EmptySplitError: if the split has no rows.
    """
    config = TrainingConfig.from_custom_config(fn_args.custom_config)
    transform_output = tft.TFTransformOutput(fn_args.transform_output)
    train = _read_split(
        "train", config.max_rows, fn_args.train_files, fn_args.data_accessor, transform_output
    )
    model = fit(config, train)
    export_model(
        model, transform_output, fn_args.serving_model_dir, fn_args.custom_config["default_signature"]
    )
    add_version_folder(fn_args.serving_model_dir)


def fit(config: TrainingConfig, train: Split) -> keras.Model:
    """
    Return the model from scaled features to the answers ``good`` and ``grade``.

    The same rows give the same weights, in whatever order they were read.

    :param config: how to learn.
    :param train: rows to learn from.
    """
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    started = time.monotonic()
    model = fit_blend(config, train.features, train.labels)
    print(f"learnt from {train.rows} rows in {time.monotonic() - started:.1f} s", flush=True)
    return model


def _read_split(
    name: str, most: int, files: list[str], accessor: DataAccessor, transform: tft.TFTransformOutput
) -> Split:
    options = tfxio.TensorFlowDatasetOptions(batch_size=_READ_BATCH, num_epochs=1, shuffle=False)
    batches = accessor.tf_dataset_factory(files, options, transform.transformed_metadata.schema)
    names = (*LEARNT_NAMES, GOOD, QUALITY)
    chosen = ({column: batch[column] for column in names} for batch in batches.as_numpy_iterator())
    split = sample_split(chosen, most)
    if split is None:
        raise EmptySplitError(f"the {name} split is empty: the query returned too few rows")
    return split


def sample_split(batches: Iterable[Mapping[str, np.ndarray]], most: int) -> Split | None:
    """
    Return the rows to learn from, None if there are none.

    :param batches: [rows, 1] per feature, derived column and label, as Transform wrote them.
    :param most: rows to keep; of more, a sample is taken.
    """
    sample = RowSample(most)
    for batch in batches:
        sample.add(batch)
    columns = sample.columns()
    return sorted_split(columns) if columns else None


def sorted_split(columns: dict[str, np.ndarray]) -> Split:
    """
    Sort the rows by their values: Beam writes them in another order in every run.

    :param columns: [rows, 1] per feature, derived column and label, as Transform wrote them.
    """
    order = np.lexsort([column[:, 0] for column in columns.values()])
    return Split(
        features={name: columns[name][order] for name in LEARNT_NAMES},
        labels={GOOD: columns[GOOD][order], GRADE: columns[QUALITY][order]},
    )
