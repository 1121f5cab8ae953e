"""What a wrong value in wine_config.yaml is told; each row has the key, the value as written, the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from wine_config import CONFIG_FILE, ConfigError, load_wines

from tests.dags.dag_environment import ENVIRONMENT

FIVE_FIELDS = "must be five cron fields: minute, hour, day of the month, month, day of the week"
WINE_NAME = "must be 1 to 31 lower-case letters, digits and hyphens, the first one a letter"
BIGQUERY_ID = "must be 1 to 1024 letters, digits and underscores"
LINK = "must be a link like mailto:name@example.com or https://example.com/team"
PLAIN_PATH = "must have a path of letters, digits and ._=- between single slashes, after the bucket"
PLACEHOLDERS = "must have no placeholders but {bucket} and {wine}"
NO_SUCH_BUCKET = "must begin with gs://{bucket}/ or with the name of another bucket"
OWN_SPEC = "must name an object with {wine} in its path: each wine has its own"
DECIMAL = "a number must be written in decimal digits"
CHANNEL = "must be like projects/PROJECT/notificationChannels/ID"

# as JSON, which copies the settings that the wines share
SHIPPED = json.dumps(yaml.safe_load(CONFIG_FILE.read_text()))

TOP = [
    ("owner", "''", "must be printable text in one line, without a comma, not ''"),
    ("owner", "wine, mlops", "must be printable text in one line, without a comma, not 'wine, mlops'"),
    ("owner", '"a\\nb"', "must be printable text in one line, without a comma, not 'a\\nb'"),
    ("owner", "5", "must be text, not 5"),
    ("owner", "null", "must be text, not null"),
    ("owner", "w" * 501, f"must have at most 500 characters, not '{'w' * 79}..."),
    ("owner_link", "wine-mlops", f"{LINK}, not 'wine-mlops'"),
    ("owner_link", "javascript:alert(1)", f"{LINK}, not 'javascript:alert(1)'"),
    ("owner_link", "http://example.com", f"{LINK}, not 'http://example.com'"),
    ("owner_link", "https://example.com/a b", f"{LINK}, not 'https://example.com/a b'"),
    ("owner_link", "https://\u0435\u0445ample.com", f"{LINK}, not 'https://\\u0435\\u0445ample.com'"),
    ("owner_link", "mailto:a@b,c", "must be one e-mail address, like name@example.com, not 'mailto:a@b,c'"),
    ("dataset", "no-dashes", f"{BIGQUERY_ID}, not 'no-dashes'"),
    ("dataset", "wine_qu\u0430lity", f"{BIGQUERY_ID}, not 'wine_qu\\u0430lity'"),
    ("dataset", "project.dataset", f"{BIGQUERY_ID}, not 'project.dataset'"),
    ("dataset", "d" * 1025, f"{BIGQUERY_ID}, not '{'d' * 79}..."),
    ("spec", "/tmp/{wine}.json", "must begin with gs://, not '/tmp/{wine}.json'"),
    ("spec", "gs://{bucket}/spec.json", f"{OWN_SPEC}, not 'gs://{{bucket}}/spec.json'"),
    ("spec", "gs://{bucket}/{wine}/", f"{OWN_SPEC}, not 'gs://{{bucket}}/{{wine}}/'"),
    ("spec", "gs://{buket}/{wine}", f"{NO_SUCH_BUCKET}, not 'gs://{{buket}}/{{wine}}'"),
    ("spec", "gs://{bucket[x]}/{wine}", f"{NO_SUCH_BUCKET}, not 'gs://{{bucket[x]}}/{{wine}}'"),
    ("spec", "gs://{bucket}-2/{wine}", f"{NO_SUCH_BUCKET}, not 'gs://{{bucket}}-2/{{wine}}'"),
    ("spec", "gs://{bucket}/{wine}/{}", f"{PLACEHOLDERS}, not 'gs://{{bucket}}/{{wine}}/{{}}'"),
    ("spec", "gs://{bucket}/{{wine}}", f"{PLACEHOLDERS}, not 'gs://{{bucket}}/{{{{wine}}}}'"),
    ("spec", "gs://{bucket}/{wine!r}", f"{PLACEHOLDERS}, not 'gs://{{bucket}}/{{wine!r}}'"),
    ("spec", "gs://{bucket}/{wine.name}", f"{PLACEHOLDERS}, not 'gs://{{bucket}}/{{wine.name}}'"),
    ("spec", "gs://{bucket}/../{wine}", f"{PLAIN_PATH}, not 'gs://{{bucket}}/../{{wine}}'"),
    ("spec", "gs://{bucket}//{wine}", f"{PLAIN_PATH}, not 'gs://{{bucket}}//{{wine}}'"),
    (
        "spec",
        "gs://{bucket}/s\u0440\u0435cs/{wine}",
        f"{PLAIN_PATH}, not 'gs://{{bucket}}/s\\u0440\\u0435cs/{{wine}}'",
    ),
    (
        "spec",
        "gs://My_Bucket/{wine}",
        "must be the name of a bucket: 3 to 63 lower-case letters, digits, hyphens, underscores and dots,"
        " the first and the last one a letter or a digit, not 'gs://My_Bucket/{wine}'",
    ),
    ("pipeline_root", "'{bucket}/root'", "must begin with gs://, not '{bucket}/root'"),
    ("pipeline_root", "gs://{bucket}/a//b", f"{PLAIN_PATH}, not 'gs://{{bucket}}/a//b'"),
    ("pipeline_root", "gs://{bucket}/{x}", f"{PLACEHOLDERS}, not 'gs://{{bucket}}/{{x}}'"),
    ("poll_interval", "0", "must be at least 1, not 0"),
    ("poll_interval", "-15", "must be at least 1, not -15"),
    ("poll_interval", "3601", "must be at most 3600, not 3601"),
    ("poll_interval", "15.0", "must be a whole number, not 15.0"),
    ("poll_interval", "true", "must be a whole number, not true"),
    ("poll_interval", "'15'", "must be a whole number, not '15'"),
    ("poll_interval", "1" + "0" * 400, f"must be at most 3600, not 1{'0' * 79}..."),
    ("poll_interval", "[15]", "must be a whole number, not a list"),
    ("poll_interval", "1:00", f"{DECIMAL}, not '1:00' (line N)"),
    ("poll_interval", "010", f"{DECIMAL}, not '010' (line N)"),
    ("poll_interval", "1_0", f"{DECIMAL}, not '1_0' (line N)"),
    ("poll_interval", "1" * 5000, f"{DECIMAL}, not '{'1' * 79}... (line N)"),
    ("poll_interval", "!!int ten", f"{DECIMAL}, not 'ten' (line N)"),
    ("poll_interval", "!seconds 15", "the tag !seconds is not supported (line N)"),
    ("wines", "{}", "must not be empty, not a mapping"),
    ("wines", "[white]", "must be a mapping, not a list"),
    ("wines", "null", "must be a mapping, not null"),
]

# the same for both
SCHEDULE = [
    ("every day", f"{FIVE_FIELDS}, not 'every day'"),
    ("''", f"{FIVE_FIELDS}, not ''"),
    (
        "'@once'",
        f"{FIVE_FIELDS}; or one of @hourly, @daily, @weekly, @monthly, @quarterly, @yearly, not '@once'",
    ),
    ("0 0 * * * *", f"{FIVE_FIELDS}, not '0 0 * * * *'"),
    ("'* * * * *'", "must leave at least 5 minutes between two runs, not '* * * * *'"),
    ("0 0 31 2 *", "must be a time that exists: it never comes, not '0 0 31 2 *'"),
    ("6", "must be text, not 6"),
    ("6:30", f"{DECIMAL}, not '6:30' (line N)"),
    ("true", "must be text, not true"),
]

WINE = [
    ("table", "white-wine", f"{BIGQUERY_ID}, not 'white-wine'"),
    ("table", "whit\u0435_wine", f"{BIGQUERY_ID}, not 'whit\\u0435_wine'"),
    ("table", "project.dataset.table", f"{BIGQUERY_ID}, not 'project.dataset.table'"),
    ("table", "no", "must be text, not false"),
    ("max_row_loss", "0", "must be greater than 0, not 0"),
    ("max_row_loss", "1", "must be less than 1, not 1"),
    ("max_row_loss", ".nan", "must be a finite number, not nan"),
    ("max_row_loss", "true", "must be a number, not true"),
    ("recreate_monitoring", "perhaps", "must be true or false, not 'perhaps'"),
    ("recreate_monitoring", "1", "must be true or false, not 1"),
    ("rollout", "null", "must be a mapping, not null"),
    ("rollout.steps", "[]", "must not be empty, not a list"),
    ("rollout.steps", "100", "must be a list, not 100"),
    ("rollout.steps", "[50, 10, 100]", "must rise, and end with 100, not a list"),
    ("rollout.steps", "[10, 10, 100]", "must rise, and end with 100, not a list"),
    ("rollout.steps", "[10, 50]", "must rise, and end with 100, not a list"),
    ("rollout.keep_previous", "0", "must be true or false, not 0"),
    ("rollout.tolerance", "0", "must be greater than 0, not 0"),
    ("rollout.tolerance", ".inf", "must be a finite number, not inf"),
    ("rollout.tolerance", "1e400", "must be a number, not '1e400'"),
    ("rollout.tolerance", "1.0e+400", "must be a finite number, not inf"),
    ("rollout.max_latency_ms", "true", "must be a number, not true"),
    ("rollout.max_latency_ms", "-1", "must be greater than 0, not -1"),
    ("rollout.max_latency_ms", "600001", "must be at most 600000, not 600001"),
    ("rollout.max_error_share", "1", "must be less than 1, not 1"),
    ("rollout.max_error_share", "-.inf", "must be a finite number, not -inf"),
    ("rollout.min_requests", "0", "must be at least 1, not 0"),
    ("rollout.min_requests", "10001", "must be at most 10000, not 10001"),
    ("rollout.min_requests", "true", "must be a whole number, not true"),
    ("monitoring", "true", "must be a mapping, not true"),
    ("monitoring.skew_threshold", "0", "must be greater than 0, not 0"),
    ("monitoring.skew_threshold", "high", "must be a number, not 'high'"),
    ("monitoring.skew_threshold", "true", "must be a number, not true"),
    ("monitoring.drift_threshold", "1.01", "must be at most 1, not 1.01"),
    ("monitoring.drift_threshold", ".nan", "must be a finite number, not nan"),
    ("monitoring.feature_skew_thresholds", "[alcohol]", "must be a mapping, not a list"),
    ("monitoring.sampling_rate", "3", "must be at most 1, not 3"),
    ("monitoring.sampling_rate", "0", "must be greater than 0, not 0"),
    ("monitoring.interval_hours", "1.5", "must be a whole number, not 1.5"),
    ("monitoring.interval_hours", "8761", "must be at most 8760, not 8761"),
    ("monitoring.log_ttl_days", "0", "must be at least 1, not 0"),
    ("monitoring.log_ttl_days", "1000000000000", "must be at most 3650, not 1000000000000"),
    ("monitoring.emails", "wine@example.com", "must be a list, not 'wine@example.com'"),
    ("drift.drift_cooldown_hours", "-1", "must be at least 0, not -1"),
    ("drift.drift_cooldown_hours", "8761", "must be at most 8760, not 8761"),
    ("drift.drift_cooldown_hours", "'24'", "must be a number, not '24'"),
    ("drift.drift_cooldown_hours", ".inf", "must be a finite number, not inf"),
    ("drift.retrain_on_drift_without_new_data", "perhaps", "must be true or false, not 'perhaps'"),
]

# the value has the mistake at a key, or a place, of its own
INSIDE = [
    ("rollout.steps", "[0, 100]", "rollout.steps.0: must be at least 1, not 0"),
    ("rollout.steps", "[true, 100]", "rollout.steps.0: must be a whole number, not true"),
    ("rollout.steps", "[10.5, 100]", "rollout.steps.0: must be a whole number, not 10.5"),
    (
        "monitoring.emails",
        "['a@b,c']",
        "monitoring.emails.0: must be one e-mail address, like name@example.com, not 'a@b,c'",
    ),
    (
        "monitoring.emails",
        "['me@l\u043e\u0441alhost.com']",
        "monitoring.emails.0: must be one e-mail address, like name@example.com,"
        " not 'me@l\\u043e\\u0441alhost.com'",
    ),
    ("monitoring.notification_channels", "['7']", f"monitoring.notification_channels.0: {CHANNEL}, not '7'"),
    (
        "monitoring.feature_skew_thresholds",
        "{alcohol: 2}",
        "monitoring.feature_skew_thresholds.alcohol: must be at most 1, not 2",
    ),
    (
        "monitoring.feature_skew_thresholds",
        "{'al cohol': 0.2}",
        "monitoring.feature_skew_thresholds.'al cohol': must be the name of a column: at most 300 letters,"
        " digits and underscores, the first one no digit, not 'al cohol'",
    ),
    ("rollout", "{step: [100]}", "rollout.step: unknown key; did you mean steps?"),
    (
        "rollout",
        "{sampling_rate: 1.0}",
        "rollout.sampling_rate: unknown key; known: steps, keep_previous, tolerance, max_latency_ms,"
        " max_error_share, min_requests",
    ),
    ("monitoring", "{sampling: 1}", "monitoring.sampling: unknown key; did you mean sampling_rate?"),
    (
        "drift",
        "{cooldown_hours: 1}",
        "drift.cooldown_hours: unknown key; did you mean drift_cooldown_hours?",
    ),
    (
        "drift",
        "{Drift_Cooldown_Hours: 1}",
        "drift.Drift_Cooldown_Hours: unknown key; did you mean drift_cooldown_hours?",
    ),
    ("drift", "{no: 1}", "drift: a key must be text, not 'no'; put it in quotes (line N)"),
]

NAMES = [
    ("White", f"wines.White: {WINE_NAME}, not 'White'"),
    ("white_wine", f"wines.white_wine: {WINE_NAME}, not 'white_wine'"),
    ("2-white", f"wines.2-white: {WINE_NAME}, not '2-white'"),
    ("whit\u0435", f"wines.'whit\\u0435': {WINE_NAME}, not 'whit\\u0435'"),
    ("w" * 32, f"wines.{'w' * 32}: {WINE_NAME}, not '{'w' * 32}'"),
    ("''", f"wines.'': {WINE_NAME}, not ''"),
]


def told(tmp_path: Path, key: str, value: str, place: str | None = None) -> tuple[str, int]:
    """
    Return what is said about the shipped file with another value, and in which line that is.

    :param key: with those above it.
    :param value: as YAML.
    :param place: name of the key in place of its own.
    """
    content = json.loads(SHIPPED)
    *above, last = key.split(".")
    section = content
    for name in above:
        section = section[name]
    section[last] = "VALUE"
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    line = text.splitlines().index(f"{'  ' * len(above)}{last}: VALUE") + 1
    path = tmp_path / "wine_config.yaml"
    path.write_text(text.replace(f"{last}: VALUE", f"{place or last}: {value}"))
    with pytest.raises(ConfigError) as refused:
        load_wines(path, ENVIRONMENT)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: "), line


@pytest.mark.parametrize(("key", "value", "says"), TOP)
def test_a_wrong_value_is_named_by_file_and_key(tmp_path: Path, key: str, value: str, says: str) -> None:
    message, line = told(tmp_path, key, value)

    assert message == f"{key}: {says.replace('line N', f'line {line}')}"


@pytest.mark.parametrize("key", ["drift_schedule", "wines.white.schedule"])
@pytest.mark.parametrize(("value", "says"), SCHEDULE)
def test_a_schedule_that_airflow_could_not_keep_is_named(
    tmp_path: Path, key: str, value: str, says: str
) -> None:
    message, line = told(tmp_path, key, value)

    assert message == f"{key}: {says.replace('line N', f'line {line}')}"


@pytest.mark.parametrize(("key", "value", "says"), WINE)
def test_a_wrong_value_of_a_wine_is_named_by_its_key(tmp_path: Path, key: str, value: str, says: str) -> None:
    message, _ = told(tmp_path, f"wines.red.{key}", value)

    assert message == f"wines.red.{key}: {says}"


@pytest.mark.parametrize(("key", "value", "says"), INSIDE)
def test_a_mistake_inside_a_value_is_named_by_its_own_key(
    tmp_path: Path, key: str, value: str, says: str
) -> None:
    message, line = told(tmp_path, f"wines.red.{key}", value)

    assert message == f"wines.red.{says.replace('line N', f'line {line}')}"


@pytest.mark.parametrize(("name", "says"), NAMES)
def test_a_name_that_no_wine_may_have_is_named(tmp_path: Path, name: str, says: str) -> None:
    message, _ = told(tmp_path, "wines.red", "{table: red_wine, schedule: null}", place=name)

    assert message == says


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (
            "drift_schedule",
            "drift_schedule: missing; drift_schedul: unknown key; did you mean drift_schedule?",
        ),
        (
            "wines.red.table",
            "wines.red.table: missing; wines.red.tabl: unknown key; did you mean table?",
        ),
    ],
)
def test_a_misspelt_key_is_missing_and_unknown(tmp_path: Path, key: str, says: str) -> None:
    last = key.rpartition(".")[2]

    assert told(tmp_path, key, "x", place=last[:-1])[0] == says


def test_of_many_mistakes_the_first_five_are_named(tmp_path: Path) -> None:
    path = tmp_path / "wine_config.yaml"
    path.write_text("{a: 1, b: 2}")

    with pytest.raises(ConfigError) as refused:
        load_wines(path, ENVIRONMENT)

    assert str(refused.value) == (
        f"{path}: owner: missing; owner_link: missing; dataset: missing; spec: missing;"
        " pipeline_root: missing; 5 more"
    )
