"""What a wrong environment variable is told."""

from __future__ import annotations

import pytest
from wine_config import ConfigError, load_wines

from tests.dags.dag_environment import ENVIRONMENT

PROJECT = (
    "must be a project id: 6 to 30 lower-case letters, digits and hyphens, the first one a letter,"
    " the last one no hyphen"
)
REGION = "must be a region like europe-west1, without a zone"
BUCKET = (
    "must be the name of a bucket: 3 to 63 lower-case letters, digits, hyphens, underscores and dots,"
    " the first and the last one a letter or a digit"
)
DOTS = "must not have a dot next to another one or to a hyphen"
RESERVED = "must not begin with goog or contain google: Google reserves them"
ACCOUNT = "must be the e-mail address of a service account, like NAME@PROJECT.iam.gserviceaccount.com"
BARE = "must be the bare name of a bucket, without gs:// and without a path"
SECONDS = "must be a whole number of seconds, at least 1"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WINE_PROJECT", "Wine Project", f"{PROJECT}, not 'Wine Project'"),
        ("WINE_PROJECT", "123456789012", f"{PROJECT}, not '123456789012'"),
        ("WINE_PROJECT", "wine-", f"{PROJECT}, not 'wine-'"),
        ("WINE_PROJECT", "projects/wine-local", f"{PROJECT}, not 'projects/wine-local'"),
        ("WINE_PROJECT", "win\u0435-local", f"{PROJECT}, not 'win\\u0435-local'"),
        ("WINE_PROJECT", "wine-local\n", f"{PROJECT}, not 'wine-local\\n'"),
        ("WINE_PROJECT", "w" * 31, f"{PROJECT}, not '{'w' * 31}'"),
        ("WINE_REGION", "europe-west1-b", f"{REGION}, not 'europe-west1-b'"),
        ("WINE_REGION", "EU", f"{REGION}, not 'EU'"),
        ("WINE_REGION", "global", f"{REGION}, not 'global'"),
        ("WINE_REGION", "europe-west", f"{REGION}, not 'europe-west'"),
        ("WINE_REGION", " europe-west1", f"{REGION}, not ' europe-west1'"),
        ("WINE_BUCKET", "gs://wine-bucket", f"{BARE}, not 'gs://wine-bucket'"),
        ("WINE_BUCKET", "wine-bucket/root", f"{BARE}, not 'wine-bucket/root'"),
        ("WINE_BUCKET", "Wine-Bucket", f"{BUCKET}, not 'Wine-Bucket'"),
        ("WINE_BUCKET", "wi", f"{BUCKET}, not 'wi'"),
        ("WINE_BUCKET", "wine-", f"{BUCKET}, not 'wine-'"),
        ("WINE_BUCKET", "w" * 64, f"{BUCKET}, not '{'w' * 64}'"),
        ("WINE_BUCKET", "{wine}", f"{BUCKET}, not '{{wine}}'"),
        ("WINE_BUCKET", "wine..bucket", f"{DOTS}, not 'wine..bucket'"),
        ("WINE_BUCKET", "wine.-bucket", f"{DOTS}, not 'wine.-bucket'"),
        ("WINE_BUCKET", "wine-.bucket", f"{DOTS}, not 'wine-.bucket'"),
        ("WINE_BUCKET", "192.168.5.4", "must not be an IP address, not '192.168.5.4'"),
        ("WINE_BUCKET", "goog-wine", f"{RESERVED}, not 'goog-wine'"),
        ("WINE_BUCKET", "my-google-wine", f"{RESERVED}, not 'my-google-wine'"),
        ("WINE_SERVICE_ACCOUNT", "me@home", f"{ACCOUNT}, not 'me@home'"),
        ("WINE_SERVICE_ACCOUNT", "wine-pipeline", f"{ACCOUNT}, not 'wine-pipeline'"),
        (
            "WINE_SERVICE_ACCOUNT",
            "a b@wine.iam.gserviceaccount.com",
            f"{ACCOUNT}, not 'a b@wine.iam.gserviceaccount.com'",
        ),
        ("WINE_POLL_INTERVAL", "0", f"{SECONDS}, not '0'"),
        ("WINE_POLL_INTERVAL", "-1", f"{SECONDS}, not '-1'"),
        ("WINE_POLL_INTERVAL", "1.5", f"{SECONDS}, not '1.5'"),
        ("WINE_POLL_INTERVAL", "often", f"{SECONDS}, not 'often'"),
        ("WINE_POLL_INTERVAL", "1" * 5000, f"{SECONDS}, not '{'1' * 79}..."),
        ("WINE_POLL_INTERVAL", "3601", "must be at most 3600, not 3601"),
        ("WINE_POLL_INTERVAL", "\u0661\u0665", f"{SECONDS}, not '\\u0661\\u0665'"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_wines(environment=ENVIRONMENT | {name: value})

    assert str(refused.value) == f"environment: {name}: {says}"


@pytest.mark.parametrize("name", list(ENVIRONMENT))
def test_a_missing_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^environment: {name}: missing$"):
        load_wines(environment=ENVIRONMENT | {name: ""})


def test_all_missing_variables_are_named() -> None:
    with pytest.raises(
        ConfigError, match=r"^environment: WINE_PROJECT: missing; WINE_REGION: missing; WINE_BUCKET"
    ):
        load_wines(environment={})


@pytest.mark.parametrize("bucket", ["wine_bucket", "wine.example.com", "123", "w" * 63])
def test_a_bucket_may_have_any_name_that_cloud_storage_takes(bucket: str) -> None:
    wine = load_wines(environment=ENVIRONMENT | {"WINE_BUCKET": bucket})[0]

    assert wine.spec == f"gs://{bucket}/specs/wine-white.json"


@pytest.mark.parametrize(
    "account",
    [
        "wine-pipeline@wine-local.iam.gserviceaccount.com",
        "123456789012-compute@developer.gserviceaccount.com",
        "wine-pipeline@wine-local.example.com.iam.gserviceaccount.com",
    ],
)
def test_an_account_may_be_one_of_googles_or_of_the_projects(account: str) -> None:
    wine = load_wines(environment=ENVIRONMENT | {"WINE_SERVICE_ACCOUNT": account})[0]

    assert wine.service_account == account
