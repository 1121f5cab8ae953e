"""The Google Cloud CLI where it is installed, kept away from the user's own configuration and credentials."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from localcloud.testing import Cloud
from tests.support.repository import REPOSITORY

TIMEOUT_SECONDS = 280


def require(command: str) -> None:
    """Skip the test where there is no such command of the Google Cloud CLI."""
    if shutil.which(command) is None:
        pytest.skip(f"there is no {command} on the PATH")


def isolated(folder: Path) -> dict[str, str]:
    """Return an environment in which gcloud knows no account and asks nothing."""
    return os.environ | {
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "HOME": str(folder),
    }


def led_to(cloud: Cloud, folder: Path) -> dict[str, str]:
    """Return an environment in which gcloud and bq talk to a localcloud with a token that it takes."""
    token = folder / "token"
    token.write_text("local")
    return isolated(folder) | {
        **cloud.environment,
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(token),
        "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE": cloud.environment["REQUESTS_CA_BUNDLE"],
        "CLOUDSDK_CORE_PROJECT": cloud.settings.project,
    }


def commands_in(dry_run: str, program: str) -> list[str]:
    """Return the commands of a program that a dry run printed."""
    lines = [line.strip().removesuffix(" ||") for line in dry_run.splitlines()]
    return [line for line in lines if line.startswith(f"{program} ")]


def refused(commands: list[str], folder: Path) -> dict[str, str]:
    """Return the commands that gcloud's own parser does not take, with what it says."""
    file = folder / "commands.json"
    file.write_text(json.dumps([{"command_string": command} for command in commands]))
    done = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={file}"],
        cwd=REPOSITORY,
        env=isolated(folder),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    results = json.loads(done.stdout)
    assert len(results) == len(set(commands)), shlex.join(commands)
    return {result["command_string"]: result["error_message"] for result in results if not result["success"]}
