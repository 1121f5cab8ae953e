"""What a run reuses of earlier ones: cached results, and artifacts that resolvers find."""

from __future__ import annotations

import pytest
from tests.vertex.pipelines.jobs import states, task_of

from .specs import Pipeline

BLESSED = 'schema_title="tfx.ModelBlessing" AND state=LIVE AND metadata.blessed.number_value=1'
MODEL_OF_BLESSING = (
    'schema_title="tfx.Model" AND state=LIVE AND '
    "name=\"{{$.inputs.artifacts['input'].metadata['current_model_id']}}\""
)


def cached(name: str = "cached", **parameters: str) -> Pipeline:
    return Pipeline(name).container("Trainer", outputs={"model": "tfx.Model"}, cached=True, **parameters)


def test_the_same_task_with_the_same_inputs_is_not_run_again(jobs):
    first = jobs.run(cached(metadata='{"a": 1}').job())

    second = jobs.run(cached(metadata='{"a": 1}').job())

    assert states(first) == {"Trainer": "SUCCEEDED"}
    assert states(second) == {"Trainer": "SKIPPED"}
    assert second.state.name == "PIPELINE_STATE_SUCCEEDED"
    assert task_of(second, "Trainer").outputs == task_of(first, "Trainer").outputs


@pytest.mark.parametrize(
    "other",
    [
        cached(metadata='{"a": 2}'),
        cached("another-pipeline", metadata='{"a": 1}'),
        Pipeline("cached").container("Trainer", outputs={"model": "tfx.Model"}, metadata='{"a": 1}'),
    ],
    ids=["another parameter", "another pipeline", "caching is off"],
)
def test_a_task_that_differs_is_run(jobs, other):
    jobs.run(cached(metadata='{"a": 1}').job())

    assert states(jobs.run(other.job())) == {"Trainer": "SUCCEEDED"}


def test_what_the_hook_finds_decides_about_the_cache_and_reaches_the_command(jobs, tmp_path):
    span = tmp_path / "span"
    pipeline = cached(hook="span", span_file=str(span))
    span.write_text("1")
    first = jobs.run(pipeline.job())
    again = jobs.run(pipeline.job())
    span.write_text("2")

    new = jobs.run(pipeline.job())

    assert [states(job)["Trainer"] for job in (first, again, new)] == ["SUCCEEDED", "SKIPPED", "SUCCEEDED"]
    assert jobs.executor_input(new, "Trainer")["inputs"]["parameterValues"]["span"] == "2"


def training(name: str, blessed: int) -> Pipeline:
    """Create a pipeline as TFX compiles it: the last blessed model, a new model, its blessing."""
    return (
        Pipeline(name)
        .resolver("blessing-resolver", "model_blessing", BLESSED)
        .resolver("model-resolver", "model", MODEL_OF_BLESSING, {"input": "blessing-resolver.model_blessing"})
        .container("Trainer", outputs={"model": "tfx.Model"})
        .container(
            "Evaluator",
            inputs={"model": "Trainer.model", "baseline_model": "model-resolver.model"},
            outputs={"blessing": "tfx.ModelBlessing"},
            metadata=f'{{"blessed": {blessed}, "current_model_id": "model"}}',
        )
    )


def test_the_first_run_has_no_champion(jobs):
    job = jobs.run(training("wine-white", 1).job())

    assert job.state.name == "PIPELINE_STATE_SUCCEEDED"
    assert not task_of(job, "model-resolver").outputs
    assert jobs.executor_input(job, "Evaluator")["inputs"]["artifacts"]["baseline_model"] == {"artifacts": []}


def test_a_later_run_is_compared_with_the_last_blessed_model_of_its_own_pipeline(jobs):
    champion = jobs.run(training("wine-white", 1).job())
    jobs.run(training("wine-white", 0).job())
    jobs.run(training("wine-red", 1).job())

    job = jobs.run(training("wine-white", 1).job())

    baseline = task_of(job, "Evaluator").inputs["baseline_model"].artifacts
    assert baseline == task_of(champion, "Trainer").outputs["model"].artifacts
