"""The table and the measures at the end of the demo say what the steps saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.terminal.progress import Progress
from dev.demo.measures import MemoryWatch
from dev.demo.report import GIB, Report, RunRow
from dev.stack.processes import Processes
from dev.stack.vertex_state import ServingState

FIGURES = {"auc": 0.8412, "accuracy": 0.7701, "mad": 0.5219}
MAJORITY = {"auc": 0.5, "accuracy": 0.6655, "mad": 0.6305}
BETTER = {"auc": 0.8523, "accuracy": 0.7812, "mad": 0.5108}
NAME = "projects/123456789012/locations/europe-west1"


def row(label: str, model: str, metrics: dict[str, float]) -> RunRow:
    return RunRow(
        label=label,
        run_id=f"manual__{label}",
        seconds=61.7,
        data_version="1700000000000",
        rows=4898,
        pipeline_job=f"{NAME}/pipelineJobs/{label}",
        metrics=metrics,
        serving=ServingState(f"{NAME}/endpoints/1", {model: 100}, [model], f"{NAME}/jobs/1"),
        monitoring_job=f"{NAME}/jobs/1",
    )


@pytest.fixture
def report() -> Report:
    report = Report(
        runs=[
            row("first", "11", FIGURES | {f"baseline_{name}": value for name, value in MAJORITY.items()}),
            row("third", "22", BETTER | {f"champion_{name}": value for name, value in FIGURES.items()}),
        ],
        skipped_run_id="manual__second",
        skipped_seconds=3.2,
    )
    for slots in ((0, 1), (0, 1), (0, 0)):
        report.note_slots(slots)
    return report


def test_each_run_is_a_block_with_its_figures_and_those_it_is_compared_with(
    report: Report, capsys: pytest.CaptureFixture[str]
):
    report.print_runs()

    first, second, third = capsys.readouterr().out.strip().split("\n\n")
    assert "manual__first (first, 62 s)" in first
    assert "AUC 0.841 (majority 0.500), accuracy 0.770 (majority 0.665), MAD of the grade 0.522 (" in first
    assert "4,898" in first
    assert "11: 100 %" in first
    assert "manual__second (second, 3 s)" in second
    assert "none: no new data" in second
    assert "AUC 0.852 (champion 0.841)" in third
    assert f"{NAME}/jobs/1" in third


def test_each_measure_stands_beside_its_bound(
    report: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    progress = Progress(total=1)
    progress.seconds = {"start": 30.0, "train": 90.4}
    memory = MemoryWatch(Processes(tmp_path))
    memory.peak_bytes, memory.peak_processes = 3 * GIB, 17

    report.print_measures(progress, memory)

    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "all steps                 120 s (at most 150 s)" in lines
    assert "skipped run               3.2 s (at most 15 s)" in lines
    assert "check_freshness           0 bytes scanned (0)" in lines
    assert any("0 worker slots held (0), 1 task deferred, in 3 samples" in line for line in lines)
    assert any("3.00 GiB (at most 3.5), in 17 processes" in line for line in lines)
