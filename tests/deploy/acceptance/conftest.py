"""A localcloud that has been deployed to, and the command that asks it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from google.cloud import storage

from deploy.composer.specs import publish
from dev.stack.settings import StackSettings
from localcloud.testing import Cloud
from tests.deploy.acceptance.acceptance import COMPILE_SECONDS, Acceptance
from tests.support.repository import REPOSITORY


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
    subprocess.run(
        [*command, *target], cwd=REPOSITORY, check=True, capture_output=True, timeout=COMPILE_SECONDS
    )
    client = storage.Client(project=cloud.settings.project)
    bucket = client.lookup_bucket(stack.bucket) or client.create_bucket(stack.bucket)
    publish(bucket, "white", spec.read_bytes())
    return bucket


@pytest.fixture
def acceptance(cloud: Cloud, deployed: storage.Bucket, tmp_path: Path) -> Acceptance:
    """Return the command."""
    return Acceptance(cloud, tmp_path / "output.txt")
