"""What monitoring has really measured, found by the hook and waited for by the sensor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRescheduleException
from vertex_mlops.hooks.model_monitoring import ModelMonitoringHook
from vertex_mlops.sensors.model_monitoring import RAW_FEATURES, ModelMonitoringAnomaliesSensor

from tests.localcloud.vertex.conftest import (  # noqa: F401
    bucket,
    clients,
    deploy,
    new_endpoint,
    new_model,
    parent,
    wine,
)
from tests.localcloud.vertex.monitoring.conftest import (  # noqa: F401
    Monitored,
    Row,
    draw,
    exported,
    monitor,
    white_wines,
)
from tests.plugins.conftest import context_of

COUNT = 1000


@pytest.fixture
def monitored(monitor: Callable[..., Monitored], draw: Callable[..., list[Row]]) -> Monitored:  # noqa: F811
    """Monitor alcohol and pH; the requests of the one window so far were ordinary."""
    job = monitor({"alcohol": 0.3, "ph": 0.3})
    job.ask_raw(draw(COUNT))
    job.run_window()
    return job


def look(place: dict[str, str], job: str, **options: Any) -> list[dict[str, Any]]:
    """Let the sensor look once, and give the anomalies that it hands on."""
    task = ModelMonitoringAnomaliesSensor(task_id="anomalies", job_id=job, **place, **options)
    found: list[dict[str, Any]] = task.execute(context_of(task))["anomalies"]
    return found


def test_it_waits_while_there_is_no_anomaly_and_hands_on_the_one_that_comes(
    place: dict[str, str],
    monitored: Monitored,
    draw: Callable[..., list[Row]],  # noqa: F811
) -> None:
    # given ordinary requests
    with pytest.raises(AirflowRescheduleException):
        look(place, monitored.job)

    # when stronger wines come
    monitored.ask_raw(draw(COUNT, alcohol=2.0))
    monitored.run_window()
    found = look(place, monitored.job)

    # then it is alcohol, by skew and by drift, in the window that has just been analysed
    assert [(one["feature"], one["objective"]) for one in found] == [
        ("alcohol", "RAW_FEATURE_SKEW"),
        ("alcohol", "RAW_FEATURE_DRIFT"),
    ]
    assert {one["deployed_model_id"] for one in found} == {monitored.deployed_id}
    assert all(one["distance"] > one["threshold"] == 0.3 for one in found)
    assert all(one["start_time"] < one["end_time"] for one in found)

    # and it is not found again by who asks only for what came later
    with pytest.raises(AirflowRescheduleException):
        look(place, monitored.job, start_time=datetime.now(UTC).isoformat())


def test_the_hook_pages_through_all_windows(
    place: dict[str, str],
    monitored: Monitored,
    draw: Callable[..., list[Row]],  # noqa: F811
) -> None:
    monitored.ask_raw(draw(COUNT))
    monitored.run_window()

    pages = ModelMonitoringHook().search_stats_anomalies(
        job_id=monitored.job.rpartition("/")[2],
        deployed_model_id=monitored.deployed_id,
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
