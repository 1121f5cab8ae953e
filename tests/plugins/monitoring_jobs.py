"""Runs the tasks around a monitoring job as Airflow does: a task that is rescheduled is executed anew."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowRescheduleException
from google.cloud import aiplatform_v1
from vertex_mlops.operators.model_monitoring_state import DeleteModelMonitoringJobOperator
from vertex_mlops.sensors.model_monitoring import ModelMonitoringJobSensor

from localcloud.vertex.store import ResourceStore
from tests.conftest import Cloud
from tests.plugins.conftest import context_of

# a job of localcloud settles in a second
SETTLE_SECONDS = 60


def run(task: Any) -> Any:
    """Execute a task until it ends, and return its result; Airflow would free its slot in between."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return task.execute(context_of(task))
        except AirflowRescheduleException:
            assert time.monotonic() < end, "the monitoring job does not settle"
            time.sleep(0.2)


@contextmanager
def unsettled(cloud: Cloud, name: str) -> Iterator[None]:
    """Keep a job that was just created or updated from settling, however slow this machine is."""
    store = ResourceStore(cloud.settings.state / "vertex" / "resources.sqlite")

    def date(update_time: Any) -> None:
        with store.transaction():
            job = store.get(name, aiplatform_v1.ModelDeploymentMonitoringJob)
            job.update_time = update_time
            store.put(name, job)

    date(datetime.now(UTC) + timedelta(hours=1))
    try:
        yield
    finally:
        date(datetime.now(UTC))
        store.close()


def settle(place: dict[str, str], result: dict[str, Any]) -> dict[str, Any]:
    """Wait with the sensor for what the operator has begun."""
    settled: dict[str, Any] = run(
        ModelMonitoringJobSensor(
            task_id="settled", job_id=result["name"], operation=result["operation"], poke_interval=1, **place
        )
    )
    return settled


def delete_monitoring_job(name: str) -> None:
    """Delete a monitoring job whatever its state is."""
    parts = aiplatform_v1.JobServiceClient.parse_model_deployment_monitoring_job_path(name)
    place = {"project_id": parts["project"], "region": parts["location"]}
    run(DeleteModelMonitoringJobOperator(task_id="delete", job_id=name, poll_interval=1, **place))
