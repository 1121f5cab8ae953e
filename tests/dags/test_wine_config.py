"""What a user may write into wine_config.yaml, and what comes of it; test_bad_*.py have what is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from wine_config import CONFIG_FILE, load_wines

from tests.dags.dag_environment import ENVIRONMENT
from tests.support.repository import REPOSITORY


def spoiled(tmp_path: Path, key: str, value: Any) -> Path:
    """Copy the config with one key set to a value; an empty value takes the key away."""
    content = yaml.safe_load(CONFIG_FILE.read_text())
    *parents, last = key.split(".")
    section = content
    for parent in parents:
        section = section[parent]
    if value is None:
        del section[last]
    else:
        section[last] = value
    path = tmp_path / "wine_config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_placeholders_are_filled_in_for_each_wine() -> None:
    wines = {wine.name: wine for wine in load_wines(environment=ENVIRONMENT)}

    assert set(wines) == {"white", "red"}
    assert wines["white"].spec == "gs://wine-bucket/specs/wine-white.json"
    assert wines["red"].pipeline_root == "gs://wine-bucket/pipeline_root/wine-red"
    assert (wines["red"].project, wines["red"].region) == ("wine-local", "europe-west1")


def test_a_launch_without_airflow_sets_the_labels_that_the_dag_looks_for() -> None:
    code = """
import json, sys
from wine_pipeline.config import WineConfig
from wine_pipeline.data.table import job_labels

print(json.dumps(job_labels(WineConfig.from_table(sys.argv[1]), ".".join(sys.argv[2:] + sys.argv[1:2]))))
"""
    for wine in load_wines(environment=ENVIRONMENT):
        done = subprocess.run(
            [REPOSITORY / "pipeline/.venv/bin/python", "-c", code, wine.table, wine.project, wine.dataset],
            check=True,
            capture_output=True,
            text=True,
        )

        assert json.loads(done.stdout) == wine.training_labels


def test_the_name_of_a_wine_may_hold_hyphens_and_digits(tmp_path: Path) -> None:
    content = yaml.safe_load(CONFIG_FILE.read_text())
    content["wines"] = {"vinho-verde-2": content["wines"]["white"]}
    path = tmp_path / "wine_config.yaml"
    path.write_text(yaml.safe_dump(content))

    (wine,) = load_wines(path, ENVIRONMENT)

    assert wine.spec == "gs://wine-bucket/specs/wine-vinho-verde-2.json"


@pytest.mark.parametrize(
    ("dataset", "table", "label"),
    [
        ("wine_quality", "white_wine", "wine_quality-white_wine"),
        ("Cellar_2", "White_Wine", "cellar_2-white_wine"),
        ("d" * 60, "white_wine", "d" * 60 + "-wh"),
    ],
)
def test_trainings_are_labelled_with_the_wine_and_the_table(
    tmp_path: Path, dataset: str, table: str, label: str
) -> None:
    content = yaml.safe_load(CONFIG_FILE.read_text())
    content["dataset"] = dataset
    content["wines"]["white"]["table"] = table
    path = tmp_path / "wine_config.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))

    assert load_wines(path, ENVIRONMENT)[0].training_labels == {"wine": "white", "table": label}


def test_a_wine_without_a_schedule_is_for_manual_runs(tmp_path: Path) -> None:
    content = yaml.safe_load(CONFIG_FILE.read_text())
    content["wines"]["white"]["schedule"] = None
    path = tmp_path / "wine_config.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))

    assert load_wines(path, ENVIRONMENT)[0].schedule is None


@pytest.mark.parametrize(
    ("value", "account"),
    [
        ({}, None),
        ({"WINE_SERVICE_ACCOUNT": ""}, None),
        ({"WINE_SERVICE_ACCOUNT": "p@wine.iam.gserviceaccount.com"}, "p@wine.iam.gserviceaccount.com"),
    ],
)
def test_the_account_of_pipeline_jobs_may_be_named(value: dict[str, str], account: str | None) -> None:
    assert load_wines(environment=ENVIRONMENT | value)[0].service_account == account


def test_without_a_word_about_monitoring_the_defaults_watch(tmp_path: Path) -> None:
    path = spoiled(tmp_path, "wines.red.monitoring", None)

    red = next(wine for wine in load_wines(path, ENVIRONMENT) if wine.name == "red")

    assert red.monitoring == MonitoringSettings()
    assert red.recreate_monitoring is False


def test_the_features_that_thresholds_name_are_known(tmp_path: Path) -> None:
    path = spoiled(
        tmp_path, "wines.red.monitoring", {"feature_drift_thresholds": {"ph": 0.1, "alcohol": 0.2}}
    )

    red = next(wine for wine in load_wines(path, ENVIRONMENT) if wine.name == "red")

    assert red.monitoring.named_features == ["alcohol", "ph"]


def test_without_a_word_about_drift_it_trains_with_new_data_alone_and_once_a_day(tmp_path: Path) -> None:
    path = spoiled(tmp_path, "wines.red.drift", None)

    red = next(wine for wine in load_wines(path, ENVIRONMENT) if wine.name == "red")

    assert (red.drift.retrain_on_drift_without_new_data, red.drift.drift_cooldown_hours) == (False, 24)


@pytest.mark.parametrize(
    ("environment", "seconds"), [({}, 15), ({"WINE_POLL_INTERVAL": ""}, 15), ({"WINE_POLL_INTERVAL": "1"}, 1)]
)
def test_an_environment_may_be_polled_more_often_than_the_file_says(
    environment: dict[str, str], seconds: int
) -> None:
    assert {wine.poll_interval for wine in load_wines(environment=ENVIRONMENT | environment)} == {seconds}
