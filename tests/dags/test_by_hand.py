"""Runs that a person has triggered or marked in a way that nobody foresaw, executed by Airflow itself."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.cli.cli_parser import get_parser

from tests.dags.dag_environment import ParseDags
from tests.support.airflow_environment import REPOSITORY


@pytest.fixture(scope="module", autouse=True)
def database() -> None:
    parsed = get_parser().parse_args(["db", "migrate"])
    parsed.func(parsed)


def run(parse_dags: ParseDags, dag_id: str, **how: Any) -> dict[str, str]:
    """Execute a run without a cloud, and return the states of its tasks."""
    dag = parse_dags(REPOSITORY / "dags").dags[dag_id]
    return {ti.task_id: str(ti.state) for ti in dag.test(**how).get_task_instances()}


def test_a_key_that_the_dag_does_not_know_ends_the_run_before_anything_is_done(
    parse_dags: ParseDags, wine_environment: None
) -> None:
    states = run(parse_dags, "wine_rollback_white", run_conf={"dry-run": True})

    assert states.pop("find_previous") == "failed"
    assert set(states.values()) == {"upstream_failed"}


def test_behind_a_training_that_was_marked_success_nothing_is_rolled_out_and_nothing_taken_back(
    parse_dags: ParseDags, wine_environment: None
) -> None:
    states = run(parse_dags, "wine_retraining_white", mark_success_pattern="check_.*|train|cancel")

    assert (states["train"], states["gate"]) == ("success", "failed")
    assert states["roll_back"] == "skipped"
    behind = states.keys() - {"check_freshness", "check_data", "train", "cancel", "gate", "roll_back"}
    assert {states[task_id] for task_id in behind} == {"upstream_failed"}
