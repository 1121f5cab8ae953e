"""A replayed pipeline is the compiled one, whose tasks report what was made before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1.types import PipelineJob

from dev.faults.replay import made_by, renamed, replay
from localcloud.vertex.pipelines.spec import Container, parse
from tests.plugins.runs.pipelines import pipeline, producer

URI = "gs://bucket/model"


def job() -> PipelineJob:
    artifacts = {"artifacts": [{"uri": URI, "metadata": {"blessed": 1, "note": "it's"}}]}
    detail = {"task_details": [{"task_name": "Trainer", "outputs": {"model": artifacts}}]}
    return PipelineJob({"job_detail": detail})


def commands(compiled: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the statements of each task, as localcloud reads them."""
    tasks = parse(compiled["pipelineSpec"]).tasks
    return {
        name: task.executor.main.args for name, task in tasks.items() if isinstance(task.executor, Container)
    }


def test_a_task_reports_the_artifacts_of_the_job_and_waits_for_the_gate(tmp_path: Path):
    compiled = pipeline(producer("Trainer", "model", "tfx.Model"))

    replayed = replay(compiled, made_by(job()), tmp_path / "gate")

    trainer = "\n".join(commands(replayed)["Trainer"])
    assert URI in trainer
    assert str(tmp_path / "gate") in trainer
    compile(trainer.replace("{{$}}", "{}"), "statements", "exec")


def test_a_verdict_that_is_replayed_names_no_champion():
    compiled = pipeline(producer("Reporter", "metrics", "tfx.Metrics"))
    metadata = {"reason": "", "champion_version": "projects/p/locations/r/models/m@3"}

    replayed = replay(compiled, {"Reporter": {"metrics": {"uri": URI, "metadata": metadata}}})

    statements = "\n".join(commands(replayed)["Reporter"])
    assert "reason" in statements
    assert "champion_version" not in statements


def test_what_was_compiled_is_not_changed(tmp_path: Path):
    compiled = pipeline(producer("Trainer", "model", "tfx.Model"))
    before = commands(compiled)

    replay(compiled, made_by(job()), tmp_path / "gate")

    assert commands(compiled) == before


def test_a_task_that_nothing_was_kept_of_runs_as_it_was_compiled():
    compiled = pipeline(
        producer("Trainer", "model", "tfx.Model"), producer("Evaluator", "blessing", "tfx.ModelBlessing")
    )

    replayed = replay(compiled, made_by(job()))

    assert commands(replayed)["Evaluator"] == commands(compiled)["Evaluator"]
    assert commands(replayed)["Trainer"] != commands(compiled)["Trainer"]


def test_a_pipeline_takes_the_name_of_another_wine_wherever_its_own_stands():
    compiled = {
        "serving": {"name": "wine-white"},
        "runtimeConfig": {"root": "gs://b/pipeline_root/wine-white"},
    }

    other = renamed(compiled, "wine-amber")

    assert other == {
        "serving": {"name": "wine-amber"},
        "runtimeConfig": {"root": "gs://b/pipeline_root/wine-amber"},
    }
