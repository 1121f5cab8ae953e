"""The DAGs as Airflow sees them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.dags.conftest import ENVIRONMENT, ParseDags
from tests.plugins.airflow_environment import REPOSITORY

TASKS = ["check_freshness", "check_data", "train", "verify", "monitor"]

# parses as the DAG processor does, in a fresh process, and tells what parsing did besides
PARSE = """
import json, sys
from pathlib import Path
calls = []
sys.addaudithook(lambda event, args: calls.append(event) if event in {
    "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system"} else None)
from airflow.dag_processing.dagbag import BundleDagBag
folder = Path(sys.argv[1])
calls.clear()
bag = BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="wine")
modules = {name.partition(".")[0] for name in sys.modules}
print(json.dumps({"dags": sorted(bag.dags), "errors": bag.import_errors, "calls": calls,
                  "heavy": sorted(modules & {"tensorflow", "tfx", "localcloud"})}))
"""


@pytest.fixture
def dags(parse_dags: ParseDags, wine_environment: None) -> dict[str, Any]:
    bag = parse_dags(REPOSITORY / "dags")
    assert not bag.import_errors
    return bag.dags


def test_parsing_in_a_fresh_process_finds_both_dags_and_touches_neither_network_nor_processes() -> None:
    parsed = subprocess.run(
        [sys.executable, "-c", PARSE, REPOSITORY / "dags"],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY / "plugins")},
        check=True,
        capture_output=True,
        text=True,
    )

    assert json.loads(parsed.stdout.splitlines()[-1]) == {
        "dags": ["wine_retraining_red", "wine_retraining_white"],
        "errors": {},
        "calls": [],
        "heavy": [],
    }


@pytest.mark.parametrize("wine", ["white", "red"])
def test_the_tasks_run_one_after_the_other(dags: dict[str, Any], wine: str) -> None:
    dag = dags[f"wine_retraining_{wine}"]

    assert [task.task_id for task in dag.topological_sort()] == TASKS
    for earlier, later in itertools.pairwise(TASKS):
        assert later in dag.get_task(earlier).downstream_task_ids


def test_one_run_at_a_time_none_for_the_past_and_training_waits_without_a_worker(
    dags: dict[str, Any],
) -> None:
    dag = dags["wine_retraining_white"]

    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.get_task("train").deferrable is True
    assert dag.params["force"] is False
    assert all(task.retries for task in dag.tasks)


def test_freshness_looks_for_the_labels_that_training_sets(dags: dict[str, Any]) -> None:
    dag = dags["wine_retraining_white"]

    wanted = dag.get_task("check_freshness").pipeline_job_labels
    assert wanted == {"wine": "white", "table": "wine_quality-white_wine"}
    assert dag.get_task("train").labels.items() >= wanted.items()


def test_every_task_carries_over_into_airflows_serialized_form(dags: dict[str, Any]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    serialized = DagSerialization.from_dict(DagSerialization.to_dict(dags["wine_retraining_white"]))

    assert set(serialized.task_ids) == set(TASKS)
    assert serialized.get_task("check_freshness").inherits_from_skipmixin is True
    links = {name for task in TASKS for name in serialized.get_task(task).operator_extra_link_dict}
    assert links == {"BigQuery Table", "Pipeline Job", "Endpoint", "Model Monitoring Job"}


def test_a_bad_config_is_an_import_error_that_ends_in_file_and_key(
    parse_dags: ParseDags, dags_folder: Path, wine_environment: None
) -> None:
    config = dags_folder / "wine_config.yaml"
    config.write_text(config.read_text().replace("poll_interval:", "pol_interval:"))

    bag = parse_dags(dags_folder)

    assert not bag.dags
    (error,) = bag.import_errors.values()
    assert error.splitlines()[-1].endswith(f"{config}: poll_interval: missing; pol_interval: unknown key")


def test_a_missing_variable_is_an_import_error_that_names_it(
    parse_dags: ParseDags, wine_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WINE_REGION")

    (error,) = parse_dags(REPOSITORY / "dags").import_errors.values()

    assert error.splitlines()[-1].endswith("environment: not set: WINE_REGION")


def test_airflow_loads_no_module_of_the_package_as_a_plugin() -> None:
    from airflow import plugins_manager

    plugins, errors = plugins_manager._get_plugins()

    assert errors == {}
    assert not [plugin for plugin in plugins if "vertex_mlops" in str(getattr(plugin, "source", ""))]
