"""A localcloud that has been deployed to, and the command that asks it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from google.cloud import storage

from deploy.specs import publish
from dev.settings import StackSettings
from tests.conftest import REPOSITORY, Cloud

# a run takes about a minute
RUN_SECONDS = 280


@dataclass
class Acceptance:
    """
    The command, in processes of its own.

    :param cloud: what it asks.
    :param output: file that takes what it prints.
    """

    cloud: Cloud
    output: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start it as make does: led to no cloud but by its own arguments."""
        environment = {
            name: value for name, value in os.environ.items() if name not in self.cloud.environment
        }
        settings = self.cloud.settings
        where = {"LOCALCLOUD_STATE": str(settings.state), "LOCALCLOUD_PORT": str(settings.port)}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.acceptance", "local", *arguments],
                cwd=REPOSITORY,
                env=environment | where,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def run(self, *arguments: str) -> int:
        """Run it to its end and give its exit code."""
        return self.start(*arguments).wait(RUN_SECONDS)

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self.output.read_text()


@pytest.fixture(scope="session")
def deployed(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> storage.Bucket:
    """Compile a pipeline as a deployment does, and put it where a deployment does."""
    python = cloud.settings.pipeline_python
    if not python.exists():
        pytest.skip(f"the pipeline environment is not installed: {python}")
    stack = StackSettings(root=tmp_path_factory.mktemp("deployed"))
    spec = stack.root / "wine-white.json"
    command = [python, "-m", "wine_pipeline", "compile", "--wine=white", f"--output={spec}"]
    target = [f"--project={cloud.settings.project}", f"--region={stack.region}", f"--bucket={stack.bucket}"]
    subprocess.run([*command, *target], cwd=REPOSITORY, check=True, capture_output=True, timeout=120)
    client = storage.Client(project=cloud.settings.project)
    bucket = client.lookup_bucket(stack.bucket) or client.create_bucket(stack.bucket)
    publish(bucket, "white", spec.read_bytes())
    return bucket


@pytest.fixture
def acceptance(cloud: Cloud, deployed: storage.Bucket, tmp_path: Path) -> Acceptance:
    """Give the command."""
    return Acceptance(cloud, tmp_path / "output.txt")
