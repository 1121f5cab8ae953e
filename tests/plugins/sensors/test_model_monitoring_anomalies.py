"""What monitoring has really measured, found by the hook and waited for by the sensor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.sensors.model_monitoring import RAW_FEATURES, ModelMonitoringAnomaliesSensor

from localcloud.testing import Cloud
from tests.plugins.monitoring.drifting import Drifting, watch
from tests.plugins.operators.served_models import Endpoint
from tests.support.task_context import context_of


@pytest.fixture
def watched(cloud: Cloud, bucket: Any, endpoint: Endpoint) -> Drifting:
    """Monitor alcohol and pH; the requests of the only window so far were ordinary."""
    watched = watch(cloud.settings, bucket, endpoint, labels={})
    watched.window()
    return watched


def look(place: dict[str, str], job: str, **options: Any) -> list[dict[str, Any]]:
    """Poke the sensor once, and return the anomalies that it pushes."""
    task = ModelMonitoringAnomaliesSensor(task_id="anomalies", job_id=job, **place, **options)
    found: list[dict[str, Any]] = task.execute(context_of(task))["anomalies"]
    return found


def test_it_waits_while_there_is_no_anomaly_and_hands_on_the_one_that_comes(
    place: dict[str, str],
    watched: Drifting,
) -> None:
    # given ordinary requests
    with pytest.raises(AirflowRescheduleException):
        look(place, watched.job)

    # when stronger wines come
    watched.window(alcohol=2.0)
    found = look(place, watched.job)

    # then it is alcohol, by skew and by drift, in the window that has just been analysed
    assert [(one["feature"], one["objective"]) for one in found] == [
        ("alcohol", "RAW_FEATURE_SKEW"),
        ("alcohol", "RAW_FEATURE_DRIFT"),
    ]
    assert {one["deployed_model_id"] for one in found} == {watched.deployed_model_id}
    assert all(one["distance"] > one["threshold"] == 0.3 for one in found)
    assert all(one["start_time"] < one["end_time"] for one in found)

    # and it is not found again by who asks only for what came later
    with pytest.raises(AirflowRescheduleException):
        look(place, watched.job, start_time=datetime.now(UTC).isoformat())


def test_the_hook_pages_through_all_windows(
    place: dict[str, str],
    watched: Drifting,
) -> None:
    watched.window()

    pages = ModelMonitoringHook().search_stats_anomalies(
        job_id=watched.job.rpartition("/")[2],
        deployed_model_id=watched.deployed_model_id,
        objectives=RAW_FEATURES,
        page_size=1,
        **place,
    )

    measured = [
        (objective.name, feature.feature_display_name, len(feature.prediction_stats))
        for stats in pages
        for objective in [stats.objective]
        for feature in stats.feature_stats
    ]
    skew = [("RAW_FEATURE_SKEW", feature, 1) for feature in ("alcohol", "alcohol", "ph", "ph")]
    assert measured == [*skew, ("RAW_FEATURE_DRIFT", "alcohol", 1), ("RAW_FEATURE_DRIFT", "ph", 1)]
