"""The learners that are measured: the pipeline's model, and four others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apache_beam as beam
import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from sklearn.compose import TransformedTargetRegressor  # type: ignore[import-untyped]
from sklearn.ensemble import ExtraTreesRegressor  # type: ignore[import-untyped]
from sklearn.linear_model import LinearRegression  # type: ignore[import-untyped]
from sklearn.model_selection import GridSearchCV, ShuffleSplit  # type: ignore[import-untyped]
from sklearn.neighbors import KNeighborsRegressor  # type: ignore[import-untyped]
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
from sklearn.svm import SVR  # type: ignore[import-untyped]
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils
from tfx_bsl.tfxio.tensor_adapter import TensorAdapterConfig
from tfx_bsl.tfxio.tensor_to_arrow import TensorsToRecordBatchConverter
from wine_pipeline.config import TrainingConfig
from wine_pipeline.features import FEATURE_NAMES, GOOD, GRADE, QUALITY
from wine_pipeline.learner.derived import LEARNT_NAMES
from wine_pipeline.learner.preprocessing import preprocessing_fn
from wine_pipeline.learner.sample import RowSample
from wine_pipeline.learner.trainer import fit, sorted_split

from bench.wines import Wines

BLEND = "kernel and trees (pipeline)"
TREES = 500
CORES = 2
# rows that go through a graph at once
BATCH = 4096

Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Prediction:
    """
    Predictions of a learner for wines that it has not seen.

    :param grade: [rows] expected grade, not rounded.
    :param good: [rows] the higher, the more likely good.
    :param seconds: of learning.
    :param transform_seconds: of tf.Transform, which the others do not use.
    """

    grade: np.ndarray
    good: np.ndarray
    seconds: float
    transform_seconds: float = field(default=0.0)


Learner = Callable[[Wines, Wines, int], Prediction]


def regression(build: Callable[[Wines, int], Any]) -> Learner:
    """
    Return a learner of the grade alone: the grade it expects also tells how likely a wine is good.

    :param build: returns an untrained regressor of scikit-learn for training rows and a seed.
    """

    def learn(train: Wines, test: Wines, seed: int) -> Prediction:
        started = time.monotonic()
        model = build(train, seed).fit(train.features, train.quality)
        seconds = time.monotonic() - started
        grade = model.predict(test.features)
        return Prediction(grade, grade, seconds)

    return learn


def pipeline_model(train: Wines, test: Wines, seed: int) -> Prediction:
    """Run the pipeline's preprocessing_fn under tf.Transform, then what its Trainer runs."""
    started = time.monotonic()
    learnt, unseen = scale(train, test)
    transformed = time.monotonic()
    model = fit_sample(TrainingConfig(seed=seed), learnt)
    seconds = time.monotonic() - transformed
    parts = [
        model({name: unseen[name][start : start + BATCH] for name in LEARNT_NAMES})
        for start in range(0, test.rows, BATCH)
    ]
    grade, good = (np.concatenate([part[name][:, 0] for part in parts]) for name in (GRADE, GOOD))
    return Prediction(grade, good, seconds, transformed - started)


def fit_sample(config: TrainingConfig, columns: Columns) -> keras.Model:
    """
    Return the model that the Trainer exports.

    :param config: how it learns.
    :param columns: what Transform wrote.
    """
    sample = RowSample(config.max_rows)
    sample.add(columns)
    return fit(config, sorted_split(sample.columns()))


def scale(train: Wines, test: Wines) -> tuple[Columns, Columns]:
    """
    Analyze the training rows with the pipeline's preprocessing_fn, and transform both.

    :param train: rows to learn the scaling from.
    :param test: rows that only get it.
    """
    with TemporaryDirectory() as folder:
        layer = analyze(train, Path(folder)).transform_features_layer()
        return transform(layer, train), transform(layer, test)


