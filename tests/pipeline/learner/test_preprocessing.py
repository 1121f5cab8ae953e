from __future__ import annotations

import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from wine_pipeline.features import FEATURE_NAMES, FEATURES, GOOD, QUALITY
from wine_pipeline.learner.derived import DERIVED_NAMES, LEARNT_NAMES

from tests.pipeline.wine_examples import Artifacts, Row


def read_transformed(artifacts: Artifacts, split: str) -> dict[str, np.ndarray]:
    spec = tft.TFTransformOutput(str(artifacts.transform_graph)).transformed_feature_spec()
    files = tf.io.gfile.glob(f"{artifacts.transformed}/Split-{split}/*")
    (batch,) = tf.data.TFRecordDataset(files, "GZIP").batch(10_000).as_numpy_iterator()
    parsed = tf.io.parse_example(batch, spec)
    return {name: column.numpy() for name, column in parsed.items()}


def test_every_column_has_mean_0_and_variance_1_on_the_training_rows(artifacts: Artifacts) -> None:
    columns = read_transformed(artifacts, "train")

    for name in LEARNT_NAMES:
        np.testing.assert_allclose(columns[name].mean(), 0, atol=1e-5, err_msg=name)
        np.testing.assert_allclose(columns[name].var(), 1, atol=1e-4, err_msg=name)


def test_the_labels_pass_through_unscaled(artifacts: Artifacts) -> None:
    columns = read_transformed(artifacts, "train")

    assert set(np.unique(columns[GOOD])) == {0.0, 1.0}
    assert columns[QUALITY].min() >= 3
    np.testing.assert_array_equal(columns[GOOD], columns[QUALITY] >= 6)


def test_the_scaling_learnt_from_train_is_used_on_eval(artifacts: Artifacts, wine_rows: list[Row]) -> None:
    columns = read_transformed(artifacts, "eval")
    alcohol = np.array([row["alcohol"] for row in wine_rows])
    learnt_from = np.arange(len(alcohol)) % 5 != 0

    expected = (alcohol[~learnt_from] - alcohol[learnt_from].mean()) / alcohol[learnt_from].std()

    np.testing.assert_allclose(columns["alcohol"][:, 0], expected, atol=1e-4)


def test_a_broken_measurement_is_scaled_to_a_number(artifacts: Artifacts, wine_rows: list[Row]) -> None:
    layer = tft.TFTransformOutput(str(artifacts.transform_graph)).transform_features_layer()
    broken = {name: tf.constant([[-5.0], [0.0], [1e6]]) for name in FEATURE_NAMES}

    scaled = layer(broken)

    assert all(np.isfinite(scaled[name].numpy()).all() for name in LEARNT_NAMES)


def test_the_derived_columns_are_those_of_the_literature(artifacts: Artifacts, wine_rows: list[Row]) -> None:
    columns = read_transformed(artifacts, "eval")
    measured = np.array([[row[feature.name] for feature in FEATURES] for row in wine_rows], np.float64)
    fixed, volatile, _, sugar, _, free, total, density, ph, _, alcohol = measured.T
    expected = [
        np.log((free + 1) / (total + 2)),
        np.log1p(total - free),
        np.log1p(free / (1 + 10 ** (ph - 1.81))),
        density + 0.0013 * alcohol - 0.00038 * sugar,
        np.log(volatile / fixed + 1e-4),
        np.log(np.maximum(sugar, 0.1) / fixed),
    ]
    learnt_from = np.arange(len(wine_rows)) % 5 != 0

    for name, values in zip(DERIVED_NAMES, expected, strict=True):
        scaled = (values[~learnt_from] - values[learnt_from].mean()) / values[learnt_from].std()
        np.testing.assert_allclose(columns[name][:, 0], scaled, atol=2e-3, err_msg=name)
