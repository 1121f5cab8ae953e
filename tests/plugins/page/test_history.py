"""Each run shows how it ended, and why."""

from __future__ import annotations

from typing import Any

import pytest
from vertex_mlops.page.history import metric_charts, metric_names, metric_title, tell_history
from vertex_mlops.page.sources import AirflowRun

from tests.plugins.page.made_readings import MODEL, airflow_run, training, version

EVIDENCE = "mean_absolute_error of grade is -0.0200 compared with the champion's"
REASON = "mad is 0.6, allowed is 0.55"


@pytest.mark.parametrize(
    ("run", "job", "aliases", "outcome", "why"),
    [
        ({}, {}, ["champion"], ("ok", "Promoted"), ""),
        ({}, {"reason": EVIDENCE}, ["champion"], ("ok", "Promoted"), EVIDENCE),
        ({}, {"blessed": False, "reason": REASON}, None, ("warn", "Rejected"), REASON),
        (
            {},
            {"blessed": False, "verdict": "not judged", "reason": "14 distinct rows"},
            None,
            ("warn", "Not judged"),
            "14 distinct rows",
        ),
        ({}, {"blessed": False}, None, ("warn", "Rejected"), "the pipeline reports no reason"),
        ({}, None, None, ("ok", "Nothing trained"), ""),
        ({"skipped_because": "no new data"}, None, None, ("ok", "Nothing trained"), "no new data"),
        ({"state": "running"}, {}, None, ("unknown", "Running"), ""),
        ({"state": "queued"}, None, None, ("unknown", "Queued"), ""),
        (
            {"state": "failed", "failed_tasks": ["check_data"]},
            None,
            None,
            ("bad", "Failed"),
            "failed: check_data",
        ),
        (
            {"state": "failed", "failed_tasks": ["train"]},
            {"state": "FAILED", "blessed": None, "reason": "task Trainer: the loss is NaN"},
            None,
            ("bad", "Training failed"),
            "task Trainer: the loss is NaN",
        ),
        (
            {"state": "failed", "failed_tasks": ["verify_10"]},
            {},
            [],
            ("bad", "Rolled back"),
            "failed: verify_10",
        ),
        (
            {"state": "failed", "failed_tasks": ["monitor"]},
            {},
            ["champion"],
            ("warn", "Promoted, then failed"),
            "failed: monitor",
        ),
        ({"state": "failed"}, {}, [], ("bad", "Rolled back"), "marked failed"),
        (
            {"state": "success", "left_alone": True},
            {},
            None,
            ("warn", "Result not used"),
            "the task ended before its job; clear it to use the job's result",
        ),
        # the task or the run was marked success, and the teardown has cancelled the job, or does so soon
        (
            {"state": "success", "left_alone": True},
            {"state": "CANCELLED", "blessed": None},
            None,
            ("warn", "Training cancelled"),
            "the task ended before its job; clear it to train again",
        ),
        (
            {"state": "success", "left_alone": True},
            {"state": "RUNNING", "blessed": None},
            None,
            ("warn", "Result not used"),
            "the task ended before its job; clear it to use the job's result",
        ),
        # a task whose job has failed has no result either
        (
            {"state": "failed", "failed_tasks": ["train"], "left_alone": True},
            {"state": "FAILED", "blessed": None, "reason": "task Trainer: the loss is NaN"},
            None,
            ("bad", "Training failed"),
            "task Trainer: the loss is NaN",
        ),
    ],
)
def test_a_run_is_told_by_how_it_ended(
    run: dict[str, Any],
    job: dict[str, Any] | None,
    aliases: list[str] | None,
    outcome: tuple[str, str],
    why: str,
) -> None:
    of = airflow_run(**run)
    trainings = [] if job is None else [training(of, **job)]
    versions = [] if aliases is None else [version(1, *aliases)]

    (event,) = tell_history(MODEL, [of], trainings, versions)

    assert (event.level, event.outcome) == outcome
    assert event.detail == why
    assert event.version == (versions[0] if versions else None)


@pytest.mark.parametrize(
    ("state", "outcome"),
    [("success", "Rolled back manually"), ("running", "Rolling back"), ("failed", "Rollback failed")],
)
def test_a_rollback_is_no_training(state: str, outcome: str) -> None:
    run = airflow_run(dag_id=MODEL.rollback_dag_id, state=state)

    (event,) = tell_history(MODEL, [run], [], [version(1, "champion")])

    assert event.outcome == outcome


def test_a_link_leads_to_the_run_whatever_its_id() -> None:
    run = airflow_run(run_id="manual__2025-11-25T12:00:00+00:00/..?#")

    (event,) = tell_history(MODEL, [run], [], [])

    assert event.run_url == (
        "../dags/wine_retraining_white/runs/manual__2025-11-25T12%3A00%3A00%2B00%3A00%2F..%3F%23"
    )


@pytest.mark.parametrize(
    ("cause", "words"),
    [("manual", "manually"), ("scheduled", "by schedule"), ("asset_triggered", "by drift")],
)
def test_a_run_says_what_has_started_it(cause: str, words: str) -> None:
    (event,) = tell_history(MODEL, [airflow_run(cause=cause)], [], [])

    assert event.cause == words


def test_the_newest_job_of_a_run_tells_how_it_went_and_the_runs_are_in_order() -> None:
    first, second = airflow_run(1), airflow_run(2)
    jobs = [training(second, job_id="second"), training(second, job_id="first", state="FAILED", blessed=None)]

    events = tell_history(MODEL, [second, first], jobs, [])

    told = [(event.run_id, event.outcome) for event in events if event.run_id]
    assert told == [(second.run_id, "Promoted"), (first.run_id, "Nothing trained")]


def test_a_job_without_a_run_is_told_too() -> None:
    deleted = training(airflow_run(7))

    events = tell_history(MODEL, [], [deleted, training()], [])

    assert {(event.cause, event.run_url) for event in events} == {
        ("run not found", None),
        ("without Airflow", None),
    }


def test_figures_are_those_of_the_model_and_the_newest_is_on_the_right() -> None:
    runs: list[AirflowRun] = [airflow_run(2), airflow_run(1)]
    jobs = [
        training(run, metrics={"mad": 0.4 + i, "champion_mad": 0.5, "baseline_mad": 1.0, "examples": 9.0})
        for i, run in enumerate(runs)
    ]

    ((title, chart),) = metric_charts(tell_history(MODEL, runs, jobs, [version(1)]))

    assert metric_names(jobs) == ["mad"]
    assert title == "MAD, lower is better"
    assert chart.index("1.400") < chart.index("0.400, champion 0.500")


def test_a_figure_has_a_name_that_a_person_reads() -> None:
    assert [metric_title(name) for name in ("auc", "accuracy", "log_loss")] == ["AUC", "Accuracy", "Log loss"]
