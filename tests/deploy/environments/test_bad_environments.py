"""What a wrong value in environments.yaml is told: each row has the key, the value as written, the line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from deploy.environments import ENVIRONMENTS_FILE, EnvironmentsError, read_environment

DEV = json.dumps(yaml.safe_load(ENVIRONMENTS_FILE.read_text())["dev"])
ID = "6 to 30 lower-case letters, digits and hyphens, the first one a letter, the last one no hyphen"
BUCKET = (
    "must be the name of a bucket: 3 to 63 lower-case letters, digits, hyphens, underscores and dots,"
    " the first and the last one a letter or a digit"
)
NAME = (
    "must be 1 to 63 lower-case letters, digits and hyphens, the first one a letter, the last one no hyphen"
)
REGION = "must be a region like europe-west1, without a zone"
IMAGE_VERSION = "must be like composer-3-airflow-x.y.z-build.n"
SCALE = "must be a file in the repository, like pipeline/scale.toml"
GITHUB = "must be OWNER/NAME of a repository at GitHub"


def told(folder: Path, key: str, value: str, place: str | None = None) -> str:
    """Return what is said about dev with another value of a key, or with another key in its place."""
    dev = json.loads(DEV)
    *above, last = key.split(".")
    section = dev
    for name in above:
        section = section[name]
    section[last] = "VALUE"
    text = yaml.safe_dump({"dev": dev}, sort_keys=False)
    return refused(folder, text.replace(f"{last}: VALUE", f"{place or last}: {value}").encode())


def refused(folder: Path, content: bytes) -> str:
    path = folder / "deploy" / "environments.yaml"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(EnvironmentsError) as error:
        read_environment("dev", path)
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("project", "Wine", f"must be a project id: {ID}, not 'Wine'"),
        ("project", "123456789012", "must be text, not 123456789012"),
        ("project", "'123456789012'", f"must be a project id: {ID}, not '123456789012'"),
        ("project", "wine-ml\u043eps", f"must be a project id: {ID}, not 'wine-ml\\u043eps'"),
        ("region", "europe", f"{REGION}, not 'europe'"),
        ("region", "europe-west1-b", f"{REGION}, not 'europe-west1-b'"),
        (
            "bucket",
            "gs://wine",
            "must be the bare name of a bucket, without gs:// and without a path, not 'gs://wine'",
        ),
        ("bucket", "Wine", f"{BUCKET}, not 'Wine'"),
        ("bucket", "wine..x", "must not have a dot next to another one or to a hyphen, not 'wine..x'"),
        ("bucket", "null", "must be text, not null"),
        ("artifact_repository", "wine_mlops", f"{NAME}, not 'wine_mlops'"),
        ("artifact_repository", "w" * 64, f"{NAME}, not '{'w' * 64}'"),
        ("composer", "wine", "must be a mapping, not 'wine'"),
        ("composer.environment", "wine-", f"{NAME}, not 'wine-'"),
        ("composer.image_version", "composer-2.1", f"{IMAGE_VERSION}, not 'composer-2.1'"),
        ("composer.image_version", "3", "must be text, not 3"),
        ("composer.size", "huge", "must be 'small', 'medium' or 'large', not 'huge'"),
        ("service_accounts.pipeline", "wine", f"must be the id of a service account: {ID}, not 'wine'"),
        (
            "service_accounts.tester",
            "a@b.iam.gserviceaccount.com",
            f"must be the id of a service account: {ID}, not 'a@b.iam.gserviceaccount.com'",
        ),
        ("scale", "pipeline/absent.toml", f"{SCALE}, not 'pipeline/absent.toml'"),
        ("scale", "../scale.toml", f"{SCALE}, not '../scale.toml'"),
        ("scale", "/etc/passwd", f"{SCALE}, not '/etc/passwd'"),
        ("scale", "true", "must be text, not true"),
        ("confirm", "1", "must be true or false, not 1"),
        ("confirm", "maybe", "must be true or false, not 'maybe'"),
        ("github", "owner", f"{GITHUB}, not 'owner'"),
        ("github", "https://github.com/owner/name", f"{GITHUB}, not 'https://github.com/owner/name'"),
    ],
)
def test_a_wrong_value_is_named_by_its_key(tmp_path: Path, key: str, value: str, says: str) -> None:
    assert told(tmp_path, key, value) == f"deploy/environments.yaml: dev.{key}: {says}"


@pytest.mark.parametrize(
    ("key", "place", "says"),
    [
        ("region", "regoin", "dev.region: missing; dev.regoin: unknown key; did you mean region?"),
        (
            "composer.size",
            "siz",
            "dev.composer.size: missing; dev.composer.siz: unknown key; did you mean size?",
        ),
        (
            "github",
            "colour",
            "dev.github: missing; dev.colour: unknown key; known: project, region, bucket,"
            " artifact_repository, composer, service_accounts, scale, confirm, github",
        ),
    ],
)
def test_a_misspelt_key_is_missing_and_unknown(tmp_path: Path, key: str, place: str, says: str) -> None:
    assert told(tmp_path, key, "x", place) == f"deploy/environments.yaml: {says}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "deploy/environments.yaml: is empty"),
        (b"- dev\n", "deploy/environments.yaml: must be a mapping, not a list"),
        (
            b"{",
            "deploy/environments.yaml: is not YAML: line 1, column 2: expected the node content, but found"
            " '<stream end>'",
        ),
        (b"dev: \xff", "deploy/environments.yaml: is not UTF-8: line 1: byte 0xff"),
        (b"dev: {}\ndev: {}\n", "deploy/environments.yaml: dev: is a duplicate key, in lines 1 and 2"),
        (b"dev: null\n", "deploy/environments.yaml: dev: must be a mapping, not null"),
        (b"staging: {}\n", "dev: no such environment in deploy/environments.yaml: staging"),
        (
            b"dev: {region: &a {x: *a}}\n",
            "deploy/environments.yaml: dev.region.x: an alias must not name what contains it (line 1)",
        ),
    ],
)
def test_a_file_that_holds_no_environments_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    assert refused(tmp_path, content) == says
