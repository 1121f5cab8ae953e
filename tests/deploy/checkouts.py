"""A checkout that a test may change, and a gcloud that records its calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
        """Return every call so far, the program first."""
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def forget(self) -> None:
        """Clear the recorded calls."""
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    def fail(self, *prefixes: str) -> None:
        """Make calls with this prefix exit with code 1, as if they were not allowed."""
        (self.folder / "failing.json").write_text(
            json.dumps(dict.fromkeys(prefixes, "PERMISSION_DENIED: no"))
        )

    def miss(self, *prefixes: str) -> None:
        """Make calls with this prefix find nothing."""
        (self.folder / "failing.json").write_text(json.dumps(dict.fromkeys(prefixes, "NOT_FOUND: nothing")))

    def put(self, *objects: str) -> None:
        """Put objects into Cloud Storage, as others might."""
        path = self.folder / "objects.json"
        there = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(there | dict.fromkeys(objects, "")))

    @property
    def contents(self) -> dict[str, str]:
        """Return the objects in Cloud Storage, by name."""
        return dict(json.loads((self.folder / "objects.json").read_text()))

    @property
    def objects(self) -> list[str]:
        """Return the names of the objects in Cloud Storage."""
        return list(self.contents)

    @property
    def images(self) -> list[dict[str, Any]]:
        """Return the images in Artifact Registry."""
        return list(json.loads((self.folder / "images.json").read_text()))

    def composer(self, **changes: Any) -> None:
        """Set what the Composer environment is."""
        (self.folder / "composer.json").write_text(json.dumps(COMPOSER | changes))

    def no_composer(self) -> None:
        """Remove the Composer environment until one is created."""
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
