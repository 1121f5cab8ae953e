"""The table and the measures at the end of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field

from dev.measures import MemoryWatch
from dev.progress import Progress
from dev.vertex_state import ServingState

Figures = dict[str, dict[str, float] | None]
GIB = 1024**3
ALL_STEPS_SECONDS = 300
SKIPPED_LIMIT_SECONDS = 15
MEMORY_LIMIT_BYTES = 8 * GIB
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
    evaluation: str
    serving: ServingState
    monitoring_job: str


@dataclass(frozen=True)
class Comparison:
    """Seconds of the same graph on the same data, from the compiled JSON and by LocalDagRunner."""

    compiled: float
    local: float

    @property
    def ratio(self) -> float:
        """The first by the second."""
        return self.compiled / self.local


@dataclass
class Report:
    """Collects what the steps saw, and prints it."""

    runs: list[RunRow] = field(default_factory=list)
    skipped_run_id: str = ""
    skipped_seconds: float = 0
    skipped_bytes: int = 0
    slot_samples: list[tuple[int, int]] = field(default_factory=list)

    def note_slots(self, slots: tuple[int, int]) -> None:
        """Remember (occupied, deferred) slots, sampled while the pipeline ran."""
        self.slot_samples.append(slots)

    @property
    def held_slots(self) -> int:
        """Most worker slots that were held in a sample."""
        return max((occupied for occupied, _ in self.slot_samples), default=0)

    def print_runs(self, metrics: dict[str, Figures]) -> None:
        """
        Print one block a run: identities, evaluation figures, traffic, monitoring.

        :param metrics: figures of the candidate and of its baseline, by evaluation. That of the first run
            always says the majority; later ones are the champion of their time.
        """
        for row in self.runs:
            figures = metrics[row.evaluation]
            traffic = ", ".join(f"{model}: {share} %" for model, share in row.serving.traffic.items())
            self._block(
                {
                    "run": f"{row.run_id} ({row.label}, {row.seconds:.0f} s)",
                    "data version": row.data_version,
                    "rows": f"{row.rows:,}",
                    "pipeline job": row.pipeline_job,
                    "evaluation": _figures(figures, "majority" if row is self.runs[0] else "champion"),
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

    def print_measures(self, progress: Progress, memory: MemoryWatch, comparison: Comparison) -> None:
        """Print each measure beside its bound."""
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
            f"  memory, all processes     {memory.peak_bytes / GIB:.2f} GiB at most (under 8), "
            f"in {memory.peak_processes} processes"
        )
        print(
            f"  compiled pipeline         {comparison.compiled:.0f} s, "
            f"LocalDagRunner {comparison.local:.0f} s: ratio {comparison.ratio:.2f} (at most 1.00); "
            "the one compares with the champion, the other with the majority"
        )


def _figures(metrics: Figures, beside: str) -> str:
    candidate, baseline = metrics["candidate"], metrics["baseline"]
    assert candidate is not None
    return ", ".join(
        f"{title} {candidate[key]:.3f}" + (f" ({beside} {baseline[key]:.3f})" if baseline else "")
        for key, title in METRICS.items()
    )
