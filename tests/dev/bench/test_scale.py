"""The scale bench: more rows that differ, figures read where localcloud leaves them, tables and plot."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from google.cloud import aiplatform_v1, bigquery

from deploy.wines.wine_rows import read_wine
from dev.bench.scale import DOCUMENT, MEASUREMENTS, PLOT, plot
from dev.bench.scale_figures import COMPONENTS, Figures, Measurement, NoFiguresError, Usage, read_measurement
from dev.bench.scale_report import BEGIN, END, markdown, write_into
from dev.bench.scaled_wines import grow, load_grown
from dev.stack.settings import StackSettings

LABEL = "quality"
START = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)


def measurement(rows: int, seconds: float, peak_mib: int) -> Measurement:
    usage = Usage(seconds=seconds, cpu_seconds=seconds / 2, peak_mib=peak_mib)
    return Measurement(rows, seconds * len(COMPONENTS), 0.5, dict.fromkeys(COMPONENTS, usage))


@pytest.fixture
def figures() -> Figures:
    return Figures(
        processors=2,
        memory_gib=24,
        measurements=[
            measurement(6_000, 10, 900),
            measurement(60_000, 16, 1_000),
            measurement(600_000, 70, 2_000),
        ],
    )


def test_the_real_rows_come_first_and_their_copies_are_near_but_never_equal():
    real = read_wine("red")

    grown = list(grow(real, 3, seed=1))

    assert len(grown) == 3 * len(real)
    assert grown[: len(real)] == real
    for number, copy in enumerate(grown[len(real) :]):
        original = real[number % len(real)]
        assert copy != original
        assert copy[LABEL] == original[LABEL]
        assert all(abs(copy[name] - value) <= 0.01 * abs(value) + 1e-6 for name, value in original.items())
    # the real rows hold exact copies themselves: those get noise of their own
    assert len({tuple(row.values()) for row in grown[len(real) :]}) == 2 * len(real)


def test_the_same_seed_gives_the_same_rows():
    real = read_wine("red")[:50]

    assert list(grow(real, 2, seed=1)) == list(grow(real, 2, seed=1))
    assert list(grow(real, 2, seed=1)) != list(grow(real, 2, seed=2))


def test_grown_wines_are_loaded_with_the_types_of_the_table(cloud: Any, tmp_path: Path):
    settings = StackSettings(root=tmp_path, dataset="grown_wines")

    assert load_grown(settings, 2) == 2 * 6497
    # a second call replaces the rows
    assert load_grown(settings, 2) == 2 * 6497
    table = bigquery.Client(project=settings.cloud.project).get_table(settings.table("x2"))
    types = {field.name: field.field_type for field in table.schema}
    assert types.pop(LABEL) == "INTEGER"
    assert set(types.values()) == {"FLOAT"}
    assert len(types) == 11


def job_of(*names: str) -> aiplatform_v1.PipelineJob:
    tasks = [
        aiplatform_v1.PipelineTaskDetail(
            task_name=name, start_time=START, end_time=START + datetime.timedelta(seconds=12.34)
        )
        for name in names
    ]
    return aiplatform_v1.PipelineJob(
        create_time=START,
        end_time=START + datetime.timedelta(minutes=2),
        job_detail=aiplatform_v1.PipelineJobDetail(task_details=tasks),
    )


def test_a_components_figures_come_from_its_times_and_the_end_of_its_log(tmp_path: Path):
    (tmp_path / "Trainer.log").write_text(
        "epoch 1\n9.9 s of CPU, 100 MiB\nepoch 1 again\n7.5 s of CPU, 812 MiB\n"
    )

    read = read_measurement(job_of("Trainer", "model-resolver"), tmp_path, rows=6497, load=1.5)

    usage = Usage(seconds=12.3, cpu_seconds=7.5, peak_mib=812)
    assert read == Measurement(6497, 120.0, 1.5, {"Trainer": usage})


@pytest.mark.parametrize("text", [None, "epoch 1\n"])
def test_a_component_without_figures_is_named_with_its_log(text: str | None, tmp_path: Path):
    log = tmp_path / "Trainer.log"
    if text is not None:
        log.write_text(text)

    with pytest.raises(NoFiguresError, match=f"Trainer was not measured: see {log}"):
        read_measurement(job_of("Trainer"), tmp_path, rows=6497, load=1.5)


def test_figures_survive_the_file(figures: Figures, tmp_path: Path):
    figures.write(tmp_path / "figures.json")

    assert Figures.read(tmp_path / "figures.json") == figures


def test_more_rows_are_extrapolated_from_the_two_largest_sizes(figures: Figures):
    assert figures.cpu_seconds_per_row("Transform") == pytest.approx(27 / 540_000)
    # 1,000 MiB for 540,000 rows more, and 2,000 are taken at 600,000
    assert figures.rows_within("Transform", 4_000) == pytest.approx(600_000 + 2 * 540_000)


def test_what_does_not_grow_has_no_limit():
    flat = Figures(2, 24, [measurement(6_000, 10, 900), measurement(60_000, 9, 880)])

    assert flat.cpu_seconds_per_row("SchemaGen") == 0
    assert flat.rows_within("SchemaGen", 4_000) == math.inf
    assert "never" in markdown(flat)


def test_the_tables_say_seconds_memory_ratios_and_limits(figures: Figures):
    usage, ratios, limits = markdown(figures).split("\n\n")

    assert "| Transform | 10 (5), 900 | 16 (8), 1,000 | 70 (35), 2,000 |" in usage
    whole = " | ".join(f"**{seconds * len(COMPONENTS)}**" for seconds in (10, 16, 70))
    assert f"| **The whole job** | {whole} |" in usage
    times, sizes = ("1.6", "4.4"), ("1.1", "2.0")
    cells = [
        f"{time} times the processor time, {size} the memory" for time, size in zip(times, sizes, strict=True)
    ]
    assert f"| Trainer | {' | '.join(cells)} |" in ratios
    # 120 s of start, 50 s a million rows; 16,384 MiB, of which 2,000 are taken
    assert "| Evaluator | 50 | 2.4 million rows | 8.4 million rows |" in limits
    assert "| All four, as the switch moves them | 200 | 2.4 million rows | 8.4 million rows |" in limits
    assert "| Trainer | 50 | - | 8.4 million rows |" in limits


def test_only_what_stands_between_the_marks_is_written(figures: Figures, tmp_path: Path):
    document = tmp_path / "scale.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")

    write_into(document, figures)
    write_into(document, figures)

    assert document.read_text() == f"before\n{BEGIN}\n\n{markdown(figures)}\n\n{END}\nafter\n"


def test_no_extrapolation_goes_beyond_what_it_can_bear():
    slow = Figures(2, 24, [measurement(6_000, 10, 900), measurement(60_000, 10, 901)])

    assert "| Evaluator | 0 | never | more than 100 million rows |" in markdown(slow)


def test_the_document_shows_the_measurements_that_lie_beside_it():
    shown = DOCUMENT.read_text().partition(BEGIN)[2].partition(END)[0]

    assert shown.strip() == markdown(Figures.read(MEASUREMENTS))
    assert PLOT.exists()


def test_the_plot_shows_each_component_and_is_the_same_for_the_same_figures(figures: Figures, tmp_path: Path):
    settings = StackSettings(root=tmp_path)
    if not settings.cloud.pipeline_python.exists():
        pytest.skip("there is no pipeline environment")
    figures.write(tmp_path / "figures.json")

    plot(settings, tmp_path / "figures.json", tmp_path / "first" / "scale.svg")
    plot(settings, tmp_path / "figures.json", tmp_path / "second.svg")

    drawn = (tmp_path / "second.svg").read_bytes()
    assert (tmp_path / "first" / "scale.svg").read_bytes() == drawn
    ElementTree.fromstring(drawn)
    for component in ("BigQueryExampleGen", "StatisticsGen", "Transform", "Trainer", "Evaluator"):
        assert f"<!-- {component} -->".encode() in drawn
