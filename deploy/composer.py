"""What a Composer environment says of itself, and what of it would have to change."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS_FILE = Path(__file__).with_name("requirements.txt")
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+(\[[^\]]*\])?)\s*(?P<version>.*)")


class ComposerError(ValueError):
    """The environment cannot be deployed to; the message is one line that says why."""


@dataclass(frozen=True)
class ComposerState:
    """
    The part of ``gcloud composer environments describe`` that a deployment needs.

    :param dags: gs:// folder of the DAGs.
    :param variables: environment variables that were set.
    :param packages: PyPI packages that were added, with their version specifiers.
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

        :raises ComposerError: the environment does not run.
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
            packages=software.get("pypiPackages", {}),
            airflow_uri=config.get("airflowUri", ""),
        )

    @property
    def plugins(self) -> str:
        """gs:// folder of the plugins, beside that of the DAGs."""
        return f"{self.dags.rpartition('/')[0]}/plugins"

    def missing_variables(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Return those variables that are not set, or set to something else."""
        return {name: value for name, value in wanted.items() if self.variables.get(name) != value}


def requirements(text: str) -> dict[str, str]:
    """
    Read the packages of a requirements file as Composer stores them.

    :param text: one package with its version specifier a line; ``#`` starts a comment.
    """
    packages = {}
    for line in text.splitlines():
        if found := _REQUIREMENT.fullmatch(line.partition("#")[0].strip()):
            packages[found["name"].lower()] = found["version"].replace(" ", "")
    return packages
