"""What a user may write into wine_config.yaml, and what he is told when it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from vertex_mlops.monitoring_settings import MonitoringSettings
from wine_config import CONFIG_FILE, ConfigError, load_wines

from tests.dags.conftest import ENVIRONMENT


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


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("wines.white.schedul", "@daily", "wines.white.schedul: unknown key"),
        ("wines.white.rollout.step", [100], "wines.white.rollout.step: unknown key"),
        (
            "wines.white.rollout.steps",
            [50, 10, 100],
            "wines.white.rollout.steps: Value error, must rise, and end with 100",
        ),
        (
            "wines.white.rollout.steps",
            [10, 50],
            "wines.white.rollout.steps: Value error, must rise, and end with 100",
        ),
        ("wines.white.rollout.steps", [0, 100], "wines.white.rollout.steps.0: "),
        ("wines.white.rollout.sampling_rate", 1.0, "wines.white.rollout.sampling_rate: unknown key"),
        ("wines.white.rollout.max_error_share", 1.5, "wines.white.rollout.max_error_share: "),
        ("wines.white.monitoring.sampling", 1, "wines.white.monitoring.sampling: unknown key"),
        ("wines.red.table", None, "wines.red.table: missing"),
        ("wines.red.schedule", "every day", "wines.red.schedule: Value error, 'every day' is no cron"),
        ("wines.red.monitoring.sampling_rate", 3, "sampling_rate: Input should be less than or equal to 1"),
        ("wines.red.monitoring.interval_hours", 1.5, "wines.red.monitoring.interval_hours: "),
        ("wines.red.monitoring.emails", ["nobody"], "wines.red.monitoring.emails.0: "),
        (
            "wines.red.monitoring.notification_channels",
            ["7"],
            "wines.red.monitoring.notification_channels.0: ",
        ),
        ("wines.red.monitoring.log_ttl_days", 0, "wines.red.monitoring.log_ttl_days: "),
        ("wines.red.monitoring.skew_threshold", 0, "wines.red.monitoring.skew_threshold: "),
        ("wines.red.monitoring.drift_threshold", 1.01, "wines.red.monitoring.drift_threshold: "),
        ("wines.red.monitoring.skew_threshold", "high", "wines.red.monitoring.skew_threshold: "),
        ("wines.red.monitoring.skew_threshold", True, "wines.red.monitoring.skew_threshold: "),
        (
            "wines.red.monitoring.feature_skew_thresholds",
            {"alcohol": 2},
            "wines.red.monitoring.feature_skew_thresholds.alcohol: Input should be less than or equal to 1",
        ),
        ("wines.red.monitoring.log_ttl_days", 10**12, "wines.red.monitoring.log_ttl_days: "),
        ("wines.red.recreate_monitoring", "perhaps", "wines.red.recreate_monitoring: "),
        ("wines.red.drift.cooldown", 1, "wines.red.drift.cooldown: unknown key"),
        ("wines.red.drift.drift_cooldown_hours", -1, "wines.red.drift.drift_cooldown_hours: "),
        (
            "wines.red.drift.retrain_on_drift_without_new_data",
            "perhaps",
            "wines.red.drift.retrain_on_drift_without_new_data: ",
        ),
        ("drift_schedule", "hourly", "drift_schedule: Value error, 'hourly' is no cron"),
        ("drift_schedule", None, "drift_schedule: missing"),
        ("wines.White", {}, "wines.White"),
        ("wines.white_wine", {}, "wines.white_wine"),
        ("wines.w" + 31 * "x", {}, "wines.w"),
        ("owner", "", "owner: "),
        ("owner_link", "wine-mlops", "owner_link: "),
        ("owner_link", "javascript:alert(1)", "owner_link: "),
        ("dataset", "no-dashes", "dataset: "),
        ("spec", "gs://{buket}/spec.json", "the only placeholders are {bucket} and {wine}"),
        ("spec", "/tmp/spec.json", "spec: "),
        ("poll_interval", 0, "poll_interval: Input should be greater than or equal to 1, not 0"),
        ("wines", {}, "wines: "),
    ],
)
def test_a_bad_entry_is_named_by_file_and_key_in_one_line(
    tmp_path: Path, key: str, value: Any, says: str
) -> None:
    path = spoiled(tmp_path, key, value)

    with pytest.raises(ConfigError) as error:
        load_wines(path, ENVIRONMENT)

    assert str(error.value).startswith(f"{path}: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_several_bad_entries_are_named_together(tmp_path: Path) -> None:
    path = spoiled(tmp_path, "wines.white", {"table": "white_wine", "tabel": "x"})

    with pytest.raises(ConfigError, match=r"wines.white.schedule: missing; wines.white.tabel: unknown key"):
        load_wines(path, ENVIRONMENT)


@pytest.mark.parametrize("text", ["wines: [", "", "- a list"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "wine_config.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=str(path)):
        load_wines(path, ENVIRONMENT)


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


@pytest.mark.parametrize("name", list(ENVIRONMENT))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"not set: {name}$"):
        load_wines(environment=ENVIRONMENT | {name: ""})


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


def test_an_account_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="WINE_SERVICE_ACCOUNT is no service account's e-mail: 'me@home'"):
        load_wines(environment=ENVIRONMENT | {"WINE_SERVICE_ACCOUNT": "me@home"})


def test_a_bucket_with_a_scheme_is_refused() -> None:
    with pytest.raises(ConfigError, match="WINE_BUCKET is the bare name"):
        load_wines(environment=ENVIRONMENT | {"WINE_BUCKET": "gs://wine-bucket"})


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


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "often"])
def test_a_poll_interval_that_is_no_number_of_seconds_is_refused(seconds: str) -> None:
    with pytest.raises(ConfigError, match=f"WINE_POLL_INTERVAL is no number of seconds from 1: '{seconds}'"):
        load_wines(environment=ENVIRONMENT | {"WINE_POLL_INTERVAL": seconds})
