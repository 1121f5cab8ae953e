"""From a window with anomalies to a training, or to the reason for none; with real monitoring jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from dev.demo.drift import DRIFT_DAG
from dev.demo.train import Demo
from tests.e2e.demo_runs import finish
from tests.e2e.drift_wines import WINES, add_row, watched_wines
from tests.plugins.monitoring.drifting import Drifting
from tests.support.dag_runs import DagRun

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
STRONGER = 5
EVENT_SECONDS = 120


@pytest.fixture(scope="module")
def watched(
    demo: Demo, first_run: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Drifting]]:
    """Train, deploy and monitor every wine; analyse one window without drift."""
    with watched_wines(demo.settings, tmp_path_factory.mktemp("models")) as watched:
        for dag_id in (DRIFT_DAG, *map(retraining, WINES)):
            demo.stack.airflow.unpause(dag_id)
        runs = {wine: demo.stack.airflow.trigger(retraining(wine)) for wine in WINES}
        for wine, drifting in watched.items():
            assert succeeded(demo, wine, runs[wine]).states["train"] == "success"
            drifting.window()
        yield watched


def retraining(wine: str) -> str:
    return f"wine_retraining_{wine}"


def succeeded(demo: Demo, wine: str, run_id: str) -> DagRun:
    """Wait for the end of a run, which must succeed."""
    run = finish(demo, retraining(wine), run_id)
    assert run.state == "success", run.states
    return run


def look(demo: Demo) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Run wine_drift once; return the states of its tasks, and the events that it has emitted."""
    run_id = demo.stack.airflow.trigger(DRIFT_DAG)
    demo.follow(run_id, DRIFT_DAG)
    return demo.stack.airflow.task_states(DRIFT_DAG, run_id), events_of(demo, run_id)


def events_of(demo: Demo, run_id: str) -> list[dict[str, Any]]:
    query = urlencode({"source_dag_id": DRIFT_DAG, "source_run_id": run_id})
    return list(demo.stack.airflow.call("GET", f"/assets/events?{query}")["asset_events"])


def run_of(demo: Demo, wine: str, event: dict[str, Any]) -> DagRun:
    """Wait for the run that an event starts, and for its end."""

    def started() -> tuple[str, str | None]:
        (found,) = [one for one in events_of(demo, event["source_run_id"]) if one["id"] == event["id"]]
        runs = [run["run_id"] for run in found["created_dagruns"] if run["dag_id"] == retraining(wine)]
        return "", runs[0] if runs else None

    run_id = demo.progress.wait(f"a run of {event}", started, timeout=EVENT_SECONDS, every=0.5)
    return succeeded(demo, wine, run_id)


def drift(demo: Demo, watched: dict[str, Drifting], wine: str) -> tuple[dict[str, Any], DagRun]:
    """Send drifted requests and run wine_drift; return the one event, and the run that it has started."""
    watched[wine].window(alcohol=STRONGER)
    states, events = look(demo)
    (event,) = events
    assert event["name"] == f"wine_drift_{wine}"
    assert states.pop(f"detect_drift_{wine}") == "success"
    assert states.keys() >= {f"detect_drift_{other}" for other in ("white", "red", *WINES) if other != wine}
    assert set(states.values()) == {"skipped"}
    return event, run_of(demo, wine, event)


def jobs(demo: Demo, wine: str) -> list[Any]:
    return demo.vertex.pipeline_jobs(wine)


def test_ordinary_requests_lead_to_no_event(demo: Demo, watched: dict[str, Drifting]) -> None:
    states, events = look(demo)

    assert set(states.values()) == {"skipped"}
    assert events == []


def test_drift_with_new_data_trains_and_the_run_and_its_job_say_why(
    demo: Demo, watched: dict[str, Drifting]
) -> None:
    add_row(demo.settings, "grey")

    event, run = drift(demo, watched, "grey")

    # the event has the feature, the distance, the time and the job
    extra = event["extra"]
    assert (extra["monitoring_job"], extra["endpoint"]) == (watched["grey"].job, watched["grey"].endpoint)
    assert {one["feature"] for one in extra["anomalies"]} == {"alcohol"}
    assert all(one["distance"] > one["threshold"] for one in extra["anomalies"])
    # so does the run
    assert run.run_id.startswith("asset_triggered__")
    freshness = run.xcom("check_freshness")
    assert (freshness["trigger"], freshness["drift"]) == ("drift", [extra])
    assert "This run was caused by drift: alcohol " in run.log("check_freshness")
    # and it trains
    assert run.states["train"] == "success"
    first, second = jobs(demo, "grey")
    assert (first.labels["trigger"], second.labels["trigger"]) == ("manual", "drift")
    assert second.labels["data_version"] == str(freshness["data_version"])


def test_a_window_is_told_once(demo: Demo, watched: dict[str, Drifting]) -> None:
    watched["grey"].window(alcohol=STRONGER)
    states, events = look(demo)
    again, none = look(demo)

    assert (states["detect_drift_grey"], len(events)) == ("success", 1)
    assert (again["detect_drift_grey"], none) == ("skipped", [])


def test_drift_without_new_data_is_skipped_with_the_reason(demo: Demo, watched: dict[str, Drifting]) -> None:
    before = jobs(demo, "grey")

    _, run = drift(demo, watched, "grey")

    assert run.states["check_freshness"] == "success"
    assert {state for task, state in run.states.items() if task != "check_freshness"} == {"skipped"}
    reason = run.xcom("check_freshness", "skipped_because")
    assert reason.startswith("caused by drift (alcohol ")
    assert reason.endswith("and retrain_on_drift_without_new_data is not set")
    assert [job.name for job in jobs(demo, "grey")] == [job.name for job in before]


def test_with_the_key_set_it_trains_on_the_same_data_again(demo: Demo, watched: dict[str, Drifting]) -> None:
    _, run = drift(demo, watched, "orange")

    assert run.states["train"] == "success"
    first, second = jobs(demo, "orange")
    assert first.labels["data_version"] == second.labels["data_version"]
    assert second.labels["trigger"] == "drift"


def test_after_it_the_table_has_been_seen(demo: Demo, watched: dict[str, Drifting]) -> None:
    before = len(jobs(demo, "orange"))

    run = succeeded(demo, "orange", demo.stack.airflow.trigger(retraining("orange")))

    assert run.states["train"] == "skipped"
    assert len(jobs(demo, "orange")) == before


def test_soon_after_a_training_drift_starts_no_other_and_says_which_it_was(
    demo: Demo, watched: dict[str, Drifting]
) -> None:
    add_row(demo.settings, "rose")

    _, run = drift(demo, watched, "rose")

    assert run.states["train"] == "skipped"
    (job,) = jobs(demo, "rose")
    reason = run.xcom("check_freshness", "skipped_because")
    assert f"but the last training, {job.name}, began 0." in reason
    assert reason.endswith("and drift_cooldown_hours is 24")


def test_new_data_within_the_cooldown_is_for_the_schedule_or_a_person(
    demo: Demo, watched: dict[str, Drifting]
) -> None:
    run = succeeded(demo, "rose", demo.stack.airflow.trigger(retraining("rose")))

    assert run.xcom("check_freshness")["trigger"] == "manual"
    assert run.states["train"] == "success"
