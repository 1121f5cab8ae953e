"""The example on a live Airflow: a window with anomalies starts the DAG that waits for it, once."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud import storage

from tests.plugins.live.example_settings import Start
from tests.plugins.live.runs import Runs, wait
from tests.plugins.monitoring.drifting import watch
from tests.plugins.operators.served_models import Endpoint

LOOK, AFTER = "example_drift", "example_after_drift"

pytestmark = pytest.mark.timeout(600)


def test_the_example_starts_one_run_for_a_window_and_a_second_look_none(
    runs: Runs, endpoint: Endpoint, start: Start
) -> None:
    airflow, settings = runs.stack.airflow, runs.stack.settings
    bucket = storage.Client(project=settings.cloud.project).bucket(settings.bucket)
    drifting = watch(settings.cloud, bucket, endpoint, {"wine": "example"})
    airflow.unpause(AFTER)

    def after() -> list[dict[str, Any]]:
        return list(airflow.call("GET", f"/dags/{AFTER}/dagRuns")["dag_runs"])

    drifting.window()
    assert start(LOOK).wait_for_end() == ("success", {"detect_drift": "skipped"})
    drifting.window(alcohol=5)
    start(LOOK).wait_for_end()
    (started,) = wait(after, lambda found: len(found) == 1)
    again = start(LOOK).wait_for_end()

    (event,) = airflow.call("GET", f"/assets/events?source_dag_id={LOOK}")["asset_events"]
    run = runs.run(AFTER, started["dag_run_id"])
    assert run.wait_for_end() == ("success", {"tell": "success"})
    assert run.xcom("tell") == event["extra"]["window_end"]
    assert again == ("success", {"detect_drift": "skipped"})
    assert len(after()) == 1
