"""Waiting times of the local stack: the demo, a run of the DAG, a second start, an edit."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from dev.bench.bounds import Measure
from dev.demo.report import ALL_STEPS_SECONDS, GIB, MEMORY_LIMIT_BYTES, SKIPPED_LIMIT_SECONDS
from dev.demo.train import DAG_ID, Demo
from dev.stack.airflow_api import AirflowApi

OVERHEAD_SECONDS = 15
SECOND_START_SECONDS = 15
EDIT_SECONDS = 5
EDITED_DAG = "wine_rollback_white"
EDITED_FILE = "wine_rollback.py"
DESCRIPTION = "Roll the"
LIVE_SECONDS = 120


def demo_measures(demo: Demo) -> list[Measure]:
    """
    Run every step of the demo and measure it.

    :param demo: of a stack that does not run yet.
    """
    before = sum(demo.progress.seconds.values())
    demo.run()
    steps = sum(demo.progress.seconds.values()) - before
    trained = demo.report.runs[-1]
    return [
        Measure("steps of the demo", steps, ALL_STEPS_SECONDS, "s"),
        Measure(
            "DAG run with new data beyond its pipeline",
            overhead_seconds(
                _task_instances(demo.stack.airflow, trained.run_id),
                _pipeline_seconds(demo, trained.pipeline_job),
            ),
            OVERHEAD_SECONDS,
            "s",
        ),
        Measure("DAG run without new data", demo.report.skipped_seconds, SKIPPED_LIMIT_SECONDS, "s"),
        Measure("DAG run without new data: scanned", demo.report.skipped_bytes, 0, "bytes"),
        Measure("worker slots held while training", demo.report.held_slots, 0, "slots"),
        Measure("memory of all processes", demo.memory.peak_bytes / GIB, MEMORY_LIMIT_BYTES / GIB, "GiB"),
    ]


def edit_measure(airflow: AirflowApi, dags: Path) -> Measure:
    """
    Edit a DAG file, and wait until Airflow shows the edit.

    :param airflow: serves the DAGs.
    :param dags: their folder; what is in it may be changed.
    """
    airflow.unpause(EDITED_DAG)
    file = dags / EDITED_FILE
    before = _description(airflow)
    text = edited(file.read_text())
    started = time.monotonic()
    file.write_text(text)
    while _description(airflow) == before:
        if time.monotonic() - started > LIVE_SECONDS:
            raise TimeoutError(f"the edit of {file} has no effect after {LIVE_SECONDS} s")
        time.sleep(0.1)
    return Measure("an edit of a DAG file is live", time.monotonic() - started, EDIT_SECONDS, "s")


def edited(text: str) -> str:
    """
    Replace the description of the DAG that is edited.

    :param text: of its file.
    :raises ValueError: the description of now is not in it.
    """
    if DESCRIPTION not in text:
        raise ValueError("nothing to edit in the DAG file")
    return text.replace(DESCRIPTION, f"After an edit: {DESCRIPTION}")


def overhead_seconds(instances: Iterable[Mapping[str, Any]], pipeline_seconds: float) -> float:
    """
    Return the seconds from the begin of the first task to the end of the last, without those of the pipeline.

    :param instances: the task instances of a run, as Airflow's REST API tells them.
    :param pipeline_seconds: from the creation of the pipeline job to its end.
    """
    times = [
        (datetime.fromisoformat(instance["start_date"]), datetime.fromisoformat(instance["end_date"]))
        for instance in instances
        # one that was skipped or never reached has no begin
        if instance["start_date"] and instance["end_date"]
    ]
    first, last = min(begin for begin, _ in times), max(end for _, end in times)
    return (last - first).total_seconds() - pipeline_seconds


def _task_instances(airflow: AirflowApi, run_id: str) -> list[dict[str, Any]]:
    found = airflow.call("GET", f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances")
    return list(found["task_instances"])


def _pipeline_seconds(demo: Demo, name: str) -> float:
    job = demo.vertex.pipeline_job(name)
    # mypy knows a Timestamp, proto-plus gives a datetime
    begin: Any = job.create_time
    end: Any = job.end_time
    return float((end - begin).total_seconds())


def _description(airflow: AirflowApi) -> str:
    return str(airflow.call("GET", f"/dags/{EDITED_DAG}")["description"])
