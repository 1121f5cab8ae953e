from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from wine_pipeline.config import TrainingConfig
from wine_pipeline.learner.derived import LEARNT_NAMES
from wine_pipeline.learner.sample import RowSample
from wine_pipeline.learner.trainer import fit, sorted_split
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.wine_examples import Artifacts, Row

ROWS = 300
FEW = TrainingConfig(rotations=4)
# as with many rows: not every row is learnt from, is a landmark, or has a leaf
MANY = TrainingConfig(max_rows=250, landmarks=100, tree_rows=200, leaves=80, rotations=4)
CONFIGS = pytest.mark.parametrize("config", [FEW, MANY], ids=["few", "many"])


def learn(config: TrainingConfig, columns: dict[str, np.ndarray]) -> keras.Model:
    sample = RowSample(config.max_rows)
    sample.add(columns)
    return fit(config, sorted_split(sample.columns()))


def synthetic_columns(rows: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    columns = {name: random.normal(size=(rows, 1)).astype(np.float32) for name in LEARNT_NAMES}
    quality = np.round(6 + columns["alcohol"]).astype(np.float32)
    return columns | {"quality": quality, "good": (quality >= 6).astype(np.float32)}


@CONFIGS
def test_the_order_in_which_rows_were_read_changes_nothing(config: TrainingConfig) -> None:
    columns = synthetic_columns(ROWS, seed=1)
    order = np.random.default_rng(3).permutation(ROWS)
    shuffled = {name: column[order] for name, column in columns.items()}

    first, second = learn(config, columns), learn(config, shuffled)

    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@CONFIGS
def test_the_model_learns_what_decides_the_grade(config: TrainingConfig) -> None:
    learnt, fresh = synthetic_columns(ROWS, seed=1), synthetic_columns(ROWS, seed=2)

    answers = learn(config, learnt)({name: fresh[name] for name in LEARNT_NAMES})

    blind = np.abs(fresh["quality"] - np.median(learnt["quality"])).mean()
    assert np.abs(fresh["quality"] - answers["grade"]).mean() < 0.9 * blind
    assert np.mean((answers["good"] > 0.5) == (fresh["good"] > 0.5)) > 0.75


@CONFIGS
def test_rows_of_one_grade_are_no_error(config: TrainingConfig) -> None:
    columns = synthetic_columns(ROWS, seed=1)
    columns |= {"quality": np.full_like(columns["quality"], 6), "good": np.ones_like(columns["good"])}

    answers = learn(config, columns)({name: columns[name] for name in LEARNT_NAMES})

    np.testing.assert_allclose(answers["grade"], 6, atol=1e-5)
    np.testing.assert_allclose(answers["good"], 1, atol=1e-5)


@pytest.mark.parametrize("bound", ["landmarks", "tree_rows", "leaves"])
def test_one_row_more_than_a_bound_makes_no_other_model(bound: str) -> None:
    columns, fresh = synthetic_columns(ROWS, seed=1), synthetic_columns(ROWS, seed=2)
    asked = {name: fresh[name] for name in LEARNT_NAMES}

    at = learn(replace(FEW, **{bound: ROWS}), columns)(asked)
    above = learn(replace(FEW, **{bound: ROWS - 1}), columns)(asked)

    assert np.abs(at["grade"] - above["grade"]).mean() < 0.05


def test_another_seed_gives_other_trees() -> None:
    columns = synthetic_columns(ROWS, seed=1)

    first, second = learn(FEW, columns), learn(replace(FEW, seed=99), columns)

    weights = zip(first.get_weights(), second.get_weights(), strict=True)
    assert not all(np.array_equal(one, other) for one, other in weights)


def test_two_runs_on_the_same_rows_give_the_same_answers(
    model: Path, train: Callable[..., Path], wine_rows: list[Row]
) -> None:
    examples = np.array([stages.to_example(row).SerializeToString() for row in wine_rows], object)
    answers = [
        ServedModel(str(folder / "Format-Serving")).ask("serving_examples", {"examples": examples})
        for folder in (model, train())
    ]
    for name in ("good", "grade"):
        np.testing.assert_allclose(answers[0][name], answers[1][name], atol=1e-5)


def test_an_empty_split_is_refused_by_name(
    artifacts: Artifacts, tmp_path: Path, wine_rows: list[Row]
) -> None:
    stages.write_examples(wine_rows[:1], tmp_path / "transformed")

    # TFX reloads the module that it finds run_fn in: the class it raises is a twin of the one imported here.
    with pytest.raises(ValueError, match="train split is empty"):
        stages.train(tmp_path / "transformed", artifacts.transform_graph, tmp_path / "model", {})
