"""Thresholds of 0.3 raise no false alarm for ordinary traffic, and detect unusual traffic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.vertex.monitoring.monitored import DRIFT, SKEW, Monitored

from localcloud.testing import Cloud

THRESHOLD = 0.3
WINDOWS, REQUESTS = 20, 1000
FEATURES = 11


def test_ordinary_traffic_raises_no_alarm_and_stronger_wine_does(
    monitor: Callable[..., Monitored],
    draw: Callable[..., list[dict[str, Any]]],
    cloud: Cloud,
) -> None:
    monitored = monitor({}, default=THRESHOLD)

    # given twenty windows of requests from the training distribution
    for _ in range(WINDOWS):
        monitored.ask_raw(draw(REQUESTS))
        monitored.run_window()
    found: dict[Any, Any] = {record.objective: record for record in monitored.search()}

    # then each feature was measured in each window (drift needs one before), and none is an anomaly
    for objective, windows in ((SKEW, WINDOWS), (DRIFT, WINDOWS - 1)):
        record = found[objective]
        assert len(record.feature_stats) == FEATURES
        assert {len(feature.prediction_stats) for feature in record.feature_stats} == {windows}
        assert record.anomaly_count == 0
        print(f"\n{objective.name}, {windows} windows of {REQUESTS} requests, distance to the baseline")
        for feature in record.feature_stats:
            distances = sorted(window.distribution_deviation for window in feature.prediction_stats)
            print(
                f"  {feature.feature_display_name:22} median {distances[windows // 2]:.4f}"
                f"  largest {distances[-1]:.4f}  threshold {feature.threshold.value:g}"
            )

    # when requests have two per cent more alcohol, then only alcohol is reported
    monitored.ask_raw(draw(REQUESTS, alcohol=2.0))
    done = cloud.command("monitor", "run", monitored.job)
    assert done.returncode == 0, done.stderr
    print(done.stdout)

    assert [line.split()[2] for line in done.stdout.splitlines() if "ANOMALY" in line] == ["alcohol"] * 2
    assert monitored.anomalies() == [("RAW_FEATURE_SKEW", "alcohol"), ("RAW_FEATURE_DRIFT", "alcohol")]
