"""Drives the pipeline's own environment: compiles, uploads to where the DAG looks, runs without Vertex AI."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from google.cloud.storage import Client

from dev.progress import Progress
from dev.settings import StackSettings

COMMAND_SECONDS = 600


class PipelineCommandError(RuntimeError):
    """A command of ``wine_pipeline`` failed; the message holds the end of its output."""


def pipeline_command(settings: StackSettings, progress: Progress, *arguments: str) -> str:
    """
    Run ``python -m wine_pipeline`` in the pipeline environment and return what it printed.

    :raises PipelineCommandError: it failed.
    """
    command = [str(settings.cloud.pipeline_python), "-m", "wine_pipeline", *arguments]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, env=settings.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        try:
            code = progress.wait(
                f"wine_pipeline {arguments[0]}",
                lambda: (f"wine_pipeline {arguments[0]} runs", process.poll()),
                timeout=COMMAND_SECONDS,
                every=0.5,
            )
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        errors.seek(0)
        if code:
            tail = "\n".join(errors.read().splitlines()[-10:])
            raise PipelineCommandError(f"wine_pipeline {arguments[0]} failed:\n{tail}")
        return output.read()


def spec_path(settings: StackSettings, wine: str) -> Path:
    """Return where the compiled pipeline of a wine is written on this machine."""
    return settings.root / "specs" / f"wine-{wine}.json"


def read_spec(settings: StackSettings, wine: str) -> dict[str, Any]:
    """Return the compiled pipeline of a wine."""
    return dict(json.loads(spec_path(settings, wine).read_text()))


def publish_pipeline(settings: StackSettings, progress: Progress, wine: str) -> str:
    """
    Compile the pipeline of a wine and upload it, making the bucket if there is none.

    :return: its gs:// URI.
    """
    path = spec_path(settings, wine)
    path.parent.mkdir(parents=True, exist_ok=True)
    pipeline_command(settings, progress, "compile", "--wine", wine, "--output", str(path))
    client = Client(project=settings.cloud.project)
    bucket = client.lookup_bucket(settings.bucket) or client.create_bucket(settings.bucket)
    blob = bucket.blob(f"specs/{path.name}")
    blob.upload_from_filename(path, content_type="application/json")
    return f"gs://{bucket.name}/{blob.name}"


def run_locally(settings: StackSettings, progress: Progress, wine: str, data_version: int) -> float:
    """
    Run the pipeline of a wine with LocalDagRunner.

    It evaluates against the champion of its own last run in this stack, if there was one.

    :param data_version: state of the table that is read, in ms since the epoch.
    :return: the seconds that it took.
    """
    started = time.monotonic()
    pipeline_command(
        settings,
        progress,
        *("local", "--wine", wine, "--table", settings.table(wine)),
        *("--data_version", str(data_version)),
        *("--memory", str(settings.root / "local-dag-runner.sqlite")),
    )
    return time.monotonic() - started
