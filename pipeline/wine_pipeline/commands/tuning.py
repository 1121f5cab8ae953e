"""Tunes settings of the model by cross-validation within the training split; no eval row is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.model_selection import (  # type: ignore[import-untyped]
    ParameterGrid,
    ParameterSampler,
)

from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import GOOD, GRADE, QUALITY
from wine_pipeline.learner.derived import LEARNT_NAMES
from wine_pipeline.learner.trainer import Split, fit, sample_split

SPACES: Mapping[str, Mapping[str, list[Any]]] = {
    "kernel": {
        "kernel_length": [1.5, 2.0, 3.0],
        "kernel_power": [0.5, 0.7, 1.0],
        "derived_weight": [0.25, 0.5, 1.0],
    },
    "trees": {"rotations": [10, 20, 40], "split_columns": [6, 12, 17]},
}
"""What is tried for each part of the model. The kernel and the trees are measured as they serve, together."""

FOLDS = 5
_SEED = 20
_READ_BATCH = 4096


class NoTrainingRowsError(LookupError):
    """There are no transformed training rows at the given place, or too few."""


@dataclass(frozen=True)
class Trial:
    """
    Out-of-fold results of some settings.

    :param settings: those that were tried.
    :param mad: mean absolute deviation of ``grade``, in grades.
    :param difference: from that of the present settings, on the same rows.
    :param standard_error: of the difference.
    """

    settings: Mapping[str, Any]
    mad: float
    difference: float
    standard_error: float


def read_training_split(folder: str, most: int) -> Split:
    """
    Read the rows that the Trainer learns from: of many the same sample.

    :param folder: of the ``transformed_examples`` of a Transform component, local or gs://.
    :param most: rows to keep.
    :raises NoTrainingRowsError: if there are none.
    """
    files = tf.io.gfile.glob(f"{folder}/Split-train/*")
    if not files:
        raise NoTrainingRowsError(f"no transformed examples in {folder}/Split-train")
    names = (*LEARNT_NAMES, GOOD, QUALITY)
    spec = {name: tf.io.FixedLenFeature([1], tf.float32) for name in names}
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_READ_BATCH)
    parsed = (tf.io.parse_example(batch, spec) for batch in records)
    split = sample_split(({name: batch[name].numpy() for name in names} for batch in parsed), most)
    if split is None:
        raise NoTrainingRowsError(f"no rows in {folder}/Split-train")
    return split


def tune(split: Split, part: str, trials: int, present: TrainingConfig) -> Iterator[Trial]:
    """
    Yield the present settings, then others at random, each as soon as it is measured.

    :param split: training rows.
    :param part: a key of :data:`SPACES`.
    :param trials: how many others at most.
    :param present: the settings to start from.
    :raises NoTrainingRowsError: if there are too few for the folds.
    """
    space = SPACES[part]
    folds = assign_folds(split)
    compared = _errors(present, split, folds)
    yield _trial({name: getattr(present, name) for name in space}, compared, compared)
    tried = min(trials, len(ParameterGrid(space)))
    for drawn in ParameterSampler(space, tried, random_state=_SEED):
        settings = {name: drawn[name] for name in space}
        config = replace(present, **settings)
        if config != present:
            yield _trial(settings, _errors(config, split, folds), compared)


def assign_folds(split: Split) -> np.ndarray:
    """
    Return the number of each row's fold, [rows]; all copies of a row are in one.

    :param split: training rows.
    :raises NoTrainingRowsError: if there are too few for the folds.
    """
    columns = [*split.features.values(), *split.labels.values()]
    distinct, row = np.unique(np.concatenate(columns, axis=1), axis=0, return_inverse=True)
    if len(distinct) < 2 * FOLDS:
        raise NoTrainingRowsError(f"{len(distinct)} distinct training rows are too few for {FOLDS} folds")
    return (np.random.default_rng(_SEED).permutation(len(distinct)) % FOLDS)[row.reshape(-1)]


def report(rows: int, part: str, found: list[Trial]) -> dict[str, Any]:
    """
    Return the content of the report: the trials, the best one first.

    :param rows: training rows.
    :param part: that was tuned.
    :param found: the trials, the present settings first.
    """
    ordered = sorted(found, key=lambda trial: trial.mad)
    return {
        "part": part,
        "training_rows": rows,
        "folds": FOLDS,
        "best": dict(ordered[0].settings),
        "present": dict(found[0].settings),
        "trials": [asdict(trial) for trial in ordered],
    }


def _errors(config: TrainingConfig, split: Split, folds: np.ndarray) -> np.ndarray:
    errors = np.empty(split.rows)
    for fold in range(FOLDS):
        unseen = folds == fold
        model = fit(config, _take(split, ~unseen))
        answers = model(_take(split, unseen).features, training=False)
        errors[unseen] = np.abs(answers[GRADE].numpy() - split.labels[GRADE][unseen])[:, 0]
    return errors


def _take(split: Split, chosen: np.ndarray) -> Split:
    return Split(
        {name: column[chosen] for name, column in split.features.items()},
        {name: column[chosen] for name, column in split.labels.items()},
    )


def _trial(settings: Mapping[str, Any], errors: np.ndarray, compared: np.ndarray) -> Trial:
    differences = errors - compared
    return Trial(
        settings,
        float(errors.mean()),
        float(differences.mean()),
        float(differences.std() / len(differences) ** 0.5),
    )
