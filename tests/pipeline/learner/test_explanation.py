"""The signature that says what moved a wine's grade."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from wine_pipeline.features import FEATURE_NAMES, FEATURES
from wine_pipeline.learner.explanation import Explanation
from wine_pipeline.learner.preprocessing import average_wine
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.wine_examples import Artifacts, Row


def columns(rows: list[Row]) -> dict[str, np.ndarray]:
    return {name: np.array([[row[name]] for row in rows], np.float32) for name in FEATURE_NAMES}


def test_the_values_add_up_to_the_difference_from_the_average_wine(
    model: Path, wine_rows: list[Row], artifacts: Artifacts
) -> None:
    served, wines = ServedModel(str(model / "Format-Serving")), columns(wine_rows[:7])
    graph = tft.TFTransformOutput(str(artifacts.transform_graph))
    average = average_wine(graph.transform_features_layer())

    answers = served.ask("serving_explain", wines)

    assert set(answers) == {*FEATURE_NAMES, "grade", "baseline_grade"}
    np.testing.assert_allclose(answers["grade"], served.ask("serving_raw", wines)["grade"], atol=1e-4)
    baseline = served.ask("serving_raw", columns([average]))["grade"]
    np.testing.assert_allclose(answers["baseline_grade"], np.repeat(baseline, 7, axis=0), atol=1e-4)
    total = np.sum([answers[name] for name in FEATURE_NAMES], axis=0)
    np.testing.assert_allclose(total, answers["grade"] - answers["baseline_grade"], atol=1e-4)


def test_a_wine_is_explained_alike_alone_and_in_a_batch(model: Path, wine_rows: list[Row]) -> None:
    served = ServedModel(str(model / "Format-Serving"))

    together = served.ask("serving_explain", columns(wine_rows[:3]))
    alone = served.ask("serving_explain", columns(wine_rows[2:3]))

    for name, values in alone.items():
        np.testing.assert_allclose(values, together[name][2:], atol=1e-4)


def test_the_average_wine_is_the_mean_of_the_training_rows(
    artifacts: Artifacts, wine_rows: list[Row]
) -> None:
    rows = stages.split(wine_rows)["train"]

    average = average_wine(tft.TFTransformOutput(str(artifacts.transform_graph)).transform_features_layer())

    for feature in FEATURES:
        values = [row[feature.name] for row in rows]
        logarithmic = math.expm1(float(np.mean(np.log1p(values))))
        expected = logarithmic if feature.skewed else float(np.mean(values))
        assert average[feature.name] == pytest.approx(expected, rel=1e-4), feature.name


def test_a_column_that_says_nothing_leaves_the_average_wine_finite() -> None:
    average = average_wine(lambda ends: {name: tf.zeros_like(column) for name, column in ends.items()})

    assert all(feature.minimum <= average[feature.name] <= feature.maximum for feature in FEATURES)


def explained(predict: Callable[[Mapping[str, tf.Tensor]], dict[str, tf.Tensor]]) -> dict[str, float]:
    """Explain a wine of threes relative to an average wine of zeros."""
    wine = {name: tf.constant([[3.0]]) for name in FEATURE_NAMES}
    average = dict.fromkeys(FEATURE_NAMES, 0.0)
    return {name: value.numpy().item() for name, value in Explanation(predict, average).explain(wine).items()}


def test_where_features_act_alone_each_has_its_own_part() -> None:
    found = explained(lambda wine: {"grade": 5 + wine["alcohol"] ** 2 - 3 * wine["ph"]})

    parts = {"alcohol": 9.0, "ph": -9.0}
    assert found == pytest.approx(
        dict.fromkeys(FEATURE_NAMES, 0.0) | parts | {"grade": 5.0, "baseline_grade": 5.0}, abs=1e-5
    )


def test_what_two_features_do_together_is_shared_evenly() -> None:
    pairs = list(itertools.combinations(FEATURE_NAMES, 2))

    found = explained(lambda wine: {"grade": sum(wine[one] * wine[other] for one, other in pairs)})

    # each order counts with its reverse, so of each pair both features come first as often
    partners = len(FEATURE_NAMES) - 1
    assert [found[name] for name in FEATURE_NAMES] == pytest.approx([4.5 * partners] * len(FEATURE_NAMES))
