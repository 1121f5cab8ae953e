"""The summary and the measures at the end of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field

from deploy.terminal.progress import Progress
from dev.demo.measures import MemoryWatch
from dev.stack.vertex_state import ServingState

GIB = 1024**3
ALL_STEPS_SECONDS = 150
SKIPPED_LIMIT_SECONDS = 15
MEMORY_LIMIT_BYTES = int(3.5 * GIB)
# prefixes that MetricsReporter uses for the metrics of a model's baseline
COMPARED_WITH = {"champion": "champion_", "majority": "baseline_"}
METRICS = {"auc": "AUC", "accuracy": "accuracy", "mad": "MAD of the grade"}


@dataclass(frozen=True)
class RunRow:
    """One run of the DAG that trained a model."""

    label: str
    run_id: str
    seconds: float
    data_version: str
    rows: int
    pipeline_job: str
    metrics: dict[str, float]
    serving: ServingState
    monitoring_job: str


@dataclass
class Report:
    """Collects the results of the steps, and prints them."""

    runs: list[RunRow] = field(default_factory=list)
    skipped_run_id: str = ""
    skipped_seconds: float = 0
    skipped_bytes: int = 0
    slot_samples: list[tuple[int, int]] = field(default_factory=list)

    def note_slots(self, slots: tuple[int, int]) -> None:
        """Record (occupied, deferred) slots, sampled while the pipeline ran."""
        self.slot_samples.append(slots)

    @property
    def held_slots(self) -> int:
        """Return the largest number of worker slots that a sample held."""
        return max((occupied for occupied, _ in self.slot_samples), default=0)

    def print_runs(self) -> None:
        """Print one block a run: identities, evaluation figures, traffic, monitoring."""
        for row in self.runs:
            traffic = ", ".join(f"{model}: {share} %" for model, share in row.serving.traffic.items())
            self._block(
                {
                    "run": f"{row.run_id} ({row.label}, {row.seconds:.0f} s)",
                    "data version": row.data_version,
                    "rows": f"{row.rows:,}",
                    "pipeline job": row.pipeline_job,
                    "evaluation": figures(row.metrics),
                    "endpoint": row.serving.endpoint,
                    "traffic by deployed model": traffic,
                    "monitoring job": row.monitoring_job,
                }
            )
            if row is self.runs[0]:
                skipped = f"{self.skipped_run_id} (second, {self.skipped_seconds:.0f} s)"
                self._block(
                    {"run": skipped, "data version": row.data_version, "pipeline job": "none: no new data"}
                )

    @staticmethod
    def _block(rows: dict[str, str]) -> None:
        print()
        for name, value in rows.items():
            print(f"  {name:<26}{value}", flush=True)

    def print_measures(self, progress: Progress, memory: MemoryWatch) -> None:
        """Print each measure with its limit."""
        deferred = max((waiting for _, waiting in self.slot_samples), default=0)
        print("\nMeasures")
        seconds = sum(progress.seconds.values())
        print(f"  all steps                 {seconds:.0f} s (at most {ALL_STEPS_SECONDS} s)")
        print(f"  skipped run               {self.skipped_seconds:.1f} s (at most {SKIPPED_LIMIT_SECONDS} s)")
        print(f"  check_freshness           {self.skipped_bytes} bytes scanned (0)")
        print(
            f"  while the pipeline runs   {self.held_slots} worker slots held (0), {deferred} task deferred, "
            f"in {len(self.slot_samples)} samples of Airflow's API"
        )
        print(
            f"  memory, all processes     {memory.peak_bytes / GIB:.2f} GiB "
            f"(at most {MEMORY_LIMIT_BYTES / GIB:.1f}), in {memory.peak_processes} processes"
        )


def figures(metrics: dict[str, float]) -> str:
    """
    Return each metric of a model with that of its baseline.

    :param metrics: as MetricsReporter names them.
    """
    beside, prefix = next(
        (name, prefix) for name, prefix in COMPARED_WITH.items() if f"{prefix}auc" in metrics
    )
    return ", ".join(
        f"{title} {metrics[key]:.3f} ({beside} {metrics[prefix + key]:.3f})" for key, title in METRICS.items()
    )
