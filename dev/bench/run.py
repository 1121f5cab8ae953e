"""Measure the time and memory limits of the package in one run: ``make bench``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from dev.bench.bounds import Measure, print_measures, require_bounds
from dev.bench.imports import import_measures
from dev.bench.pipeline import PipelineBench
from dev.bench.stack import SECOND_START_SECONDS, demo_measures, edit_measure
from dev.demo.train import STEPS as DEMO_STEPS
from dev.demo.train import Demo
from dev.stack.configured import ConfiguredSettings
from dev.stack.guard import guarded, stopping
from dev.stack.ownership import fresh
from dev.stack.settings import LOCAL
from dev.stack.stack import Stack

STEPS = DEMO_STEPS + 5
SECOND_START = "Start localcloud and Airflow a second time, with empty folders"


class Bench:
    """
    Runs the demo and both ways of running its pipeline, then starts again and edits a DAG file.

    :param settings: the bench's own stack.
    """

    def __init__(self, settings: ConfiguredSettings) -> None:
        self.settings = settings
        self.demo = Demo(settings, steps=STEPS)

    def run(self) -> None:
        """
        Measure everything, and print each figure with its limit.

        :raises BoundExceededError: a measure exceeds its limit.
        """
        progress = self.demo.progress
        with progress.step("Import the DAG files in fresh processes"):
            imports = import_measures()
        self._fresh_dags()
        measures = [*imports, *demo_measures(self.demo)]
        with progress.step("Compiled JSON and LocalDagRunner in turn"):
            measures.append(PipelineBench(self.demo).measure())
        measures += self._second_start()
        print_measures(measures)
        require_bounds(measures)

    def _second_start(self) -> list[Measure]:
        progress = self.demo.progress
        with progress.step("Stop every process"):
            self.demo.stack.stop()
        shutil.rmtree(self.settings.root)
        # makes the certificates
        self.settings.activate()
        self._fresh_dags()
        # the client of the first one has a token that was signed with the secrets in the old folder
        stack = Stack(self.settings, progress)
        with progress.step(SECOND_START):
            stack.start()
        with progress.step("Edit a DAG file"):
            edit = edit_measure(stack.airflow, self.settings.dags)
        seconds = progress.seconds[SECOND_START]
        return [Measure("second start on the same machine", seconds, SECOND_START_SECONDS, "s"), edit]

    def _fresh_dags(self) -> None:
        self.settings.write_dags(lambda config: None)


def run_bench(root: Path) -> None:
    """
    Run the bench with its own empty state, and always stop every process.

    :param root: folder of the stack.
    """
    settings = ConfiguredSettings(root=root)
    bench = Bench(settings)
    with fresh(root, bench.demo.progress.line):
        settings.activate()
        with stopping(bench.demo.stack):
            bench.run()


if __name__ == "__main__":
    sys.exit(guarded("make bench", lambda: run_bench(LOCAL / "bench")))
