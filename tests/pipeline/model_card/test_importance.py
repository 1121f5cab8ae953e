"""Which features the grades of an exported model depend on."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import tensorflow as tf
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.model_card.importance import SAMPLE_ROWS, measure_importance
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.wine_examples import Artifacts, Row


@pytest.fixture
def by_alcohol(tmp_path: Path) -> ServedModel:
    """Return a model that grades a wine by half its alcohol, and asks for nothing else."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {name: tf.io.FixedLenFeature([1], tf.float32) for name in FEATURE_NAMES}
        return {"grade": tf.io.parse_example(examples, spec)["alcohol"] / 2}

    tf.saved_model.save(tf.Module(), str(tmp_path), signatures={EXAMPLES_SIGNATURE: serve})
    return ServedModel(str(tmp_path))


def graded_by_alcohol(rows: list[Row]) -> list[Row]:
    return [row | {"quality": round(row["alcohol"] / 2)} for row in rows]


def test_only_the_feature_that_is_used_is_important(
    by_alcohol: ServedModel, wine_rows: list[Row], tmp_path: Path
) -> None:
    stages.write_examples(graded_by_alcohol(wine_rows), tmp_path / "examples")

    first, *others = measure_importance(by_alcohol, stages.examples_of(tmp_path / "examples")).features

    assert first.name == "alcohol"
    assert first.shift > 0.2
    assert first.mad_rise > 5 * first.standard_error > 0
    assert {(each.shift, each.mad_rise, each.standard_error) for each in others} == {(0, 0, 0)}


def test_the_same_rows_in_another_order_give_the_same(
    by_alcohol: ServedModel, wine_rows: list[Row], tmp_path: Path
) -> None:
    turned = list(wine_rows)
    turned[::5] = wine_rows[::5][::-1]
    for name, rows in (("here", wine_rows), ("there", turned)):
        stages.write_examples(rows, tmp_path / name)

    here, there = (
        measure_importance(by_alcohol, stages.examples_of(tmp_path / name)) for name in ("here", "there")
    )

    assert here == there


@pytest.mark.parametrize("rows", [5, 40])
def test_few_rows_are_enough(
    by_alcohol: ServedModel, wine_rows: list[Row], tmp_path: Path, rows: int
) -> None:
    stages.write_examples(wine_rows[:rows], tmp_path / "examples")

    found = measure_importance(by_alcohol, stages.examples_of(tmp_path / "examples"))

    # a single wine has no other wine's values
    assert (found.features[0].shift > 0) == (rows > 5)


def test_every_wine_of_the_split_is_asked_about_once(
    by_alcohol: ServedModel, wine_rows: list[Row], tmp_path: Path
) -> None:
    found = []
    for name, rows in (("once", wine_rows), ("twice", [*wine_rows, *wine_rows])):
        stages.write_examples(rows, tmp_path / name)
        found.append(measure_importance(by_alcohol, stages.examples_of(tmp_path / name)))

    different = {tuple(row.values()) for row in stages.split(wine_rows)["eval"]}
    assert found[0].wines == len(different) > 100
    assert found[0] == found[1]


def test_of_more_wines_a_sample_is_enough(
    by_alcohol: ServedModel, wine_rows: list[Row], tmp_path: Path
) -> None:
    number = itertools.count()
    times = 5 * SAMPLE_ROWS // len(wine_rows) + 2
    rows = [row | {"sulphates": next(number) / 1000} for _ in range(times) for row in wine_rows]
    stages.write_examples(rows, tmp_path / "examples")

    found = measure_importance(by_alcohol, stages.examples_of(tmp_path / "examples"))

    assert len(rows) / 5 > found.wines == SAMPLE_ROWS
    assert found.features[0].name == "alcohol"


def test_a_model_with_a_kernel_and_trees_depends_on_every_feature(artifacts: Artifacts, model: Path) -> None:
    served = ServedModel(str(model / "Format-Serving"))

    found = measure_importance(served, stages.examples_of(artifacts.examples))

    assert min(each.shift for each in found.features) > 0.01
    assert found.features[0].name in ("alcohol", "density")
