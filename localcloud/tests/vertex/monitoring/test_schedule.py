"""Scheduled windows: a window that is due runs by itself, also after a downtime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import aiplatform_v1 as v1
from tests.vertex.monitoring.monitored import Monitored, Row

from localcloud.testing import Cloud, eventually
from localcloud.vertex.monitoring.schedule import next_time
from localcloud.vertex.resources.store import ResourceStore

WAIT_SECONDS = 120


def test_a_window_that_is_due_runs_by_itself(
    monitor: Callable[..., Monitored], draw: Callable[..., list[Row]], cloud: Cloud
) -> None:
    # given requests, and a job whose next run was due while localcloud was down
    monitored = monitor({"alcohol": 0.3})
    monitored.ask_raw(draw(1000))
    assert cloud.stop() == 0
    due = datetime.now(UTC) - timedelta(minutes=5)
    store = ResourceStore(cloud.settings.state / "vertex" / "resources.sqlite")
    job = store.get(monitored.job, v1.ModelDeploymentMonitoringJob)
    job.next_schedule_time = due
    store.put(job.name, job)
    store.close()

    cloud.start()
    eventually(lambda: monitored.read().latest_monitoring_pipeline_metadata.run_time, seconds=WAIT_SECONDS)

    # then the requests of the last hour were measured, and the next run is an interval after the one missed
    assert [feature.feature_display_name for feature in monitored.search()[0].feature_stats] == ["alcohol"]
    assert monitored.read().next_schedule_time == due + timedelta(hours=1)


def test_the_next_run_is_whole_intervals_after_the_last() -> None:
    last = datetime(2026, 1, 1, 12, tzinfo=UTC)
    schedule = {"monitor_interval": timedelta(hours=2)}
    fields: dict[str, Any] = {"next_schedule_time": last}
    job = v1.ModelDeploymentMonitoringJob(model_deployment_monitoring_schedule_config=schedule, **fields)

    assert next_time(job, last) == last + timedelta(hours=2)
    assert next_time(job, last + timedelta(hours=5)) == last + timedelta(hours=6)
