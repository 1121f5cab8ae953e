"""Measures what the package claims, as ratios to its bounds in one run: ``make bench``."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from google.cloud import aiplatform_v1
from google.protobuf import json_format

from dev.demo import WINE, Demo
from dev.guard import guarded, stopping
from dev.measures import MemoryWatch
from dev.ownership import fresh
from dev.publish import publish_pipeline, read_spec, run_locally
from dev.report import GIB, MEMORY_LIMIT_BYTES, SKIPPED_LIMIT_SECONDS
from dev.settings import LOCAL, StackSettings
from dev.wine_data import bigquery_client, load_wine

ROUNDS = 3
STEPS = 5
JOB_SECONDS = 900


class BoundExceededError(RuntimeError):
    """A measure is beyond its bound; the message names it."""


class Bench:
    """
    Runs both ways of running the pipeline in turn, then the DAG with and without new data.

    :param settings: the bench's own stack.
    """

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.demo = Demo(settings, steps=STEPS)

    def run(self) -> None:
        """
        Measure everything and print the ratios.

        :raises BoundExceededError: a measure is beyond its bound.
        """
        progress, demo = self.demo.progress, self.demo
        with progress.step("Start localcloud and Airflow"):
            demo.stack.start()
        with progress.step("Load the wines, compile and upload the pipeline"):
            load_wine(self.settings, WINE)
            publish_pipeline(self.settings, progress, WINE)
        with progress.step(f"Compiled JSON and LocalDagRunner in turn, {ROUNDS} rounds"):
            rounds = [self._pair(number) for number in range(ROUNDS)]
        with MemoryWatch(demo.stack.processes) as memory:
            with progress.step("The DAG with new data"):
                trained = demo.retrain("first")
            with progress.step("The DAG without new data"):
                demo.skipped_run()
        skipped = demo.report.skipped_seconds
        ratios = {
            "compiled JSON / LocalDagRunner": statistics.median(rounds),
            f"skipped run / {SKIPPED_LIMIT_SECONDS} s": skipped / SKIPPED_LIMIT_SECONDS,
            "skipped run / training run": skipped / trained.seconds,
            f"memory / {MEMORY_LIMIT_BYTES / GIB:.0f} GiB": memory.peak_bytes / MEMORY_LIMIT_BYTES,
        }
        counts = {
            "bytes scanned by the skipped run": demo.report.skipped_bytes,
            "worker slots held while training": demo.report.held_slots,
        }
        print_bounds(ratios, counts)
        print(f"  pipeline ratio of each round: {', '.join(f'{ratio:.2f}' for ratio in rounds)}")
        require_bounds(ratios, counts)

    def _pair(self, number: int) -> float:
        """Run both, the other one first in every second round, and return the ratio of their seconds."""
        seconds = {}
        ways = [("compiled JSON", self._run_compiled), ("LocalDagRunner", self._run_local)]
        for name, way in ways if number % 2 == 0 else reversed(ways):
            started = time.monotonic()
            way()
            seconds[name] = time.monotonic() - started
            self.demo.progress.line(f"round {number + 1}: {name}: {seconds[name]:.1f} s")
        return seconds["compiled JSON"] / seconds["LocalDagRunner"]

    def _run_compiled(self) -> None:
        """Submit the compiled file as it is, with the query pinned to the present state of the table."""
        spec = read_spec(self.settings, WINE)
        # a version is read a millisecond after it was made, as the DAG does
        snapshot = self._data_version() + 1
        query = spec["dataContract"]["query"].format(table=self.settings.table(WINE), snapshot=snapshot)
        job = aiplatform_v1.PipelineJob()
        fields = {name: spec[name] for name in ("displayName", "pipelineSpec", "runtimeConfig")}
        json_format.ParseDict(fields, aiplatform_v1.PipelineJob.pb(job), ignore_unknown_fields=True)
        splits = {"splits": [{"name": "single_split", "pattern": query}]}
        self.demo.vertex.run_pipeline(job, {"input_config": splits}, JOB_SECONDS)

    def _run_local(self) -> None:
        run_locally(self.settings, self.demo.progress, WINE, self._data_version())

    def _data_version(self) -> int:
        table = bigquery_client(self.settings).get_table(self.settings.table(WINE))
        return int(table.to_api_repr()["lastModifiedTime"])


def print_bounds(ratios: dict[str, float], counts: dict[str, int]) -> None:
    """Print each measure below its bound."""
    print("\nRatios (each at most 1.00)")
    for name, ratio in ratios.items():
        print(f"  {name:<34}{ratio:.2f}")
    print("Counts (each 0)")
    for name, count in counts.items():
        print(f"  {name:<34}{count}")


def require_bounds(ratios: dict[str, float], counts: dict[str, int]) -> None:
    """
    Hold the measures against their bounds.

    :raises BoundExceededError: one is beyond.
    """
    beyond = [f"{name} is {ratio:.3f}, more than 1" for name, ratio in ratios.items() if ratio > 1]
    beyond += [f"{name}: {count}, more than 0" for name, count in counts.items() if count]
    if beyond:
        raise BoundExceededError("; ".join(beyond))


def run_bench(root: Path) -> None:
    """
    Run the bench on a fresh state of its own, and stop every process whatever happens.

    :param root: folder of the stack.
    """
    settings = StackSettings(root=root)
    bench = Bench(settings)
    with fresh(root, bench.demo.progress.line):
        settings.activate()
        with stopping(bench.demo.stack):
            bench.run()


if __name__ == "__main__":
    sys.exit(guarded("make bench", lambda: run_bench(LOCAL / "bench")))
