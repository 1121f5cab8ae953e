"""Measure each component over more and more rows: ``make bench-scale``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
from google.cloud.storage import Client

from deploy.terminal.progress import Progress
from dev.bench.scale_figures import Figures, Measurement, read_measurement
from dev.bench.scale_report import markdown, write_into
from dev.bench.scaled_wines import grown_wine, load_grown
from dev.demo.report import GIB
from dev.stack.guard import guarded, stopping
from dev.stack.ownership import fresh
from dev.stack.settings import LOCAL, REPOSITORY, StackSettings
from dev.stack.stack import START_SECONDS, Stack
from dev.stack.vertex_state import VertexState

FACTORS = (1, 10, 100)
DOCUMENT = REPOSITORY / "docs" / "scale.md"
MEASUREMENTS = REPOSITORY / "docs" / "scale-measurements.json"
PLOT = REPOSITORY / "docs" / "images" / "scale.svg"


class PipelineRunError(RuntimeError):
    """A run of the pipeline failed; the message names its log."""


class CloudStack(Stack):
    """localcloud alone: the pipeline is submitted without Airflow."""

    def start(self) -> None:
        """Start it and return when it is healthy."""
        self._require_free_port(self.settings.cloud.port, "LOCALCLOUD_PORT")
        command = [sys.executable, "-m", "localcloud", "up"]
        self._start("localcloud", command, self.settings.environment())
        self.progress.wait("localcloud", self._localcloud_health, timeout=START_SECONDS, every=0.5)


class ScaleBench:
    """
    Runs the compiled pipeline over more and more rows, each time in Beam's local runner.

    :param settings: the bench's own stack.
    :param factors: how many times the real rows to run over.
    """

    def __init__(self, settings: StackSettings, factors: tuple[int, ...] = FACTORS) -> None:
        self.settings = settings
        self.factors = factors
        self.progress = Progress(total=2 + len(factors))
        self.stack = CloudStack(settings, self.progress)

    def run(self) -> Figures:
        """
        Measure every size.

        :raises PipelineRunError: a run failed.
        """
        with self.progress.step("Start localcloud"):
            self.stack.start()
            Client(project=self.settings.cloud.project).create_bucket(self.settings.bucket)
        with self.progress.step("One run that is not measured, to warm up"):
            load_grown(self.settings, self.factors[0])
            self._run_pipeline(self.factors[0])
        measurements = [self._measure(factor) for factor in self.factors]
        memory = round(psutil.virtual_memory().total / GIB)
        return Figures(os.cpu_count() or 1, memory, measurements)

    def _measure(self, factor: int) -> Measurement:
        with self.progress.step(f"The rows {factor} times"):
            rows = load_grown(self.settings, factor)
            self.progress.line(f"{rows:,} rows in {self.settings.table(grown_wine(factor))}")
            load = round(os.getloadavg()[0], 1)
            job = VertexState(self.settings).pipeline_job(self._run_pipeline(factor))
            logs = self.settings.cloud.logs / "pipelines" / job.name.rpartition("/")[2]
            measurement = read_measurement(job, logs, rows, load)
            for name, usage in measurement.components.items():
                self.progress.line(f"{name}: {usage}")
            return measurement

    def _run_pipeline(self, factor: int) -> str:
        """Run ``wine_pipeline run``, show what it says, and return the name of its job."""
        settings, wine = self.settings, grown_wine(factor)
        log = self.stack.processes.logs / f"wine-pipeline-{wine}.log"
        command = [
            *(str(settings.cloud.pipeline_python), "-m", "wine_pipeline", "run"),
            f"--google_cloud_project={settings.cloud.project}",
            f"--google_cloud_region={settings.region}",
            f"--google_cloud_dataset={settings.dataset}",
            f"--wine_table={wine}_wine",
            f"--gcs_bucket={settings.bucket}",
            "--username=bench-scale",
        ]
        said = ""
        with log.open("ab") as errors:
            process = subprocess.Popen(
                command,
                env=settings.environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            try:
                for line in process.stdout or ():
                    said = line.strip()
                    self.progress.line(f"{wine}: {said}")
                code = process.wait()
            finally:
                process.kill()
                process.wait()
        if code:
            raise PipelineRunError(f"wine_pipeline run failed for {wine}: see {log}")
        return said


def plot(settings: StackSettings, measurements: Path, output: Path) -> None:
    """
    Plot the measurements, in the environment that can.

    :param measurements: JSON.
    :param output: SVG to write.
    """
    program = Path(__file__).with_name("plot_scale.py")
    subprocess.run([str(settings.cloud.pipeline_python), program, measurements, output], check=True)


def run_bench(root: Path) -> None:
    """
    Measure on a fresh state, write the measurements and the plot into docs/, and stop every process.

    :param root: folder of the stack.
    """
    settings = StackSettings(root=root)
    bench = ScaleBench(settings)
    with fresh(root, bench.progress.line):
        settings.activate()
        with stopping(bench.stack):
            figures = bench.run()
    print(f"\n{markdown(figures)}")
    figures.write(MEASUREMENTS)
    write_into(DOCUMENT, figures)
    plot(settings, MEASUREMENTS, PLOT)


if __name__ == "__main__":
    sys.exit(guarded("make bench-scale", lambda: run_bench(LOCAL / "bench-scale")))
