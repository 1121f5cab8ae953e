"""Cloud Build does what make does: the same targets, in images of known versions."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from deploy.environments import read_environment
from tests.support.repository import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "cloudbuild"
FILES = ["image.yaml", "main.yaml", "pr.yaml", "serving.yaml"]


def read(name: str) -> dict[str, Any]:
    """Read a Cloud Build file."""
    return dict(yaml.safe_load((FOLDER / name).read_text()))


def made_by(name: str) -> list[str]:
    """Return the targets of make that a file calls."""
    targets = []
    for step in read(name)["steps"]:
        words = [step.get("entrypoint", ""), *step["args"]]
        targets += re.findall(r"\bmake ([a-z-]+)", " ".join(words))
    return targets


def test_every_cloud_build_file_is_tested_here() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == FILES


@pytest.mark.parametrize("name", FILES)
def test_every_step_runs_in_an_image_of_a_full_version(name: str) -> None:
    for step in read(name)["steps"]:
        assert re.search(r":\d+\.\d+\.\d+(-[a-z]+)?$|@sha256:[0-9a-f]{64}$", step["name"]), step["name"]


@pytest.mark.parametrize("name", FILES)
def test_logs_go_where_an_own_service_account_can_write_them(name: str) -> None:
    assert read(name)["options"]["logging"] == "CLOUD_LOGGING_ONLY"


def test_every_target_of_make_exists() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = {target for name in FILES for target in made_by(name)}

    assert targets == {"lint", "test", "deploy-check", "deploy"}
    for target in targets:
        assert re.search(rf"^{target}:.* ## ", makefile, re.MULTILINE), target


def test_a_pull_request_is_linted_checked_and_tested_and_nothing_else() -> None:
    assert made_by("pr.yaml") == ["lint", "deploy-check", "test"]


def test_main_goes_to_dev_unless_the_trigger_says_otherwise() -> None:
    main = read("main.yaml")

    assert main["substitutions"] == {"_ENV": "dev"}
    assert "make deploy ENV=$_ENV YES=1" in main["steps"][-1]["args"][-1]


def test_the_image_is_built_from_what_is_submitted_and_pushed_under_the_name_asked_for() -> None:
    image = read("image.yaml")

    assert image["images"] == ["$_IMAGE"]
    arguments = image["steps"][0]["args"]
    assert (arguments[0], arguments[-1]) == ("build", ".")
    assert arguments[arguments.index("--file") + 1] == "pipeline/Dockerfile"
    assert arguments[arguments.index("--tag") + 1] == "$_IMAGE"
    assert arguments[arguments.index("--target") + 1] == "$_TARGET"
    # the Dockerfile has stages that need more files, and only BuildKit leaves them out
    assert image["steps"][0]["env"] == ["DOCKER_BUILDKIT=1"]


def test_the_serving_image_is_pushed_under_the_name_asked_for_as_it_was_pulled() -> None:
    serving = read("serving.yaml")

    assert [step["args"] for step in serving["steps"]] == [
        ["pull", "$_SOURCE"],
        ["tag", "$_SOURCE", "$_IMAGE"],
    ]
    assert serving["images"] == ["$_IMAGE"]


@pytest.mark.parametrize(("scale", "target"), [(None, "worker"), ("pipeline/scale.toml", "dataflow")])
def test_the_target_is_one_of_the_dockerfile(scale: str | None, target: str) -> None:
    environment = read_environment("dev").model_copy(update={"scale": scale})

    assert environment.image_target == target
    assert f" AS {target}\n" in (REPOSITORY / "pipeline" / "Dockerfile").read_text()
