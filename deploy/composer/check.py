"""
Check the package as Composer loads it: ``make deploy-check``.

dags/ and plugins/ are copied to an empty folder and loaded by Airflow at Composer's versions, in a virtual
environment with nothing else, and with only the environment variables that a deployment sets.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy import REPOSITORY
from deploy.composer.package import stage
from deploy.environments import EnvironmentsError, read_environment
from deploy.terminal.shell import CommandError

COMPOSER_PYTHON = REPOSITORY / ".tools" / "composer" / "bin" / "python"
# what deploy-setup sets as core.dagbag_import_timeout: tasks share a worker
IMPORT_SECONDS = 120.0


class CheckError(RuntimeError):
    """The package would not load; one line for each problem."""


@dataclass(frozen=True)
class Loaded:
    """
    What was loaded.

    :param dags: ids.
    :param seconds: import time of each file.
    """

    dags: list[str]
    seconds: dict[str, float]


def install_composer_environment() -> None:
    """
    Create the virtual environment with Composer's packages, if it does not exist.

    :raises CheckError: it could not be installed.
    """
    done = subprocess.run(
        [REPOSITORY / "deploy" / "composer" / "local-environment.sh"], stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise CheckError("Composer's packages could not be installed")


def check_package(
    package: Path, variables: Mapping[str, str], import_seconds: float = IMPORT_SECONDS
) -> Loaded:
    """
    Lint and load a package.

    :param package: a folder with dags/ and plugins/.
    :param variables: environment variables that a deployment sets.
    :param import_seconds: longest that the import of one file may take.
    :raises CheckError: naming every problem.
    """
    problems = airflow_lint(package)
    with tempfile.TemporaryDirectory(prefix="deploy-check-") as home:
        report = Path(home) / "report.json"
        done = subprocess.run(
            # -I: modules come neither from PYTHONPATH nor from the script's own folder
            [COMPOSER_PYTHON, "-I", REPOSITORY / "deploy" / "composer" / "dag_integrity.py", report],
            cwd=home,
            env=_environment(package, Path(home), variables, import_seconds),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            raise CheckError("\n".join([*problems, f"Airflow did not load:\n{done.stdout}{done.stderr}"]))
        found = json.loads(report.read_text())
    problems += found["problems"]
    if problems:
        raise CheckError("\n".join(problems))
    return Loaded(found["dags"], found["files"])


def airflow_lint(package: Path) -> list[str]:
    """
    Return what Ruff's Airflow rules find: mostly names that Airflow 3 moved or removed.

    :param package: a folder with dags/ and plugins/.
    """
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--isolated", "--select=AIR", "--output-format=concise", "."],
        cwd=package,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    # the last lines count what was found
    return [line for line in done.stdout.splitlines() if ".py:" in line] or (
        [f"ruff: {done.stderr.strip()}"] if done.returncode else []
    )


def _environment(
    package: Path, home: Path, variables: Mapping[str, str], import_seconds: float
) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(package / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(package / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": str(import_seconds),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        **variables,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Check the work tree.

    :param arguments: without the program's name; those of the process by default.
    :return: 0; 1 if Composer would not load it.
    """
    parser = argparse.ArgumentParser(prog="python -m deploy.composer.check", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="dev, prod: a key of deploy/environments.yaml")
    options = parser.parse_args(arguments)
    try:
        variables = read_environment(options.environment).variables
        install_composer_environment()
        with tempfile.TemporaryDirectory(prefix="deploy-package-") as folder:
            for name in ("dags", "plugins"):
                stage(name, Path(folder) / name)
            loaded = check_package(Path(folder), variables)
    except (CheckError, CommandError, EnvironmentsError) as error:
        for line in str(error).splitlines():
            print(f"deploy-check: {line}", file=sys.stderr)
        return 1
    for file, seconds in loaded.seconds.items():
        print(f"deploy-check: {file} imported in {seconds:.1f} s (limit {IMPORT_SECONDS:.0f} s)")
    print(f"deploy-check: Composer can load {', '.join(loaded.dags)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
