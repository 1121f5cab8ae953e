"""The DAGs as Airflow sees them."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.dags.dag_environment import ENVIRONMENT, ParseDags
from tests.support.airflow_environment import REPOSITORY
from tests.support.flow import FLOW, ROLLOUT, STEPS, TASKS, WATCH

DAG_FILES = ("wine_drift.py", "wine_retraining.py", "wine_rollback.py")

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


def test_parsing_in_a_fresh_process_finds_all_dags_and_touches_neither_network_nor_processes() -> None:
    parsed = subprocess.run(
        [sys.executable, "-c", PARSE, REPOSITORY / "dags"],
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": str(REPOSITORY / "plugins")},
        check=True,
        capture_output=True,
        text=True,
    )

    assert json.loads(parsed.stdout.splitlines()[-1]) == {
        "dags": [
            "wine_drift",
            "wine_retraining_red",
            "wine_retraining_white",
            "wine_rollback_red",
            "wine_rollback_white",
        ],
        "errors": {},
        "calls": [],
        "heavy": [],
    }


@pytest.mark.parametrize("wine", ["white", "red"])
def test_the_tasks_run_one_after_the_other(dags: dict[str, Any], wine: str) -> None:
    dag = dags[f"wine_retraining_{wine}"]

    assert {task.task_id for task in dag.tasks} == set(TASKS)
    for earlier, later in itertools.pairwise(FLOW):
        assert later in dag.get_task(earlier).downstream_task_ids


def test_training_is_torn_down_by_cancelling_however_it_ends(dags: dict[str, Any]) -> None:
    dag = dags["wine_retraining_white"]
    cancel = dag.get_task("cancel")

    assert cancel.is_teardown
    assert cancel.upstream_task_ids == {"train"}
    assert cancel.trigger_rule == "all_done"
    assert cancel.on_failure_fail_dagrun
    # clearing train alone clears it too
    assert set(dag.partial_subset("train", include_upstream=False).task_ids) == {"train", "cancel"}


def test_any_step_that_fails_leads_to_the_way_back_and_to_a_failed_run(dags: dict[str, Any]) -> None:
    dag = dags["wine_retraining_white"]
    roll_back = dag.get_task("roll_back")

    assert roll_back.trigger_rule == "one_failed"
    # what gate returns says which champion the run was to replace
    assert roll_back.upstream_task_ids == {"gate", "upload", "deploy", *STEPS, "promote"}
    # what follows the step decides on the state of the run
    assert {task.task_id for task in dag.leaves if not task.is_teardown} == {"roll_back", "retire"}


def test_the_steps_of_the_traffic_come_from_the_config(
    parse_dags: ParseDags, dags_folder: Path, wine_environment: None
) -> None:
    config = dags_folder / "wine_config.yaml"
    config.write_text(config.read_text().replace("steps: [10, 50, 100]", "steps: [25, 100]"))

    dag = parse_dags(dags_folder).dags["wine_retraining_red"]

    steps = [task.task_id for task in dag.tasks if task.task_id.startswith("traffic")]
    assert steps == ["traffic_25", "traffic_100"]


def test_one_run_at_a_time_none_for_the_past_and_training_waits_without_a_worker(
    dags: dict[str, Any],
) -> None:
    dag = dags["wine_retraining_white"]

    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.get_task("train").deferrable is True
    assert all(task.retries for task in dag.tasks)


def test_tasks_are_grouped_as_the_flow_reads(dags: dict[str, Any]) -> None:
    dag = dags["wine_retraining_white"]

    groups = dag.task_group.get_task_group_dict()
    assert {name: list(group.children) for name, group in groups.items() if name} == {
        "data": ["check_freshness", "check_data"],
        "rollout": [*ROLLOUT, "roll_back"],
        "watch": WATCH,
    }
    nodes = {node.node_id for node in dag.task_group.topological_sort()}
    assert nodes == {"data", "train", "cancel", "gate", "rollout", "watch", "retire"}


@pytest.mark.parametrize("task_id", TASKS)
def test_every_task_says_what_it_does_and_what_to_do_when_it_fails(
    dags: dict[str, Any], task_id: str
) -> None:
    text = dags["wine_retraining_white"].get_task(task_id).doc_md

    does, _, fails = text.partition("**If it fails**")
    assert does.strip()
    assert fails.strip().startswith("- ")


def test_every_text_is_shown_somewhere() -> None:
    texts = {path.stem for path in (REPOSITORY / "dags" / "docs").iterdir()}

    shared = {task.partition("_")[0] if task in STEPS else task for task in TASKS}
    assert texts == {
        "wine_retraining",
        "wine_rollback",
        "wine_drift",
        "find_previous",
        "detect_drift",
        *shared,
    }


def test_the_owner_is_reached_through_the_ui(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert set(dag.owner_links) == {task.owner for task in dag.tasks} == {dag.owner}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"force": True, "dry_run": True},
        {"data_version": 1764028800000},
        {"data_version": None},
    ],
)
def test_what_a_person_may_ask_for_is_taken(dags: dict[str, Any], values: dict[str, Any]) -> None:
    params = dags["wine_retraining_white"].params

    resolved = {name: params.get_param(name).resolve(values.get(name, params[name])) for name in params}

    assert resolved == {"force": False, "data_version": None, "dry_run": False} | values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("force", "true"),
        ("force", None),
        ("dry_run", 1),
        ("data_version", "2025-11-25"),
        ("data_version", "1764028800000"),
        ("data_version", 1764028800000.0),
        ("data_version", 1764028800000.5),
        ("data_version", True),
        # seconds and microseconds
        ("data_version", 1764028800),
        ("data_version", 1764028800000000),
    ],
)
def test_values_of_another_type_or_unit_are_refused(dags: dict[str, Any], name: str, value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags["wine_retraining_white"].params.get_param(name).resolve(value)


def test_every_param_is_described(dags: dict[str, Any]) -> None:
    params = dags["wine_retraining_white"].params

    assert all(
        params.get_param(name).description and params.get_param(name).schema["title"] for name in params
    )


def test_params_reach_the_operators_with_their_types(dags: dict[str, Any]) -> None:
    dag = dags["wine_retraining_white"]
    params = {"force": True, "data_version": 1764028800000, "dry_run": True}
    freshness, train = dag.get_task("check_freshness"), dag.get_task("train")

    rendered = [
        field.resolve({"dag_run": SimpleNamespace(conf={}), "params": params})
        for field in (freshness.force, freshness.data_version, train.validate_only)
    ]

    assert rendered == [True, 1764028800000, True]


def test_freshness_looks_for_the_labels_that_training_sets(dags: dict[str, Any]) -> None:
    dag = dags["wine_retraining_white"]

    wanted = dag.get_task("check_freshness").pipeline_job_labels
    assert wanted == {"wine": "white", "table": "wine_quality-white_wine"}
    assert dag.get_task("train").labels.items() >= wanted.items()


def test_waiting_for_the_monitoring_job_holds_no_worker_slot(dags: dict[str, Any]) -> None:
    settled = dags["wine_retraining_white"].get_task("monitor_settled")

    assert settled.reschedule is True
    assert settled.timeout == 12 * 3600


def test_features_that_thresholds_name_are_checked_before_the_training(
    parse_dags: ParseDags, dags_folder: Path, wine_environment: None
) -> None:
    config = dags_folder / "wine_config.yaml"
    text = config.read_text()
    config.write_text(text.replace("feature_skew_thresholds: {}", "feature_skew_thresholds: {alcohol: 0.2}"))

    dag = parse_dags(dags_folder).dags["wine_retraining_white"]

    assert dag.get_task("check_data").named_features == ["alcohol"]


def test_every_task_carries_over_into_airflows_serialized_form(dags: dict[str, Any]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    serialized = DagSerialization.from_dict(DagSerialization.to_dict(dags["wine_retraining_white"]))

    assert set(serialized.task_ids) == set(TASKS)
    assert serialized.get_task("check_freshness").inherits_from_skipmixin is True
    links = {name for task in TASKS for name in serialized.get_task(task).operator_extra_link_dict}
    assert links == {
        "BigQuery Table",
        "Pipeline Job",
        "Model Card",
        "Vertex AI Model",
        "Endpoint",
        "Model Monitoring Job",
    }


def test_a_bad_config_is_an_import_error_that_ends_in_file_and_key(
    parse_dags: ParseDags, dags_folder: Path, wine_environment: None
) -> None:
    config = dags_folder / "wine_config.yaml"
    config.write_text(config.read_text().replace("poll_interval:", "pol_interval:"))

    bag = parse_dags(dags_folder)

    assert not bag.dags
    assert len(bag.import_errors) == len(DAG_FILES)
    for error in bag.import_errors.values():
        assert error.splitlines()[-1].endswith(
            f"ConfigError: {config}: poll_interval: missing; pol_interval: unknown key;"
            " did you mean poll_interval?"
        )


def test_a_missing_variable_is_an_import_error_that_names_it(
    parse_dags: ParseDags, wine_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WINE_REGION")

    errors = parse_dags(REPOSITORY / "dags").import_errors.values()

    assert len(errors) == len(DAG_FILES)
    for error in errors:
        assert error.splitlines()[-1].endswith("ConfigError: environment: WINE_REGION: missing")


def test_airflow_loads_no_module_of_the_package_as_a_plugin() -> None:
    from airflow import plugins_manager

    plugins, errors = plugins_manager._get_plugins()

    assert errors == {}
    assert not [plugin for plugin in plugins if "vertex_mlops" in str(getattr(plugin, "source", ""))]
