"""Measurements of a pipeline job by component, and extrapolations to more rows."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from google.cloud import aiplatform_v1

# localcloud writes it below the output of every container
_LAST_LINE = re.compile(r"^([\d.]+) s of CPU, (\d+) MiB$", re.MULTILINE)

# in the order in which they run; resolvers run no container
COMPONENTS = (
    "BigQueryExampleGen",
    "StatisticsGen",
    "SchemaGen",
    "ExampleValidator",
    "Transform",
    "Trainer",
    "BaselineModel",
    "Evaluator",
    "MetricsReporter",
    "ModelCard",
)
BEAM_COMPONENTS = ("BigQueryExampleGen", "StatisticsGen", "Transform", "Evaluator")


class NoFiguresError(RuntimeError):
    """A task left no measurement; the message names its log."""


@dataclass(frozen=True)
class Usage:
    """
    What one component took.

    :param seconds: from its start to its end.
    :param cpu_seconds: processor time, user and system.
    :param peak_mib: peak memory in MiB; shared pages of the warm process included.
    """

    seconds: float
    cpu_seconds: float
    peak_mib: int

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.cpu_seconds:.1f} s of CPU, {self.peak_mib:,} MiB"


@dataclass(frozen=True)
class Measurement:
    """
    One run of the pipeline.

    :param rows: of the table.
    :param seconds: from the submission to the end.
    :param load: how many processes of the machine wanted a processor, over the minute before.
    :param components: by name.
    """

    rows: int
    seconds: float
    load: float
    components: dict[str, Usage]

    @property
    def name(self) -> str:
        """Return the number of rows in words, such as ``65 k``."""
        return f"{self.rows / 1000:.1f} k" if self.rows < 10_000 else f"{self.rows / 1000:.0f} k"


def read_measurement(job: aiplatform_v1.PipelineJob, logs: Path, rows: int, load: float) -> Measurement:
    """
    Read what a finished job took.

    :param job: it.
    :param logs: localcloud's folder of the logs of its tasks.
    :param rows: of the table that it read.
    :param load: see :class:`Measurement`.
    :raises NoFiguresError: if a component was not measured.
    """
    components = {
        task.task_name: _usage(task, logs / f"{task.task_name}.log")
        for task in job.job_detail.task_details
        if task.task_name in COMPONENTS
    }
    return Measurement(rows, _seconds(job.create_time, job.end_time), load, components)


def _usage(task: aiplatform_v1.PipelineTaskDetail, log: Path) -> Usage:
    found = _LAST_LINE.findall(log.read_text(errors="replace")) if log.exists() else []
    if not found:
        raise NoFiguresError(f"{task.task_name} was not measured: see {log}")
    cpu_seconds, peak_mib = found[-1]
    return Usage(_seconds(task.start_time, task.end_time), float(cpu_seconds), int(peak_mib))


def _seconds(begin: Any, end: Any) -> float:
    # proto-plus gives datetimes, whatever its annotations say
    return round((end - begin).total_seconds(), 1)


@dataclass(frozen=True)
class Figures:
    """
    All measurements of one bench.

    :param processors: of the machine.
    :param memory_gib: of the machine.
    :param measurements: from few rows to many.
    """

    processors: int
    memory_gib: int
    measurements: list[Measurement]

    def write(self, path: Path) -> None:
        """Write them as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> Figures:
        """Read what :meth:`write` wrote."""
        values = json.loads(path.read_text())
        measurements = [
            Measurement(
                **{
                    **measurement,
                    "components": {name: Usage(**usage) for name, usage in measurement["components"].items()},
                }
            )
            for measurement in values.pop("measurements")
        ]
        return cls(measurements=measurements, **values)

    def cpu_seconds_per_row(self, component: str) -> float:
        """Return how much processor time one more row takes, between the two largest sizes."""
        return self._slope(component, "cpu_seconds")

    def rows_within(self, component: str, limit_mib: float) -> float:
        """Return how many rows a component can take before it needs more memory than this, in MiB."""
        largest = self.measurements[-1]
        room = limit_mib - largest.components[component].peak_mib
        slope = self._slope(component, "peak_mib")
        return largest.rows + room / slope if slope > 0 else float("inf")

    def _slope(self, component: str, figure: str) -> float:
        smaller, larger = self.measurements[-2:]
        more = getattr(larger.components[component], figure) - getattr(smaller.components[component], figure)
        return max(0.0, more / (larger.rows - smaller.rows))
