"""What StatisticsGen has measured of the training rows, as far as a card shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.types import standard_artifacts

_SPLIT = "train"


@dataclass(frozen=True)
class FeatureSummary:
    """
    One numeric column of the training rows.

    :param name: of the column.
    :param missing: rows without a value.
    :param mean: of the values.
    :param deviation: their standard deviation.
    :param minimum: the smallest.
    :param median: the middle one.
    :param maximum: the largest.
    :param counts: of values in parts of equal width from the smallest to the largest.
    """

    name: str
    missing: int
    mean: float
    deviation: float
    minimum: float
    median: float
    maximum: float
    counts: list[float]


@dataclass(frozen=True)
class TrainingRows:
    """
    The split that the model learned from.

    :param rows: how many.
    :param features: its numeric columns, the label among them.
    """

    rows: int
    features: list[FeatureSummary]


def read_training_rows(statistics: standard_artifacts.ExampleStatistics) -> TrainingRows:
    """
    Return what is known of the training rows.

    :param statistics: artifact of a StatisticsGen.
    """
    dataset = load_statistics(statistics, _SPLIT).proto().datasets[0]
    numeric = [feature for feature in dataset.features if feature.HasField("num_stats")]
    return TrainingRows(int(dataset.num_examples), [_summary(feature) for feature in numeric])


def read_quartiles(statistics: standard_artifacts.ExampleStatistics, name: str) -> list[float]:
    """
    Return the three values that part the training rows into quarters.

    :param statistics: artifact of a StatisticsGen.
    :param name: of a numeric feature.
    """
    features = load_statistics(statistics, _SPLIT).proto().datasets[0].features
    (feature,) = [feature for feature in features if feature.path.step[0] == name]
    histogram = _histogram(feature, statistics_pb2.Histogram.QUANTILES)
    edges = [histogram.buckets[0].low_value, *(bucket.high_value for bucket in histogram.buckets)]
    counted = np.cumsum([0.0, *(bucket.sample_count for bucket in histogram.buckets)])
    return [float(value) for value in np.interp(counted[-1] * np.array([0.25, 0.5, 0.75]), counted, edges)]


def _summary(feature: Any) -> FeatureSummary:
    found = feature.num_stats
    histogram = _histogram(feature, statistics_pb2.Histogram.STANDARD)
    return FeatureSummary(
        name=feature.path.step[0],
        missing=int(found.common_stats.num_missing),
        mean=found.mean,
        deviation=found.std_dev,
        minimum=found.min,
        median=found.median,
        maximum=found.max,
        counts=[bucket.sample_count for bucket in histogram.buckets],
    )


def _histogram(feature: Any, kind: int) -> Any:
    return next(histogram for histogram in feature.num_stats.histograms if histogram.type == kind)
