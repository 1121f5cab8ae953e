"""What a run may be triggered with: a key that its DAG does not know fails the first task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from vertex_mlops.exceptions import RunConfError

from tests.dags.dag_environment import ParseDags
from tests.support.airflow_environment import REPOSITORY

RETRAINING = "wine_retraining_white"


@pytest.fixture
def dags(parse_dags: ParseDags, wine_environment: None) -> dict[str, Any]:
    bag = parse_dags(REPOSITORY / "dags")
    assert not bag.import_errors
    return bag.dags


def begin(task: Any, conf: dict[str, Any] | None) -> None:
    """Prepare a task as Airflow does before it executes it."""
    task._pre_execute_hook({"task": task, "dag_run": SimpleNamespace(conf=conf)})


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        (
            {"dry-run": True},
            r"unknown key 'dry-run' \(did you mean 'dry_run'\?\); wine_retraining_white takes ",
        ),
        ({"forced": True}, r"unknown key 'forced' \(did you mean 'force'\?\)"),
        ({"DATA_VERSION": 1}, r"unknown key 'DATA_VERSION' \(did you mean 'data_version'\?\)"),
        ({"force": True, "colour": "red"}, "unknown key 'colour'; .* takes data_version, dry_run, force$"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    dags: dict[str, Any], conf: dict[str, Any], words: str
) -> None:
    with pytest.raises(RunConfError, match=words):
        begin(dags[RETRAINING].get_task("check_freshness"), conf)


@pytest.mark.parametrize("conf", [None, {}, {"force": True, "dry_run": True, "data_version": 1764028800000}])
def test_what_the_form_offers_is_taken(dags: dict[str, Any], conf: dict[str, Any] | None) -> None:
    begin(dags[RETRAINING].get_task("check_freshness"), conf)


def test_every_dag_asks_before_its_first_task(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.roots:
            begin(task, {})
            with pytest.raises(RunConfError, match="unknown key 'dry-run'"):
                begin(task, {"dry-run": True})
