"""Trees as tables in the graph, against scikit-learn's own answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-untyped]
from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.learner.trees import (
    TreesHead,
    forest_of,
    grow_trees,
    random_rotations,
    rotated,
    rounded_down,
)

from tests.pipeline.wine_examples import Row

CONFIG = TrainingConfig(rotations=3, trees_per_rotation=20)
# of a SavedModel of a few thousand rows
MOST_BYTES = 20_000_000


@pytest.fixture(scope="module")
def rows(wine_rows: list[Row]) -> np.ndarray:
    """Return real wines, standardized: copies, ties and rare grades."""
    measured = np.array([[row[name] for name in FEATURE_NAMES] for row in wine_rows])
    return ((measured - measured.mean(axis=0)) / measured.std(axis=0)).astype(np.float32)


@pytest.fixture(scope="module")
def indices(wine_rows: list[Row]) -> np.ndarray:
    return np.unique([row["quality"] for row in wine_rows], return_inverse=True)[1]


def grow(
    rows: np.ndarray, indices: np.ndarray, **settings: int
) -> tuple[np.ndarray, list[ExtraTreesClassifier]]:
    rotations = random_rotations(CONFIG, rows.shape[1])
    forests = [
        ExtraTreesClassifier(**{"n_estimators": 20, "random_state": number} | settings).fit(
            rotated(rows, rotation), indices
        )
        for number, rotation in enumerate(rotations)
    ]
    return rotations, forests


def mean_of(forests: list[ExtraTreesClassifier], rotations: np.ndarray, rows: np.ndarray) -> np.ndarray:
    said = [
        forest.predict_proba(rotated(rows, rotation))
        for forest, rotation in zip(forests, rotations, strict=True)
    ]
    return np.mean(said, axis=0)


@pytest.mark.parametrize("settings", [{}, {"min_samples_leaf": 5}, {"max_depth": 1}], ids=str)
def test_the_graph_says_what_scikit_learn_says_of_every_row(
    settings: dict[str, int], rows: np.ndarray, indices: np.ndarray
) -> None:
    rotations, forests = grow(rows[::2], indices[::2], **settings)

    said = TreesHead(rotations, forest_of(forests))(rows).numpy()

    np.testing.assert_allclose(said, mean_of(forests, rotations, rows), rtol=0, atol=1e-6)


def test_a_wine_on_a_threshold_goes_where_scikit_learn_sends_it(
    rows: np.ndarray, indices: np.ndarray
) -> None:
    rotations, forests = grow(rows, indices)
    forest = forest_of(forests)
    own = forest.columns < rows.shape[1]
    # each of these wines lies exactly on a threshold, or as near to it as a number of single precision can
    on = np.repeat(rows[:1], 3 * own.sum(), axis=0)
    thresholds = forest.thresholds[own]
    nearby = [np.nextafter(thresholds, np.float32(side)) for side in (-np.inf, np.inf)]
    on[np.arange(len(on)), np.tile(forest.columns[own], 3)] = np.concatenate([thresholds, *nearby])

    said = TreesHead(rotations, forest)(on).numpy()

    np.testing.assert_allclose(said, mean_of(forests, rotations, on), rtol=0, atol=1e-6)


def test_a_threshold_is_rounded_to_the_side_that_keeps_each_single_precision_number() -> None:
    thresholds = np.random.default_rng(1).normal(size=10_000)

    single = rounded_down(thresholds)

    assert single.dtype == np.float32
    assert (single <= thresholds).all()
    assert (np.nextafter(single, np.float32(np.inf)) > thresholds).all()


def test_trees_of_one_leaf_say_the_only_grade(rows: np.ndarray) -> None:
    rotations, forests = grow(rows[:20], np.zeros(20, int))

    assert TreesHead(rotations, forest_of(forests))(rows).numpy().tolist() == [[1.0]] * len(rows)


def test_the_answer_to_a_wine_does_not_depend_on_those_asked_with_it(
    rows: np.ndarray, indices: np.ndarray
) -> None:
    head = tf.function(grow_trees(CONFIG, rows, indices).call, autograph=False)

    whole = head(tf.constant(rows)).numpy()
    alone = np.concatenate([head(tf.constant(rows[[number]])).numpy() for number in range(0, len(rows), 50)])

    np.testing.assert_array_equal(whole[::50], alone)


def test_no_wine_at_all_gets_no_answer(rows: np.ndarray, indices: np.ndarray) -> None:
    head = grow_trees(CONFIG, rows[:100], indices[:100])

    assert head(rows[:0]).shape == (0, len(set(indices[:100])))


def test_another_number_of_threads_grows_the_same_trees(
    rows: np.ndarray, indices: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = []
    for cores in ("1", "2"):
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", cores)
        heads.append(grow_trees(CONFIG, rows, indices))

    for one, other in zip(heads[0].get_weights(), heads[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_exported_model_is_small(model: Path) -> None:
    exported = model / "Format-Serving"

    assert sum(path.stat().st_size for path in exported.rglob("*") if path.is_file()) < MOST_BYTES
