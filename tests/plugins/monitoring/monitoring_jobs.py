"""Runs the tasks around a monitoring job as Airflow does: a task that is rescheduled is executed anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowRescheduleException
from google.cloud import aiplatform_v1
from vertex_mlops.operators.monitoring.state import DeleteModelMonitoringJobOperator
from vertex_mlops.sensors.model_monitoring import ModelMonitoringJobSensor

from localcloud.testing import Cloud, eventually
from localcloud.vertex.resources.store import ResourceStore
from tests.support.task_context import context_of

# a job of localcloud settles in a second
SETTLE_SECONDS = 60


def run(task: Any) -> Any:
    """Execute a task until it ends, and return its result; Airflow would free its slot in between."""
    return eventually(
        lambda: task.execute(context_of(task)),
        lambda _: True,
        SETTLE_SECONDS,
        every=0.2,
        ignored=(AirflowRescheduleException,),
    )


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
