"""Exercise 2 of docs/lab.md: change what the model sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from wine_pipeline.data.data_contract import sample_instance
from wine_pipeline.features import FEATURE_NAMES
from wine_pipeline.learner.preprocessing import preprocessing_fn
from wine_pipeline.vertex.served_model import ServedModel

from tests.pipeline import stages
from tests.pipeline.wine_examples import Row, read_uci

pytestmark = pytest.mark.timeout(600)

# 1 % more alcohol makes a wine about this much lighter, in g/ml.
LIGHTER = 0.0013

Inputs = dict[str, tf.Tensor]


def body(inputs: Inputs) -> tf.Tensor:
    """Return what the density would be without the alcohol: sugar, acids, salts."""
    return tf.cast(inputs["density"], tf.float64) + LIGHTER * tf.cast(inputs["alcohol"], tf.float64)


def density_without_alcohol(inputs: Inputs) -> Inputs:
    """Derive the part of `density` that `alcohol` does not explain: solution of 2a."""
    outputs = preprocessing_fn(inputs)
    outputs["density"] = tf.cast(tft.scale_to_z_score(body(inputs)), tf.float32)
    return outputs


def one_more_column(inputs: Inputs) -> Inputs:
    """Add a column to those that the model learns from: solution of 2b."""
    outputs = preprocessing_fn(inputs)
    outputs["body"] = tf.cast(tft.scale_to_z_score(body(inputs)), tf.float32)
    return outputs


class Trained:
    """A model that was trained on the wines as a preprocessing function scales them."""

    def __init__(self, rows: list[Row], folder: Path) -> None:
        self.graph = folder / "graph"
        self.transformed = folder / "transformed"
        stages.transform(rows, self.transformed, self.graph)
        stages.train(self.transformed, self.graph, folder / "model", {})
        self.served = ServedModel(str(folder / "model" / "Format-Serving"))

    def column(self, name: str) -> np.ndarray:
        """Return a transformed column of the split `train`."""
        spec = tft.TFTransformOutput(str(self.graph)).transformed_feature_spec()
        files = tf.io.gfile.glob(f"{self.transformed}/Split-train/*")
        (batch,) = tf.data.TFRecordDataset(files, "GZIP").batch(10_000).as_numpy_iterator()
        return tf.io.parse_example(batch, spec)[name].numpy()[:, 0]

    def ask(self, wines: dict[str, list[float]]) -> np.ndarray:
        """Return `good` and `grade` of wines as they were measured, one row each."""
        columns = {
            name: np.array([[value] for value in values], np.float32) for name, values in wines.items()
        }
        answers = self.served.ask("serving_raw", columns)
        return np.hstack([answers["good"], answers["grade"]])


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read_uci("white")[::6]


@pytest.fixture(scope="module")
def train(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Trained]:
    def run(function: Callable[[Inputs], Inputs]) -> Trained:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stages, "preprocessing_fn", function)
            return Trained(rows, tmp_path_factory.mktemp(function.__name__))

    return run


@pytest.fixture(scope="module")
def freed(train: Callable[..., Trained]) -> Trained:
    return train(density_without_alcohol)


def test_the_freed_density_still_has_mean_0_and_variance_1(freed: Trained) -> None:
    density = freed.column("density")

    assert density.mean() == pytest.approx(0, abs=1e-5)
    assert density.var() == pytest.approx(1, abs=1e-4)


def test_the_freed_density_no_longer_repeats_the_alcohol(freed: Trained, rows: list[Row]) -> None:
    measured = np.corrcoef([[row["density"], row["alcohol"]] for row in rows], rowvar=False)[0, 1]
    seen = np.corrcoef(freed.column("density"), freed.column("alcohol"))[0, 1]

    assert measured < -0.7
    assert seen > -0.5


def test_the_served_model_frees_the_density_by_itself(freed: Trained, rows: list[Row]) -> None:
    layer = tft.TFTransformOutput(str(freed.graph)).transform_features_layer()
    learnt = np.array(
        [row["density"] + LIGHTER * row["alcohol"] for number, row in enumerate(rows) if number % 5]
    )
    (density,), (alcohol,) = sample_instance()["density"], sample_instance()["alcohol"]

    seen = layer({name: tf.constant([values]) for name, values in sample_instance().items()})["density"]

    expected = (density + LIGHTER * alcohol - learnt.mean()) / learnt.std()
    assert float(seen[0, 0]) == pytest.approx(expected, abs=1e-3)
    assert np.isfinite(freed.ask(sample_instance())).all()


def test_with_the_freed_density_the_model_still_tells_wines_apart(freed: Trained) -> None:
    wines = read_uci("white")[1::7]

    good = freed.ask({name: [row[name] for row in wines] for name in FEATURE_NAMES})[:, 0]

    right = np.mean((good >= 0.5) == [row["good"] for row in wines])
    assert right > 0.70


def test_the_model_does_not_see_a_column_that_only_transform_knows(train: Callable[..., Trained]) -> None:
    plain, more = train(preprocessing_fn), train(one_more_column)

    assert more.column("body").var() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(
        more.ask(sample_instance()), plain.ask(sample_instance()), atol=1e-5, err_msg="model.py was changed"
    )
