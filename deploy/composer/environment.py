"""The state of a Composer environment, and what a deployment has to change in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

from deploy.environments import Environment
from deploy.terminal.shell import Shell

REQUIREMENTS_FILE = Path(__file__).with_name("requirements.txt")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras_and_version>(\[[^;#]*)?([=!<>~][^;#]*)?)"
)


class ComposerError(ValueError):
    """The environment, or its list of packages, cannot be used for a deployment; the message is one line."""


@dataclass(frozen=True)
class ComposerState:
    """
    The part of ``gcloud composer environments describe`` that a deployment needs.

    :param dags: gs:// folder of the DAGs.
    :param variables: environment variables that were set.
    :param packages: PyPI packages that were added, with their extras and version specifiers.
    :param airflow_uri: of the Airflow UI.
    """

    dags: str
    variables: Mapping[str, str]
    packages: Mapping[str, str]
    airflow_uri: str

    @classmethod
    def parse(cls, description: str) -> ComposerState:
        """
        Read the JSON of ``describe``.

        Source: https://cloud.google.com/composer/docs/reference/rest/v1/projects.locations.environments

        :raises ComposerError: the environment is not running.
        """
        environment = json.loads(description)
        if environment["state"] != "RUNNING":
            raise ComposerError(
                f"the Composer environment is {environment['state']}: wait until it is RUNNING"
            )
        config = environment["config"]
        software = config.get("softwareConfig", {})
        return cls(
            dags=config["dagGcsPrefix"],
            variables=software.get("envVariables", {}),
            packages=dict(starmap(_package, software.get("pypiPackages", {}).items())),
            airflow_uri=config.get("airflowUri", ""),
        )

    @property
    def bucket(self) -> str:
        """Return the gs:// URL of the environment's bucket, which contains dags/ and plugins/."""
        return self.dags.removesuffix("/dags")

    def missing_variables(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return those variables that are not set, or set to something else."""
        return {name: value for name, value in wanted.items() if self.variables.get(name) != value}


def describe(environment: Environment, shell: Shell) -> ComposerState:
    """
    Read an environment's bucket, variables and packages from Composer.

    :raises ComposerError: the environment does not run.
    :raises CommandError: there is no such environment, or no permission to read it.
    """
    description = shell.read(
        *("gcloud", "composer", "environments", "describe", environment.composer.environment),
        *(f"--project={environment.project}", f"--location={environment.region}", "--format=json"),
        placeholder="",
    )
    if shell.dry_run:
        return ComposerState("gs://COMPOSER_BUCKET/dags", {}, {}, "AIRFLOW_URI")
    return ComposerState.parse(description)


def requirements(text: str) -> dict[str, str]:
    """
    Read the packages of a requirements file as gcloud does.

    :param text: a line for each package, with extras and version; ``#`` starts a line of comment.
    :raises ComposerError: a line has more: an environment marker, an option, or a comment after the package.
    """
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _REQUIREMENT.fullmatch(line.strip())
        if not found:
            raise ComposerError(
                f"deploy/composer/requirements.txt: line {number}: Composer only accepts a package and its "
                f"version, not {line.strip()!r}"
            )
        packages.append(_package(found["name"], found["extras_and_version"]))
    return dict(packages)


def _package(name: str, extras_and_version: str) -> tuple[str, str]:
    """Return the normalized name of a package, for comparisons."""
    return re.sub(r"[-_.]+", "-", name).lower(), extras_and_version.replace(" ", "").lower()
