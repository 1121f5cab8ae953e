"""Drive the pipeline's own environment: compile, upload for the DAG, run without Vertex AI."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from google.cloud.storage import Client

from deploy.composer.specs import publish
from deploy.terminal.progress import Progress
from dev.stack.settings import StackSettings

COMMAND_SECONDS = 600


class PipelineCommandError(RuntimeError):
    """A command of ``wine_pipeline`` failed; the message has the end of its output."""


class PipelineCommand:
    """
    ``python -m wine_pipeline`` in the pipeline environment, in parallel with the block.

    :param settings: the stack, whose certificates must be there: ``settings.activate()``.
    :param arguments: of the command, its name first.
    """

    def __init__(self, settings: StackSettings, progress: Progress, *arguments: str) -> None:
        self.settings = settings
        self.progress = progress
        self.arguments = arguments

    def __enter__(self) -> Self:
        with ExitStack() as ending:
            self._output = ending.enter_context(tempfile.TemporaryFile("w+"))
            self._errors = ending.enter_context(tempfile.TemporaryFile("w+"))
            self._process = subprocess.Popen(
                [str(self.settings.cloud.pipeline_python), "-m", "wine_pipeline", *self.arguments],
                env=self.settings.environment(),
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._errors,
            )
            ending.callback(self._process.wait)
            ending.callback(self._process.kill)
            self._ending = ending.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def output(self) -> str:
        """
        Wait for its end and return what it printed.

        :raises PipelineCommandError: it failed.
        """
        name = f"wine_pipeline {self.arguments[0]}"
        code = self.progress.wait(
            name, lambda: (f"{name} runs", self._process.poll()), timeout=COMMAND_SECONDS, every=0.2
        )
        self._output.seek(0)
        self._errors.seek(0)
        if code:
            tail = "\n".join(self._errors.read().splitlines()[-10:])
            raise PipelineCommandError(f"{name} failed:\n{tail}")
        return self._output.read()


def spec_path(settings: StackSettings, wine: str) -> Path:
    """Return the local path of the compiled pipeline of a wine."""
    return settings.root / "specs" / f"wine-{wine}.json"


def read_spec(settings: StackSettings, wine: str) -> dict[str, Any]:
    """Return the compiled pipeline of a wine."""
    return dict(json.loads(spec_path(settings, wine).read_text()))


class Compilation(PipelineCommand):
    """
    Compiles the pipeline of a wine in parallel with the block.

    :param settings: the stack, whose certificates must be there: ``settings.activate()``.
    :param wine: ``white`` or ``red``.
    """

    def __init__(self, settings: StackSettings, progress: Progress, wine: str) -> None:
        self.wine = wine
        self.path = spec_path(settings, wine)
        super().__init__(settings, progress, "compile", "--wine", wine, "--output", str(self.path))

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return super().__enter__()

    def publish(self) -> str:
        """
        Upload the compiled pipeline, switch new runs to it, and create the bucket if there is none.

        :return: its gs:// URI.
        :raises PipelineCommandError: it does not compile.
        """
        self.output()
        client = Client(project=self.settings.cloud.project)
        bucket = client.lookup_bucket(self.settings.bucket) or client.create_bucket(self.settings.bucket)
        return publish(bucket, self.wine, self.path.read_bytes())


def publish_pipeline(settings: StackSettings, progress: Progress, wine: str) -> str:
    """
    Compile the pipeline of a wine and upload it; create the bucket if there is none.

    :return: its gs:// URI.
    """
    with Compilation(settings, progress, wine) as compilation:
        return compilation.publish()


def run_locally(settings: StackSettings, progress: Progress, wine: str, data_version: int) -> None:
    """
    Run the pipeline of a wine with LocalDagRunner.

    It evaluates against the champion of its own last run in this stack, if there was one.

    :param data_version: state of the table that is read, in ms since the epoch.
    """
    arguments = (
        *("local", "--wine", wine, "--table", settings.table(wine)),
        *("--data_version", str(data_version)),
        *("--memory", str(settings.root / "local-dag-runner.sqlite")),
    )
    with PipelineCommand(settings, progress, *arguments) as command:
        command.output()
