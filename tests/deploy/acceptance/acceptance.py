"""The acceptance command, started and read."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.testing import Cloud
from tests.support.repository import REPOSITORY

# a run takes about a minute
RUN_SECONDS = 280


# alone it takes 20; next to all other tests, minutes
COMPILE_SECONDS = 600


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
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.acceptance", "local", *arguments],
                cwd=REPOSITORY,
                env=environment | self.cloud.settings.environment(),
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
        """Return what it has printed so far."""
        return self.output.read_text()
