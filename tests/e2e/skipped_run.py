"""The run on unchanged data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dev.demo.drift import NEVER
from tests.e2e.drift_wines import add_wine, configure
from tests.e2e.gate_wine import GATE_WINE


@dataclass(frozen=True)
class SkippedRun:
    """What a run on unchanged data did: the states of its tasks, and the jobs that are new since."""

    states: dict[str, str]
    new_pipeline_jobs: set[str]
    new_queries: set[str]


def _configure(content: dict[str, Any]) -> None:
    for wine in content["wines"].values():
        # a scheduled run would disturb the tests
        wine["schedule"] = NEVER
        # a busy machine is no reason to reject a model
        wine["rollout"]["max_latency_ms"] = 60_000
    configure(content)
    add_wine(content, GATE_WINE)
