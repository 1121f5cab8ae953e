"""Measures what the package claims, as ratios to its bounds in one run: ``make bench``."""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from dataclasses import dataclass

from google.cloud import aiplatform_v1, bigquery
from google.protobuf import json_format

from dev.demo import WINE, Demo, guarded
from dev.measures import MemoryWatch
from dev.publish import pipeline_command, publish_pipeline, read_spec
from dev.report import GIB, MEMORY_LIMIT_BYTES, SKIPPED_LIMIT_SECONDS
from dev.settings import REPOSITORY, StackSettings
from dev.wine_data import load_wine

ROUNDS = 3
STEPS = 5
JOB_SECONDS = 900


@dataclass(frozen=True)
class Pair:
    """Seconds of the same graph on the same data, once from the compiled JSON and once by LocalDagRunner."""

    compiled: float
    local: float


class Bench:
    """
    Runs both ways of running the pipeline in turn, then the DAG with and without new data.

    :param settings: the bench's own stack.
    """

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.demo = Demo(settings, steps=STEPS)

    def run(self) -> None:
        """Measure everything and print the ratios."""
        progress, demo = self.demo.progress, self.demo
        with progress.step("Start localcloud and Airflow"):
            demo.stack.start()
        with MemoryWatch(demo.stack.processes) as memory:
            with progress.step("Load the wines, compile and upload the pipeline"):
                load_wine(self.settings, WINE)
                publish_pipeline(self.settings, progress, WINE)
            with progress.step(f"Compiled JSON and LocalDagRunner in turn, {ROUNDS} rounds"):
                pairs = [self._pair(number) for number in range(ROUNDS)]
            with progress.step("The DAG with new data"):
                trained = demo.retrain("first")
            with progress.step("The DAG without new data"):
                demo.skipped_run()
        ratios = [pair.compiled / pair.local for pair in pairs]
        skipped = demo.report.skipped_seconds
        rows = {
            "compiled JSON / LocalDagRunner": statistics.median(ratios),
            f"skipped run / {SKIPPED_LIMIT_SECONDS} s": skipped / SKIPPED_LIMIT_SECONDS,
            "skipped run / training run": skipped / trained.seconds,
            f"memory / {MEMORY_LIMIT_BYTES / GIB:.0f} GiB": memory.peak_bytes / MEMORY_LIMIT_BYTES,
        }
        print("\nRatios (each at most 1.00)")
        for name, ratio in rows.items():
            print(f"  {name:<34}{ratio:.2f}")
        print(f"  pipeline ratio of each round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")

    def _pair(self, number: int) -> Pair:
        """Run both, the other one first in every second round."""
        seconds = {}
        ways = [("compiled JSON", self._run_compiled), ("LocalDagRunner", self._run_local)]
        for name, way in ways if number % 2 == 0 else reversed(ways):
            started = time.monotonic()
            way()
            seconds[name] = time.monotonic() - started
            self.demo.progress.line(f"round {number + 1}: {name}: {seconds[name]:.1f} s")
        return Pair(compiled=seconds["compiled JSON"], local=seconds["LocalDagRunner"])

    def _run_compiled(self) -> None:
        """Submit the compiled file as it is, with the query pinned to the present state of the table."""
        spec = read_spec(self.settings, WINE)
        query = spec["dataContract"]["query"].format(table=self._table, data_version=self._data_version())
        job = aiplatform_v1.PipelineJob()
        fields = {name: spec[name] for name in ("displayName", "pipelineSpec", "runtimeConfig")}
        json_format.ParseDict(fields, aiplatform_v1.PipelineJob.pb(job), ignore_unknown_fields=True)
        splits = {"splits": [{"name": "single_split", "pattern": query}]}
        self.demo.vertex.run_pipeline(job, {"input_config": splits}, JOB_SECONDS)

    def _run_local(self) -> None:
        pipeline_command(
            self.settings,
            self.demo.progress,
            *("local", "--wine", WINE, "--table", self._table),
            *("--data_version", str(self._data_version())),
            *("--memory", str(self.settings.root / "local-dag-runner.sqlite")),
        )

    @property
    def _table(self) -> str:
        return f"{self.settings.cloud.project}.{self.settings.dataset}.{WINE}_wine"

    def _data_version(self) -> int:
        client = bigquery.Client(project=self.settings.cloud.project)
        return int(client.get_table(self._table).to_api_repr()["lastModifiedTime"])


def main() -> int:
    """Run the bench on a fresh state of its own, and stop everything whatever happens."""
    settings = StackSettings(root=REPOSITORY / ".local" / "bench")
    bench = Bench(settings)
    bench.demo.stack.repair()
    shutil.rmtree(settings.root, ignore_errors=True)
    settings.activate()
    return guarded("make bench", bench.run, bench.demo.stack)


if __name__ == "__main__":
    sys.exit(main())
