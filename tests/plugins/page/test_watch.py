"""Which features drift now, and which alerts there were."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from vertex_mlops.monitoring.anomalies import Anomaly
from vertex_mlops.monitoring.drift_events import DriftEvent
from vertex_mlops.page.sources import AssetSignal
from vertex_mlops.page.watch import newest, tell_alerts, tell_features, tell_ignored

from tests.plugins.page.made_readings import NOW, distance, monitoring

EARLIER = NOW - timedelta(hours=2)
LATER = NOW - timedelta(hours=1)


def signal(**changes: Any) -> AssetSignal:
    """Return an event that tells of alcohol, and has started a run."""
    anomaly = Anomaly(
        deployed_model_id="99",
        objective="RAW_FEATURE_DRIFT",
        feature="alcohol",
        distance=0.44,
        threshold=0.3,
        start_time=(EARLIER - timedelta(hours=1)).isoformat(),
        end_time=EARLIER.isoformat(),
    )
    event = DriftEvent(
        monitoring_job="projects/1/locations/r/modelDeploymentMonitoringJobs/1",
        endpoint="projects/1/locations/r/endpoints/1",
        window_start=anomaly["start_time"],
        window_end=anomaly["end_time"],
        anomalies=[anomaly],
    )
    made = AssetSignal(
        NOW, dict(event), ("wine_drift", "scheduled__1"), [("wine_retraining_white", "asset_triggered__1")]
    )
    return made._replace(**changes)


def test_only_the_newest_window_of_each_objective_counts() -> None:
    now, before = distance("alcohol", 0.1, end=LATER), distance("alcohol", 0.9, end=EARLIER)
    drift = distance("alcohol", 0.2, objective="drift", end=EARLIER)

    assert newest(monitoring(now, drift, before)) == [now, drift]


def test_skew_and_drift_stand_side_by_side_the_most_suspicious_feature_first() -> None:
    found = tell_features(
        [
            distance("ph", 0.2),
            distance("alcohol", 0.1),
            distance("alcohol", 0.5, objective="drift"),
            distance("sulphates", 0.15, threshold=0.1),
        ]
    )

    assert [feature.name for feature in found] == ["alcohol", "sulphates", "ph"]
    measured = [[one and one.distance.distance for one in (feature.skew, feature.drift)] for feature in found]
    assert measured == [[0.1, 0.5], [0.15, None], [0.2, None]]


def test_of_two_deployed_models_the_worse_one_counts() -> None:
    found = tell_features([distance("ph", 0.4), distance("ph", 0.2, deployed_model_id="102")])

    assert [feature.skew and feature.skew.distance.distance for feature in found] == [0.4]


def test_a_window_with_several_anomalies_is_one_alert_that_leads_to_the_monitoring_job() -> None:
    found = tell_alerts(
        monitoring(
            distance("alcohol", 0.5, end=LATER),
            distance("ph", 0.31, objective="drift", end=LATER),
            distance("sulphates", 0.3, end=LATER),
        ),
        [],
    )

    (alert,) = found
    assert alert.text == "alcohol skew 0.50 above 0.3, ph drift 0.31 above 0.3"
    assert (alert.url, alert.told_by) == ("https://console/monitoring", "monitoring job")


def test_an_event_of_a_model_that_serves_no_more_is_told_with_the_run_that_it_started() -> None:
    (alert,) = tell_alerts(None, [signal()])

    assert alert.text == "alcohol drift 0.44 above 0.3"
    assert (alert.told_by, alert.url) == ("wine_drift", "../dags/wine_drift/runs/scheduled__1")
    assert alert.started == [("asset_triggered__1", "../dags/wine_retraining_white/runs/asset_triggered__1")]


def test_a_window_that_an_event_told_of_is_one_alert_and_the_newest_comes_first() -> None:
    found = tell_alerts(
        monitoring(distance("alcohol", 0.44, end=EARLIER), distance("ph", 0.4, end=LATER)), [signal()]
    )

    assert [(alert.end, alert.told_by) for alert in found] == [
        (LATER, "monitoring job"),
        (EARLIER, "wine_drift"),
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"anomalies": None}, "anomalies: "),
        ({"anomalies": [{"feature": "alcohol"}]}, "anomalies.0.deployed_model_id: "),
        ({"window_end": "soon"}, "window_end: "),
        (
            {"window_end": "2099-01-01T00:00:00+00:00"},
            "window_end: 2099-01-01T00:00:00+00:00 is in the future",
        ),
    ],
)
def test_an_event_that_tells_of_no_window_is_no_alert_and_hides_none(
    changes: dict[str, Any], problem: str
) -> None:
    odd = signal(extra=signal().extra | changes)

    (alert,) = tell_alerts(None, [odd, signal()])

    assert alert.end == EARLIER
    (line,) = tell_ignored([odd, signal()])
    assert line.startswith(f"Nov 25, 12:00: {problem}")


def test_an_event_that_a_person_made_is_no_alert() -> None:
    assert tell_alerts(None, [signal(extra={"note": "just trying"})]) == []
