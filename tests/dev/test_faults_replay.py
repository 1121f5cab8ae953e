"""A replayed pipeline is the compiled one, whose tasks report what was made before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.cloud.aiplatform_v1.types import PipelineJob

from dev.faults_replay import replay
from localcloud.vertex.pipelines.spec import Container, parse
from tests.plugins.pipelines import pipeline, producer

URI = "gs://bucket/model"


def job() -> PipelineJob:
    artifacts = {"artifacts": [{"uri": URI, "metadata": {"blessed": 1, "note": "it's"}}]}
    detail = {"task_details": [{"task_name": "Trainer", "outputs": {"model": artifacts}}]}
    return PipelineJob({"job_detail": detail})


def commands(compiled: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Statements of each task, as localcloud reads them."""
    tasks = parse(compiled["pipelineSpec"]).tasks
    return {
        name: task.executor.main.args for name, task in tasks.items() if isinstance(task.executor, Container)
    }


def test_a_task_reports_the_artifacts_of_the_job_and_waits_for_the_gate(tmp_path: Path):
    compiled = pipeline(producer("Trainer", "model", "tfx.Model"))

    replayed = replay(compiled, job(), tmp_path / "gate")

    trainer = "\n".join(commands(replayed)["Trainer"])
    assert URI in trainer
    assert str(tmp_path / "gate") in trainer
    compile(trainer.replace("{{$}}", "{}"), "statements", "exec")


def test_what_was_compiled_is_not_changed(tmp_path: Path):
    compiled = pipeline(producer("Trainer", "model", "tfx.Model"))
    before = commands(compiled)

    replay(compiled, job(), tmp_path / "gate")

    assert commands(compiled) == before
