"""The compiled pipeline and LocalDagRunner: the same graph, with the same folder in Cloud Storage."""

from __future__ import annotations

import statistics
import time
from typing import Any

from google.cloud import aiplatform_v1
from google.protobuf import json_format

from dev.bench.bounds import Measure
from dev.demo.publish import read_spec, run_locally
from dev.demo.train import WINE, Demo
from dev.demo.wine_data import bigquery_client

ROUNDS = 3
JOB_SECONDS = 900
BOUND = 0.6


class PipelineBench:
    """
    Runs both in turn.

    :param demo: has a stack that runs, with data and a compiled pipeline.
    """

    def __init__(self, demo: Demo) -> None:
        self.demo = demo
        self.settings = demo.settings

    def measure(self) -> Measure:
        """Return the median of the ratios of all rounds."""
        ratios = [self._pair(number) for number in range(ROUNDS)]
        self.demo.progress.line(f"ratio of each round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
        return Measure("compiled JSON / LocalDagRunner", statistics.median(ratios), BOUND)

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
        """Submit the unchanged compiled file, with the query fixed to the current state of the table."""
        spec = read_spec(self.settings, WINE)
        # a version is read a millisecond after its commit, as in the DAG
        snapshot = self._data_version() + 1
        query = spec["dataContract"]["query"].format(table=self.settings.table(WINE), snapshot=snapshot)
        job = aiplatform_v1.PipelineJob()
        fields = {name: spec[name] for name in ("displayName", "pipelineSpec", "runtimeConfig")}
        json_format.ParseDict(fields, aiplatform_v1.PipelineJob.pb(job), ignore_unknown_fields=True)
        self.demo.vertex.run_pipeline(job, {"input_config": input_config(query)}, JOB_SECONDS)

    def _run_local(self) -> None:
        run_locally(self.settings, self.demo.progress, WINE, self._data_version())

    def _data_version(self) -> int:
        table = bigquery_client(self.settings).get_table(self.settings.table(WINE))
        return int(table.to_api_repr()["lastModifiedTime"])


def input_config(query: str) -> dict[str, Any]:
    """
    Return what DataContract.input_config writes as JSON; the plugins are not on this process's path.

    :param query: in GoogleSQL.
    """
    return {"splits": [{"name": "single_split", "pattern": query}]}
