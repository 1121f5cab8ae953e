"""A clone of the work tree that a test may spoil, and a gcloud that writes down its calls."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.check import COMPOSER_PYTHON
from deploy.package import files_of
from tests.conftest import REPOSITORY

RUN_SECONDS = 600

COMPOSER: dict[str, Any] = {
    "name": "projects/wine-mlops-dev/locations/europe-west1/environments/wine-mlops",
    "state": "RUNNING",
    "config": {
        "airflowUri": "https://airflow.example",
        "dagGcsPrefix": "gs://europe-west1-wine-mlops-bucket/dags",
        "softwareConfig": {"imageVersion": "composer-3-airflow-3.3.1-build.10"},
    },
}


@dataclass
class Recorder:
    """
    A gcloud and a bq that write down how they were called.

    :param folder: of their programs and of what they know.
    """

    folder: Path

    @property
    def calls(self) -> list[list[str]]:
        """Every call so far, the program first."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def forget(self) -> None:
        """Forget the calls so far."""
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    def fail(self, *prefixes: str) -> None:
        """Let the calls that begin so end with exit code 1, as if they were not allowed."""
        (self.folder / "failing.json").write_text(
            json.dumps(dict.fromkeys(prefixes, "PERMISSION_DENIED: no"))
        )

    def miss(self, *prefixes: str) -> None:
        """Let the calls that begin so find nothing."""
        (self.folder / "failing.json").write_text(json.dumps(dict.fromkeys(prefixes, "NOT_FOUND: nothing")))

    def put(self, *objects: str) -> None:
        """Let others put objects into Cloud Storage."""
        path = self.folder / "objects.json"
        there = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(there | dict.fromkeys(objects, "")))

    @property
    def contents(self) -> dict[str, str]:
        """What Cloud Storage holds, by name."""
        return dict(json.loads((self.folder / "objects.json").read_text()))

    @property
    def objects(self) -> list[str]:
        """Names of what Cloud Storage holds."""
        return list(self.contents)

    @property
    def images(self) -> list[dict[str, Any]]:
        """What Artifact Registry holds."""
        return list(json.loads((self.folder / "images.json").read_text()))

    def composer(self, **changes: Any) -> None:
        """Say what the Composer environment is."""
        (self.folder / "composer.json").write_text(json.dumps(COMPOSER | changes))

    def no_composer(self) -> None:
        """Let there be no Composer environment until one is made."""
        (self.folder / "composer.json").rename(self.folder / "composer-to-come.json")


@dataclass
class Checkout:
    """
    A clean clone, without any environment of its own: it borrows this repository's.

    :param folder: the clone.
    :param recorder: its gcloud.
    """

    folder: Path
    recorder: Recorder

    def git(self, *arguments: str) -> str:
        """Run git in it."""
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        return subprocess.run(
            ["git", *identity, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def run(self, module: str, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
        """
        Run ``python -m MODULE`` in it.

        :param path: PATH; by default the recorder comes first.
        """
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=os.environ
            | {
                "PATH": path or f"{self.recorder.folder / 'bin'}:{os.environ['PATH']}",
                "RECORDER": str(self.recorder.folder),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )


@pytest.fixture(scope="session")
def make_recorder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Recorder]:
    """Make a gcloud and a bq that write down their calls."""

    def make() -> Recorder:
        folder = tmp_path_factory.mktemp("recorder")
        (folder / "bin").mkdir()
        for name in ("gcloud", "bq"):
            program = folder / "bin" / name
            program.write_text(
                f"#!{sys.executable}\n{(REPOSITORY / 'tests' / 'deploy' / 'recorder.py').read_text()}"
            )
            program.chmod(0o755)
        (folder / "images.json").write_text("[]")
        made = Recorder(folder)
        made.fail()
        made.composer()
        return made

    return make


@pytest.fixture(scope="session")
def make_checkout(
    tmp_path_factory: pytest.TempPathFactory, make_recorder: Callable[[], Recorder]
) -> Callable[[], Checkout]:
    """Make a clean clone of the work tree as it is now."""

    def make() -> Checkout:
        folder = tmp_path_factory.mktemp("checkout")
        for path in files_of("."):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / path, folder / path)
        (REPOSITORY / ".tools").mkdir(exist_ok=True)
        for borrowed in (".tools", "pipeline/.venv"):
            (folder / borrowed).symlink_to(REPOSITORY / borrowed)
        checkout = Checkout(folder, make_recorder())
        checkout.git("init", "--quiet", "--initial-branch=main")
        # a link is no folder: .gitignore's patterns with a slash at the end do not meet it
        (folder / ".git" / "info" / "exclude").write_text(".tools\npipeline/.venv\n")
        checkout.commit()
        return checkout

    return make


@pytest.fixture(scope="session")
def composer_packages() -> None:
    """Skip where Composer's packages are not installed."""
    if not COMPOSER_PYTHON.exists():
        pytest.skip("Composer's packages are not installed: make deploy-check installs them")


@pytest.fixture
def checkout(make_checkout: Callable[[], Checkout]) -> Checkout:
    """Give a clean clone."""
    return make_checkout()


@pytest.fixture
def recorder(make_recorder: Callable[[], Recorder]) -> Recorder:
    """Give a gcloud and a bq that write down their calls."""
    return make_recorder()
