"""The features to monitor."""

from __future__ import annotations

from collections.abc import Collection

from tfx.components.statistics_gen.stats_artifact_utils import load_statistics
from tfx.types import standard_artifacts

from wine_pipeline.monitorer.errors import MonitoringError

_SPLIT = "train"


def read_numeric_means(
    statistics: standard_artifacts.ExampleStatistics, excluded: Collection[str]
) -> dict[str, float]:
    """
    Return the mean of each numeric feature in the split ``train``.

    :param statistics: artifact of a StatisticsGen.
    :param excluded: names of features that the model does not take.
    :raises MonitoringError: if there is no numeric feature, or an excluded one does not exist.
    """
    features = load_statistics(statistics, _SPLIT).proto().datasets[0].features
    names = {feature.path.step[0] for feature in features}
    if unknown := sorted(set(excluded) - names):
        raise MonitoringError(f"{statistics.uri}: no such feature: {', '.join(unknown)}")
    means = {
        feature.path.step[0]: feature.num_stats.mean
        for feature in features
        if feature.HasField("num_stats") and feature.path.step[0] not in excluded
    }
    if not means:
        raise MonitoringError(f"{statistics.uri}: no numeric feature to watch")
    return means
