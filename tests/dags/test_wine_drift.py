"""The DAG that looks for drift, and what it starts, as Airflow sees them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from vertex_mlops.monitoring.drift_settings import DriftSettings

from tests.dags.dag_environment import ParseDags
from tests.support.airflow_environment import REPOSITORY

WINES = ("white", "red")


@pytest.fixture
def dags(parse_dags: ParseDags, wine_environment: None) -> dict[str, Any]:
    bag = parse_dags(REPOSITORY / "dags")
    assert not bag.import_errors
    return bag.dags


def configured(folder: Path, wine: str, **keys: Any) -> None:
    """Set keys of a wine in the config file of a folder."""
    path = folder / "wine_config.yaml"
    content = yaml.safe_load(path.read_text())
    content["wines"][wine] |= keys
    path.write_text(yaml.safe_dump(content, sort_keys=False))


def test_there_is_a_task_for_each_wine_and_none_waits_for_another(dags: dict[str, Any]) -> None:
    dag = dags["wine_drift"]

    assert {task.task_id for task in dag.tasks} == {f"detect_drift_{wine}" for wine in WINES}
    assert not any(task.downstream_task_ids for task in dag.tasks)
    assert all(task.retries for task in dag.tasks)
    assert dag.max_active_runs == 1
    assert dag.catchup is False


def test_it_looks_as_often_as_the_config_says(
    parse_dags: ParseDags, dags_folder: Path, wine_environment: None
) -> None:
    path = dags_folder / "wine_config.yaml"
    path.write_text(path.read_text().replace('drift_schedule: "20 * * * *"', 'drift_schedule: "5 */2 * * *"'))

    assert parse_dags(dags_folder).dags["wine_drift"].timetable.expression == "5 */2 * * *"


@pytest.mark.parametrize("wine", WINES)
def test_a_look_finds_the_monitoring_jobs_that_the_retraining_labels(dags: dict[str, Any], wine: str) -> None:
    look = dags["wine_drift"].get_task(f"detect_drift_{wine}")
    monitor = dags[f"wine_retraining_{wine}"].get_task("monitor")

    assert look.labels == monitor.labels
    assert (look.project_id, look.region) == (monitor.project_id, monitor.region)


@pytest.mark.parametrize("wine", WINES)
def test_the_drift_of_a_wine_or_its_cron_starts_its_retraining_alone(dags: dict[str, Any], wine: str) -> None:
    timetable = dags[f"wine_retraining_{wine}"].timetable

    assert timetable.timetable.expression == {"white": "0 6 * * *", "red": "30 6 * * *"}[wine]
    assert list(timetable.asset_condition.objects) == [
        dags["wine_drift"].get_task(f"detect_drift_{wine}").asset
    ]


def test_unpausing_a_retraining_just_after_its_tick_starts_none(
    dags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.timetables.base import TimeRestriction

    dag = DagSerialization.from_dict(DagSerialization.to_dict(dags["wine_retraining_white"]))
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: datetime(2026, 1, 2, 6, 10, tzinfo=UTC))

    first = dag.timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False)
    )
    assert first.run_after == datetime(2026, 1, 3, 6, tzinfo=UTC)


def test_a_wine_without_a_schedule_is_retrained_by_drift_alone(
    parse_dags: ParseDags, dags_folder: Path, wine_environment: None
) -> None:
    configured(dags_folder, "red", schedule=None)

    dags = parse_dags(dags_folder).dags

    timetable = dags["wine_retraining_red"].timetable
    assert not hasattr(timetable, "timetable")
    assert list(timetable.asset_condition.objects) == [dags["wine_drift"].get_task("detect_drift_red").asset]


def test_what_drift_may_start_comes_from_the_config(
    parse_dags: ParseDags, dags_folder: Path, wine_environment: None
) -> None:
    configured(
        dags_folder, "red", drift={"retrain_on_drift_without_new_data": True, "drift_cooldown_hours": 0.5}
    )

    dags = parse_dags(dags_folder).dags

    settings = {
        wine: dags[f"wine_retraining_{wine}"].get_task("check_freshness").drift_settings for wine in WINES
    }
    assert settings == {
        "white": DriftSettings(),
        "red": DriftSettings(retrain_on_drift_without_new_data=True, drift_cooldown_hours=0.5),
    }


def test_every_task_says_what_it_does_and_what_to_do_when_it_fails(dags: dict[str, Any]) -> None:
    dag = dags["wine_drift"]

    assert dag.doc_md
    for task in dag.tasks:
        does, _, fails = task.doc_md.partition("**If it fails**")
        assert does.strip()
        assert fails.strip().startswith("- ")


def test_it_carries_over_into_airflows_serialized_form(dags: dict[str, Any]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    serialized = DagSerialization.from_dict(DagSerialization.to_dict(dags["wine_drift"]))

    for wine in WINES:
        task = serialized.get_task(f"detect_drift_{wine}")
        assert [asset.name for asset in task.inlets] == [f"wine_drift_{wine}"]
        assert [alias.name for alias in task.outlets] == [f"wine_drift_{wine}"]
        assert set(task.operator_extra_link_dict) == {"Model Monitoring Job"}
