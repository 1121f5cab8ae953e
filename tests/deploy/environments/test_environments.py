"""environments.yaml says where ENV is; test_bad_environments.py has what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.environments import ENVIRONMENTS_FILE, SERVING_VERSION, read_environment
from tests.support.repository import REPOSITORY

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


def test_a_scale_file_of_the_repository_may_be_named(tmp_path: Path) -> None:
    environment = read_environment("dev", write(tmp_path, scale="pipeline/scale.toml"))

    assert (environment.scale, environment.image_target) == ("pipeline/scale.toml", "dataflow")
