"""What each task says if one before it was marked success by hand, and so has left no result."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from vertex_mlops.exceptions import MissingResultError

from tests.dags.dag_environment import ParseDags
from tests.support.airflow_environment import REPOSITORY

RETRAINING, ROLLBACK = "wine_retraining_white", "wine_rollback_white"


@pytest.fixture
def dags(parse_dags: ParseDags, wine_environment: None) -> dict[str, Any]:
    bag = parse_dags(REPOSITORY / "dags")
    assert not bag.import_errors
    return bag.dags


def render(task: Any, **xcoms: Any) -> Any:
    """Render XComs in the arguments, as Airflow does before a task; others are missing."""
    ti = SimpleNamespace(
        dag_id=task.dag_id,
        run_id="manual__1",
        xcom_pull=lambda task_ids, key, default, map_indexes: xcoms.get(f"{task_ids}.{key}", default),
    )
    task = task.prepare_for_execution()
    task.render_template_fields({"ti": ti, "dag_run": SimpleNamespace(conf={}), "params": task.dag.params})
    return task


@pytest.mark.parametrize(
    ("dag_id", "task_id", "missing"),
    [
        (RETRAINING, "check_data", ["task check_freshness has left no 'data_version' in its result"]),
        (
            RETRAINING,
            "train",
            [
                "task check_data has left no 'template_path' in its result",
                "task check_data has left no 'input_config' in its result",
                "task check_freshness has left no 'data_version' in its result",
                "task check_freshness has left no 'trigger' in its result",
            ],
        ),
        (RETRAINING, "gate", ["task train has left no result"]),
        (RETRAINING, "upload", ["task train has left no result"]),
        (
            RETRAINING,
            "deploy",
            [
                "task upload has left no 'model_version' in its result",
                "task train has left no 'name' in its result",
            ],
        ),
        (RETRAINING, "traffic_10", ["task deploy has left no 'endpoint' in its result"]),
        (RETRAINING, "traffic_50", ["task traffic_10 has left no 'traffic' in its result"]),
        (
            RETRAINING,
            "verify_10",
            ["task traffic_10 has left no 'since' in its result", "task train has left no result"],
        ),
        (RETRAINING, "promote", ["task deploy has left no 'model_version' in its result"]),
        (
            RETRAINING,
            "monitor",
            [
                "task train has left no 'training_examples' in its result",
                "task train has left no 'name' in its result",
            ],
        ),
        (RETRAINING, "monitor_settled", ["task monitor has left no 'name' in its result"]),
        (RETRAINING, "retire", ["task deploy has left no 'deployed_model_id' in its result"]),
        (
            ROLLBACK,
            "deploy",
            [
                "task find_previous has left no 'model_version' in its result",
                "task find_previous has left no 'pipeline_job' in its result",
            ],
        ),
        (ROLLBACK, "verify_100", ["task find_previous has left no 'pipeline_result' in its result"]),
    ],
)
def test_a_result_that_is_missing_is_named_with_its_task(
    dags: dict[str, Any], dag_id: str, task_id: str, missing: list[str]
) -> None:
    with pytest.raises(MissingResultError) as error:
        render(dags[dag_id].get_task(task_id))

    assert all(words in str(error.value) for words in missing)
    assert "marked success by hand" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_first_model_has_no_champion_and_that_is_no_gap(dags: dict[str, Any]) -> None:
    deployed = {
        "endpoint": "e",
        "deployed_model_id": "1",
        "model_version": "m@1",
        "champion_id": None,
        "traffic": {},
    }

    task = render(
        dags[RETRAINING].get_task("traffic_10"), **{f"deploy.{key}": deployed[key] for key in deployed}
    )

    assert (task.endpoint_name, task.champion_id, task.traffic) == ("e", None, {})


def test_the_way_back_comes_behind_whatever_has_failed(dags: dict[str, Any]) -> None:
    assert render(dags[RETRAINING].get_task("roll_back")).model_version is None


def test_a_text_that_pulls_a_missing_result_is_told_as_well(dags: dict[str, Any]) -> None:
    gate = dags[RETRAINING].get_task("gate")
    gate.pipeline_result = "{{ ti.xcom_pull('train', key='x', default=None, map_indexes=None) }}"

    with pytest.raises(MissingResultError, match=r"there is no result for \{\{ ti.xcom_pull"):
        render(gate)
