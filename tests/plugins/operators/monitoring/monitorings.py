"""The operator that keeps an endpoint's monitoring job, and the sensor after it, as the tests run them."""

from __future__ import annotations

from typing import Any

from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.operators.monitoring.job import CreateOrUpdateModelMonitoringJobOperator

from tests.plugins.contract.contracts import MONITORING
from tests.plugins.monitoring.monitoring_jobs import run, settle
from tests.plugins.operators.served_models import Endpoint

SETTINGS = MONITORING | {"emails": ["cellar@example.com"]}


def monitoring(
    place: dict[str, str],
    endpoint: Endpoint,
    pipeline_job: str,
    deployed_model_id: str,
    examples: str = "gs://plugins/examples/1",
    recreate: bool = False,
    **settings: Any,
) -> CreateOrUpdateModelMonitoringJobOperator:
    return CreateOrUpdateModelMonitoringJobOperator(
        task_id="monitor",
        endpoint=endpoint.name,
        deployed_model_id=deployed_model_id,
        training_examples=examples,
        pipeline_job=pipeline_job,
        display_name="wine-test",
        settings=MonitoringSettings(**SETTINGS | settings),
        labels={"wine": "test"},
        recreate=recreate,
        poll_interval=1,
        **place,
    )


def monitor(place: dict[str, str], *arguments: Any, **options: Any) -> dict[str, Any]:
    """Run the operator as Airflow does, and the sensor after it."""
    result = run(monitoring(place, *arguments, **options))
    return result | settle(place, result)
