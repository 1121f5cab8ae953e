"""environments.yaml says where ENV is; what is wrong in it is named by its key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.environments import ENVIRONMENTS_FILE, SERVING_VERSION, EnvironmentsError, read_environment
from tests.conftest import REPOSITORY

DEV = yaml.safe_load(ENVIRONMENTS_FILE.read_text())["dev"]


def write(folder: Path, **changes: Any) -> Path:
    """Write a file whose dev has these changes; None removes a key."""
    path = folder / "deploy" / "environments.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({"dev": DEV | changes}))
    return path


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_both_environments_can_be_read_and_are_two_projects(name: str) -> None:
    environment = read_environment(name)

    assert environment.project == f"wine-mlops-{name}"
    assert environment.confirm is (name == "prod")
    assert environment.composer.image_version.startswith("composer-3-airflow-3.3.1-build.")


def test_the_image_is_where_the_pipeline_looks_for_it_by_default() -> None:
    host, project, repository = read_environment("dev").image.split("/", 2)

    assert (host, project) == ("europe-west1-docker.pkg.dev", "wine-mlops-dev")
    config = (REPOSITORY / "pipeline" / "wine_pipeline" / "config.py").read_text()
    assert f'DEFAULT_IMAGE_REPOSITORY = "{repository}"' in config


def test_the_serving_image_is_where_the_pipeline_looks_for_it_by_default() -> None:
    repository = read_environment("dev").serving_image.split("/", 2)[2]

    config = (REPOSITORY / "pipeline" / "wine_pipeline" / "config.py").read_text()
    assert f'DEFAULT_SERVING_REPOSITORY = "{repository}"' in config
    assert f'DEFAULT_SERVING_TAG = "{SERVING_VERSION}"' in config


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"colour": "red"}, "dev.colour: unknown key"),
        ({"bucket": "gs://wine"}, "dev.bucket: .*not 'gs://wine'"),
        ({"project": "X"}, "dev.project: .*not 'X'"),
        ({"region": "europe"}, "dev.region: "),
        ({"composer": {**DEV["composer"], "size": "huge"}}, "dev.composer.size: .*not 'huge'"),
        ({"composer": {**DEV["composer"], "image_version": "composer-2.1"}}, "dev.composer.image_version: "),
        ({"github": "owner"}, "dev.github: .*not 'owner'"),
    ],
)
def test_a_bad_value_is_named_by_its_key(changes: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentsError, match=f"^deploy/environments.yaml: {problem}"):
        read_environment("dev", write(tmp_path, **changes))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(yaml.safe_dump({"dev": {key: value for key, value in DEV.items() if key != "region"}}))

    with pytest.raises(EnvironmentsError, match=r"^deploy/environments.yaml: dev.region: missing$"):
        read_environment("dev", path)


@pytest.mark.parametrize("content", ["", "- dev\n", "{"])
def test_a_file_that_holds_no_environments_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(content)

    with pytest.raises(EnvironmentsError, match=r"^[^\n]*deploy/environments.yaml: [^\n]+$"):
        read_environment("dev", path)
