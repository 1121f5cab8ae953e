from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.served_model import ServedModel
from wine_pipeline.trainer import fit, sorted_split

from tests.pipeline import stages
from tests.pipeline.conftest import Artifacts, Row

ROWS = 300
KERNEL = TrainingConfig(kernel_max_rows=ROWS)
NETWORK = TrainingConfig(kernel_max_rows=ROWS - 1, epochs=3, members=2, hidden_units=16)
HEADS = pytest.mark.parametrize("config", [KERNEL, NETWORK], ids=["kernel", "network"])


@pytest.fixture(scope="module")
def kernel() -> keras.Model:
    """A kernel of synthetic rows."""
    return fit(KERNEL, sorted_split(synthetic_columns(ROWS, seed=1)))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Networks of the same rows."""
    return fit(NETWORK, sorted_split(synthetic_columns(ROWS, seed=1)))


def synthetic_columns(rows: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    columns = {name: random.normal(size=(rows, 1)).astype(np.float32) for name in FEATURE_NAMES}
    quality = np.round(6 + columns["alcohol"]).astype(np.float32)
    return columns | {"quality": quality, "good": (quality >= 6).astype(np.float32)}


def layer_names(model: keras.Model) -> set[str]:
    return {layer.name for layer in model.layers}


@pytest.mark.parametrize(("config", "head"), [(KERNEL, "kernel"), (NETWORK, "network")])
def test_the_order_in_which_rows_were_read_changes_nothing(
    config: TrainingConfig, head: str, request: pytest.FixtureRequest
) -> None:
    columns = synthetic_columns(ROWS, seed=1)
    order = np.random.default_rng(3).permutation(ROWS)
    shuffled = {name: column[order] for name, column in columns.items()}

    first, second = request.getfixturevalue(head), fit(config, sorted_split(shuffled))

    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_up_to_the_threshold_a_kernel_is_solved_and_above_it_a_network_is_trained(
    kernel: keras.Model, network: keras.Model
) -> None:
    assert "kernel" in layer_names(kernel)
    assert "periods" in layer_names(network)
    assert not layer_names(kernel) & layer_names(network) & {"kernel", "periods"}


@HEADS
def test_either_head_learns_what_decides_the_grade(config: TrainingConfig) -> None:
    learnt, fresh = synthetic_columns(ROWS, seed=1), synthetic_columns(ROWS, seed=2)
    longer = TrainingConfig(**{**config.to_custom_config(), "epochs": 60})

    answers = fit(longer, sorted_split(learnt))({name: fresh[name] for name in FEATURE_NAMES})

    blind = np.abs(fresh["quality"] - np.median(learnt["quality"])).mean()
    assert np.abs(fresh["quality"] - answers["grade"]).mean() < 0.9 * blind
    assert np.mean((answers["good"] > 0.5) == (fresh["good"] > 0.5)) > 0.75


@HEADS
def test_rows_of_one_grade_are_no_error(config: TrainingConfig) -> None:
    columns = synthetic_columns(ROWS, seed=1)
    columns |= {"quality": np.full_like(columns["quality"], 6), "good": np.ones_like(columns["good"])}

    answers = fit(config, sorted_split(columns))({name: columns[name] for name in FEATURE_NAMES})

    np.testing.assert_allclose(answers["grade"], 6, atol=1e-5)
    np.testing.assert_allclose(answers["good"], 1, atol=1e-5)


def test_another_seed_gives_another_network(network: keras.Model) -> None:
    other = TrainingConfig(**{**NETWORK.to_custom_config(), "seed": 99})

    second = fit(other, sorted_split(synthetic_columns(ROWS, 1)))

    assert not np.array_equal(network.get_weights()[0], second.get_weights()[0])


@pytest.mark.parametrize(
    ("trained", "settings"), [("model", {}), ("network_model", {"kernel_max_rows": 0, "epochs": 8})]
)
def test_two_runs_on_the_same_rows_give_the_same_answers(
    trained: str,
    settings: dict[str, int],
    request: pytest.FixtureRequest,
    train: Callable[..., Path],
    wine_rows: list[Row],
) -> None:
    folders = (request.getfixturevalue(trained), train(**settings))

    examples = np.array([stages.to_example(row).SerializeToString() for row in wine_rows], object)
    answers = [
        ServedModel(str(folder / "Format-Serving")).ask("serving_examples", {"examples": examples})
        for folder in folders
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
