"""What the bench makes of what it measured, and how it measures an import."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dev.bench.bounds import BoundExceededError, Measure, print_measures, require_bounds
from dev.bench.imports import BOUNDS, OPERATOR, cpu_seconds, import_ratios
from dev.bench.stack import EDITED_FILE, edited, overhead_seconds
from dev.stack.settings import REPOSITORY


def instance(start: str | None, end: str | None) -> dict[str, str | None]:
    return {
        "start_date": start and f"2026-01-02T06:{start}.250000Z",
        "end_date": end and f"2026-01-02T06:{end}.250000Z",
    }


def test_a_measure_may_reach_its_bound_and_one_beyond_is_named_with_its_unit():
    within = [Measure("ratio", 1.05, 1.05), Measure("slots", 0, 0, "slots")]
    require_bounds(within)

    with pytest.raises(BoundExceededError) as raised:
        require_bounds([*within, Measure("start", 15.2, 15, "s"), Measure("memory", 3.62, 3.5, "GiB")])

    assert str(raised.value) == "start: 15.2 s (at most 15 s); memory: 3.62 GiB (at most 3.5 GiB)"


def test_every_measure_is_printed_beside_its_bound(capsys: pytest.CaptureFixture[str]):
    print_measures([Measure("one / other", 0.584, 0.6), Measure("start", 152.4, 150, "s")])

    lines = capsys.readouterr().out.splitlines()[2:]
    assert [line.split() for line in lines] == [
        ["one", "/", "other", "0.58", "at", "most", "0.60"],
        ["start", "152", "s", "at", "most", "150", "s", "exceeds", "its", "limit"],
    ]


def test_an_import_is_compared_by_its_least_cpu():
    seconds = {"airflow.sdk": [2.0, 2.5], OPERATOR: [8.0, 7.0]}
    seconds |= {"wine_drift": [9.0, 2.2], "wine_rollback": [2.5, 2.6], "wine_retraining": [7.7, 7.0]}

    measures = import_ratios(seconds)

    assert [(measure.value, measure.bound) for measure in measures] == [
        (pytest.approx(1.0), 1.05),
        (pytest.approx(1.1), 1.2),
        (pytest.approx(1.25), 1.2),
    ]
    assert all((REPOSITORY / "dags" / f"{module}.py").is_file() for module in BOUNDS)


def test_the_cpu_of_an_import_is_that_of_a_process_of_its_own(tmp_path: Path):
    assert (
        0
        < cpu_seconds("json", str(tmp_path))
        < cpu_seconds("vertex_mlops.contract.data_contract, wine_config", str(tmp_path))
    )


def test_an_import_that_fails_is_no_measure(tmp_path: Path):
    with pytest.raises(subprocess.CalledProcessError):
        cpu_seconds("no_such_module", str(tmp_path))


def test_the_overhead_of_a_run_is_what_is_left_of_its_first_to_its_last_task():
    instances = [
        instance("00:10", "00:12"),
        instance("00:13", "02:00"),
        instance("02:03", "02:09"),
        # skipped, and never reached
        instance(None, None),
        instance(None, "02:30"),
    ]

    assert overhead_seconds(instances, pipeline_seconds=100) == pytest.approx(19)


def test_there_is_a_text_to_edit_in_the_dag_file():
    text = (REPOSITORY / "dags" / EDITED_FILE).read_text()

    assert edited(text) != text
    compile(edited(text), EDITED_FILE, "exec")


def test_a_dag_file_without_that_text_is_an_error():
    with pytest.raises(ValueError, match="nothing to edit"):
        edited("with DAG(): ...")
