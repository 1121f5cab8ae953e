"""The DAGs that a person goes back with, as Airflow sees them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.dags.dag_environment import ParseDags
from tests.support.airflow_environment import REPOSITORY

FLOW = [
    "find_previous",
    "deploy",
    "traffic_100",
    "verify_100",
    "promote",
    "monitor",
    "monitor_settled",
    "retire",
]


@pytest.fixture
def dag(parse_dags: ParseDags, wine_environment: None) -> Any:
    bag = parse_dags(REPOSITORY / "dags")
    assert not bag.import_errors
    return bag.dags["wine_rollback_white"]


def test_the_tasks_run_one_after_the_other(dag: Any) -> None:
    assert {task.task_id for task in dag.tasks} == set(FLOW)
    for earlier, later in itertools.pairwise(FLOW):
        assert later in dag.get_task(earlier).downstream_task_ids


def test_one_click_is_enough_and_nothing_else_starts_it(dag: Any) -> None:
    assert dag.timetable.can_be_scheduled is False
    assert dag.max_active_runs == 1
    assert not dag.params


def test_every_task_says_what_it_does_and_what_to_do_when_it_fails(dag: Any) -> None:
    assert dag.doc_md
    for task in dag.tasks:
        does, _, fails = task.doc_md.partition("**If it fails**")
        assert does.strip()
        assert fails.strip().startswith("- ")


def test_it_acts_on_what_the_retraining_acts_on(
    dag: Any, parse_dags: ParseDags, wine_environment: None
) -> None:
    retraining = parse_dags(REPOSITORY / "dags").dags["wine_retraining_white"]

    for name in ("display_name", "labels", "settings", "project_id", "region"):
        assert getattr(dag.get_task("monitor"), name) == getattr(retraining.get_task("monitor"), name)
    freshness = retraining.get_task("check_freshness")
    assert dag.get_task("find_previous").pipeline_job_labels == freshness.pipeline_job_labels
    for task in ("deploy", "promote", "retire", "verify_100"):
        assert type(dag.get_task(task)) is type(retraining.get_task(task))
