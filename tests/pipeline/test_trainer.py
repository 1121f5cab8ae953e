from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.trainer import fit, sorted_split

from tests.pipeline import stages
from tests.pipeline.conftest import Artifacts, Row

SMALL = TrainingConfig(epochs=3, hidden_units=16)


def synthetic_columns(rows: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    columns = {name: random.normal(size=(rows, 1)).astype(np.float32) for name in FEATURE_NAMES}
    quality = np.round(6 + columns["alcohol"]).astype(np.float32)
    return columns | {"quality": quality, "good": (quality >= 6).astype(np.float32)}


def test_the_order_in_which_rows_were_read_changes_nothing() -> None:
    columns = synthetic_columns(300, seed=1)
    evaluation = sorted_split(synthetic_columns(100, seed=2))
    order = np.random.default_rng(3).permutation(300)
    shuffled = {name: column[order] for name, column in columns.items()}

    first = fit(SMALL, sorted_split(columns), evaluation)
    second = fit(SMALL, sorted_split(shuffled), evaluation)

    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_another_model() -> None:
    train, evaluation = sorted_split(synthetic_columns(300, 1)), sorted_split(synthetic_columns(100, 2))

    first = fit(SMALL, train, evaluation)
    second = fit(TrainingConfig(epochs=3, hidden_units=16, seed=99), train, evaluation)

    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])


def test_the_best_weights_are_kept_not_the_last() -> None:
    train, evaluation = sorted_split(synthetic_columns(40, 1)), sorted_split(synthetic_columns(100, 2))
    overfitting = TrainingConfig(epochs=40, patience=5, hidden_units=64, learning_rate=0.05, dropout=0)

    model = fit(overfitting, train, evaluation)

    losses = model.history.history["val_loss"]
    kept = model.evaluate(evaluation.dataset(100), verbose=0, return_dict=True)["loss"]
    assert len(losses) < overfitting.epochs
    assert kept == pytest.approx(min(losses), rel=1e-4)
    assert kept < losses[-1]


def test_two_runs_on_the_same_rows_give_the_same_metrics(
    artifacts: Artifacts, model: Path, train: Callable[..., Path], wine_rows: list[Row]
) -> None:
    again = train(epochs=8)

    examples = tf.constant([stages.to_example(row).SerializeToString() for row in wine_rows])
    answers = [
        tf.saved_model.load(str(folder / "Format-Serving")).signatures["serving_examples"](examples=examples)
        for folder in (model, again)
    ]
    for name in ("good", "grade"):
        np.testing.assert_allclose(answers[0][name], answers[1][name], atol=1e-5)


def test_an_empty_split_is_refused_by_name(
    artifacts: Artifacts, tmp_path: Path, wine_rows: list[Row]
) -> None:
    stages.transform(wine_rows[:1], tmp_path / "transformed", tmp_path / "graph")

    # TFX reloads the module that it finds run_fn in: the class it raises is a twin of the one imported here.
    with pytest.raises(ValueError, match="train split is empty"):
        stages.train(tmp_path / "transformed", tmp_path / "graph", tmp_path / "model", {})
