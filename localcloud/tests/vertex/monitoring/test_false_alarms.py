"""Do the default thresholds let ordinary traffic pass, and do they catch what is not ordinary?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Cloud
from tests.localcloud.vertex.monitoring.conftest import DRIFT, SKEW, Monitored

CONFIG = Path(__file__).parents[4] / "dags" / "wine_config.yaml"
WINDOWS, REQUESTS = 20, 1000
FEATURES = 11


@pytest.fixture(scope="module")
def thresholds() -> dict[str, float]:
    """Return the default threshold of each objective, as the DAG sets it."""
    monitoring = yaml.safe_load(CONFIG.read_text())["wines"]["white"]["monitoring"]
    assert monitoring["feature_skew_thresholds"] == monitoring["feature_drift_thresholds"] == {}
    return {"skew": monitoring["skew_threshold"], "drift": monitoring["drift_threshold"]}


def test_ordinary_traffic_raises_no_alarm_and_stronger_wine_does(
    monitor: Callable[..., Monitored],
    draw: Callable[..., list[dict[str, Any]]],
    thresholds: dict[str, float],
    cloud: Cloud,
) -> None:
    assert thresholds["skew"] == thresholds["drift"]
    monitored = monitor({}, default=thresholds["skew"])

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

    # when wines of two per cent more alcohol come, then it is alcohol alone that is reported
    monitored.ask_raw(draw(REQUESTS, alcohol=2.0))
    done = cloud.command("monitor", "run", monitored.job)
    assert done.returncode == 0, done.stderr
    print(done.stdout)

    assert [line.split()[2] for line in done.stdout.splitlines() if "ANOMALY" in line] == ["alcohol"] * 2
    assert monitored.anomalies() == [("RAW_FEATURE_SKEW", "alcohol"), ("RAW_FEATURE_DRIFT", "alcohol")]