def analyze(train: Wines, folder: Path) -> tft.TFTransformOutput:
    """
    Return what the Transform component would write about the training rows.

    :param train: rows to learn the scaling from.
    :param folder: to write it to.
    """
    specification = {name: tf.io.FixedLenFeature([1], tf.float32) for name in FEATURE_NAMES}
    specification |= {name: tf.io.FixedLenFeature([1], tf.int64) for name in (QUALITY, GOOD)}
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(specification))
    converter = TensorsToRecordBatchConverter(
        {name: tf.TensorSpec([None, *one.shape], one.dtype) for name, one in specification.items()}
    )
    batches = [
        converter.convert(
            {name: tf.constant(column[start : start + BATCH]) for name, column in columns.items()}
        )
        for columns in [train.columns()]
        for start in range(0, train.rows, BATCH)
    ]
    adapter = TensorAdapterConfig(converter.arrow_schema(), converter.tensor_representations())
    graph = str(folder / "graph")
    with tft_beam.Context(temp_dir=str(folder)), beam.Pipeline(runner=FnApiRunner()) as pipeline:
        analyzed = (pipeline | beam.Create(batches), adapter) | tft_beam.AnalyzeDataset(preprocessing_fn)
        _ = analyzed | tft_beam.WriteTransformFn(graph)
    metadata_io.write_metadata(metadata, str(Path(graph) / tft.TFTransformOutput.RAW_METADATA_DIR))
    return tft.TFTransformOutput(graph)


def transform(layer: Any, wines: Wines) -> Columns:
    """
    Return the rows as the Transform component would write them.

    :param layer: of what :func:`analyze` returns.
    :param wines: rows as measured.
    """
    tensors = {name: tf.constant(column) for name, column in wines.columns().items()}
    return {name: column.numpy() for name, column in layer(tensors).items()}


def linear(train: Wines, seed: int) -> Any:
    """Return a linear regression over standardized features."""
    return make_pipeline(StandardScaler(), LinearRegression())


def support_vectors(train: Wines, seed: int) -> Any:
    """
    Return an SVR with Gaussian kernel, tuned as in the paper but without its selection of features.

    Features and grade are standardized; C is 3; epsilon follows the noise that 3 neighbours leave; gamma
    comes from a search that holds out one third of the training rows.

    .. seealso:: Cortez et al. 2009, https://doi.org/10.1016/j.dss.2009.05.016
    """
    features = StandardScaler().fit_transform(train.features)
    grades = (train.quality - train.quality.mean()) / train.quality.std()
    expected = KNeighborsRegressor(3).fit(features, grades).predict(features)
    noise = 1.5 * np.mean((grades - expected) ** 2)
    machine = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), SVR(C=3, epsilon=noise / np.sqrt(train.rows))),
        transformer=StandardScaler(),
    )
    return GridSearchCV(
        machine,
        {"regressor__svr__gamma": [2.0**power for power in range(3, -16, -2)]},
        scoring="neg_mean_absolute_error",
        cv=ShuffleSplit(1, test_size=1 / 3, random_state=seed),
        n_jobs=CORES,
    )


def extra_trees(train: Wines, seed: int) -> Any:
    """Return extremely randomized trees with scikit-learn's defaults, but more of them."""
    return ExtraTreesRegressor(TREES, n_jobs=CORES, random_state=seed)


def boosted_trees(train: Wines, seed: int) -> Any:
    """Return LightGBM with its defaults, but more and slower steps."""
    # Imported here: the other learners do not need it.
    from lightgbm import LGBMRegressor  # type: ignore[import-not-found]

    # One thread: for so few rows the threads would mostly wait for each other.
    return LGBMRegressor(n_estimators=TREES, learning_rate=0.05, num_threads=1, random_state=seed, verbose=-1)


LEARNERS: dict[str, Learner] = {
    "linear regression": regression(linear),
    "SVR, RBF": regression(support_vectors),
    "ExtraTrees": regression(extra_trees),
    "LightGBM": regression(boosted_trees),
    BLEND: pipeline_model,
}
