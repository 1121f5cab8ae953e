"""What an environment says of itself, and what of it has to change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.composer.environment import ComposerError, ComposerState, requirements
from tests.deploy.checkouts import COMPOSER


def describe(**software: Any) -> ComposerState:
    """Parse a description with this softwareConfig."""
    config = {**COMPOSER["config"], "softwareConfig": software}
    return ComposerState.parse(json.dumps({**COMPOSER, "config": config}))


def test_the_folders_lie_beside_each_other_in_the_environments_bucket() -> None:
    state = describe()

    assert state.dags == "gs://europe-west1-wine-mlops-bucket/dags"
    assert state.bucket == "gs://europe-west1-wine-mlops-bucket"


def test_only_variables_that_differ_are_missing() -> None:
    state = describe(envVariables={"SAME": "1", "OTHER": "1", "FOREIGN": "1"})

    assert state.missing_variables({"SAME": "1", "OTHER": "2", "NEW": "3"}) == {"OTHER": "2", "NEW": "3"}


@pytest.mark.parametrize("state", ["CREATING", "UPDATING", "ERROR"])
def test_an_environment_that_does_not_run_is_refused(state: str) -> None:
    with pytest.raises(ComposerError, match=f"is {state}: wait"):
        ComposerState.parse(json.dumps({**COMPOSER, "state": state}))


def test_requirements_are_those_that_composer_says_it_has_however_they_are_spelled() -> None:
    text = "# a comment\n\nHumanize == 4.13.0\npandas[gcp]>=2,<3\nruamel.yaml\n"

    state = describe(
        pypiPackages={"humanize": "==4.13.0", "pandas": "[gcp]>=2, <3", "ruamel-yaml": ""},
    )

    assert requirements(text) == state.packages


@pytest.mark.parametrize(
    "line", ["humanize==4.13.0  # why", "humanize==4.13.0; python_version > '3'", "--index-url=x", "-r other"]
)
def test_a_line_that_gcloud_would_read_otherwise_is_refused(line: str) -> None:
    with pytest.raises(ComposerError, match=r"^deploy/composer/requirements.txt: line 2: "):
        requirements(f"scipy\n{line}\n")


def test_the_requirements_of_this_repository_are_none() -> None:
    from deploy.composer.environment import REQUIREMENTS_FILE

    assert requirements(REQUIREMENTS_FILE.read_text()) == {}
