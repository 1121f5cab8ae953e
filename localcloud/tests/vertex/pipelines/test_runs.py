"""The behaviour and the state of a running pipeline job."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from google.cloud.aiplatform_v1.types import Artifact, PipelineJob
from tests.vertex.pipelines.jobs import LOCATION, states, task_of

from .specs import Pipeline


def chain() -> Pipeline:
    """Create a pipeline of two tasks, the second of which takes the first one's output."""
    return (
        Pipeline()
        .container("Trainer", outputs={"model": "tfx.Model"}, metadata='{"version": 3, "by": "hand"}')
        .container("Pusher", inputs={"model": "Trainer.model"}, outputs={"pushed": "tfx.PushedModel"})
    )


def test_a_job_runs_each_task_after_those_that_it_needs(jobs):
    job = jobs.run(chain().job())

    assert job.state.name == "PIPELINE_STATE_SUCCEEDED"
    assert states(job) == {"Trainer": "SUCCEEDED", "Pusher": "SUCCEEDED"}
    assert task_of(job, "Trainer").end_time <= task_of(job, "Pusher").start_time
    assert job.create_time <= job.start_time <= job.end_time <= job.update_time


def test_a_job_gives_back_the_spec_that_it_was_submitted_with(jobs):
    """Check the spec that Google's SDK makes a copy from: ``PipelineJob.clone``."""
    contract = json.dumps({"label": "quality", "columns": {"ph": {"min": 0.5}}, "query": "{table}"})
    submitted = Pipeline().container("Task", data_contract=contract).job()

    job = jobs.run(submitted)

    assert PipelineJob.pb(job).pipeline_spec == PipelineJob.pb(submitted).pipeline_spec
    task = job.pipeline_spec["root"]["dag"]["tasks"]["Task"]
    assert task["inputs"]["parameters"]["data_contract"]["runtimeValue"]["constant"] == contract


def test_an_output_shows_where_it_is_and_what_the_command_said_of_it(jobs):
    job = jobs.run(chain().job())

    trainer = task_of(job, "Trainer")
    model = trainer.outputs["model"].artifacts[0]
    job_id = job.name.rsplit("/", 1)[1]
    assert model.uri == f"gs://pipelines/root/123456789012/{job_id}/Trainer_{trainer.task_id}/model"
    assert model.schema_title == "tfx.Model"
    assert dict(model.metadata) == {"version": 3, "by": "hand"}
    assert model.state == Artifact.State.LIVE
    assert model.name.startswith(f"{LOCATION}/metadataStores/default/artifacts/")
    assert task_of(job, "Pusher").inputs["model"].artifacts[0] == model


def test_a_command_is_given_the_executor_input_that_vertex_gives(jobs):
    job = jobs.run(chain().job())

    given = jobs.executor_input(job, "Pusher")
    model = task_of(job, "Trainer").outputs["model"].artifacts[0]
    assert given["region"] == "europe-west1"
    assert given["inputs"]["artifacts"]["model"]["artifacts"] == [
        {
            "name": model.name,
            "uri": model.uri,
            "type": {"instanceSchema": "title: tfx.Model\ntype: object\n"},
            "metadata": {"version": 3, "by": "hand"},
        }
    ]


def test_a_command_writes_its_output_file_to_a_mount_and_the_bucket_has_it(jobs, objects):
    job = jobs.run(chain().job())

    output_file = Path(jobs.executor_input(job, "Trainer")["outputs"]["outputFile"])
    mount, _, name = output_file.as_posix().partition("/gcs/")
    assert Path(mount).is_dir()
    assert json.loads(objects.read(f"gs://{name}"))["artifacts"].keys() == {"model"}
    # other users cannot write there: the user of the image must be the one that mounts
    assert not (Path(mount) / "gcs").stat().st_mode & stat.S_IWOTH


def test_a_runtime_parameter_reaches_the_task(jobs):
    pipeline = Pipeline(text="STRING").container("Task", metadata="$text")

    job = jobs.run(pipeline.job(text='{"a": 1}'))

    assert jobs.executor_input(job, "Task")["inputs"]["parameterValues"] == {"metadata": '{"a": 1}'}


def test_a_task_is_told_its_job_where_a_parameter_asks_for_it(jobs):
    pipeline = Pipeline().container("Task", job="{{$.pipeline_job_resource_name}}")

    job = jobs.run(pipeline.job())

    assert jobs.executor_input(job, "Task")["inputs"]["parameterValues"] == {"job": job.name}


def test_tasks_that_need_nothing_of_each_other_run_at_the_same_time(jobs, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    pipeline = Pipeline().container("A", wait_for=str(first)).container("B", wait_for=str(second))
    name = jobs.create(pipeline.job())

    jobs.until(name, lambda job: states(job) == {"A": "RUNNING", "B": "RUNNING"})

    first.touch()
    second.touch()
    assert set(states(jobs.ended(name)).values()) == {"SUCCEEDED"}


def test_a_failed_task_fails_the_job_with_its_last_words(jobs):
    pipeline = (
        Pipeline()
        .container("Trainer", outputs={"model": "tfx.Model"}, fail="no rows to learn from")
        .container("Pusher", inputs={"model": "Trainer.model"})
        .container("Independent")
    )

    job = jobs.run(pipeline.job())

    assert job.state.name == "PIPELINE_STATE_FAILED"
    assert states(job) == {"Trainer": "FAILED", "Pusher": "NOT_TRIGGERED", "Independent": "SUCCEEDED"}
    for error in (job.error, task_of(job, "Trainer").error):
        assert "Task Trainer failed: exit code 1" in error.message
        assert "no rows to learn from" in error.message
    assert "The failed tasks are: [Trainer]" in job.error.message


def test_a_job_that_fails_fast_starts_nothing_after_a_failure(jobs, tmp_path):
    gate = tmp_path / "gate"
    pipeline = (
        Pipeline()
        .container("Slow", wait_for=str(gate))
        .container("Next", after=["Slow"])
        .container("Broken", fail="broken")
    )
    job = pipeline.job()
    job.runtime_config.failure_policy = "PIPELINE_FAILURE_POLICY_FAIL_FAST"
    name = jobs.create(job)
    jobs.until(name, lambda job: states(job).get("Broken") == "FAILED")

    gate.touch()

    expected = {"Slow": "SUCCEEDED", "Broken": "FAILED", "Next": "NOT_TRIGGERED"}
    assert states(jobs.ended(name)) == expected


def test_a_job_that_was_interrupted_goes_on_with_what_was_left(jobs, tmp_path):
    gate = tmp_path / "gate"
    pipeline = (
        Pipeline()
        .container("First", outputs={"model": "tfx.Model"})
        .container("Second", inputs={"model": "First.model"}, wait_for=str(gate))
    )
    name = jobs.create(pipeline.job())
    before = jobs.until(name, lambda job: states(job).get("Second") == "RUNNING")

    jobs.restart()

    gate.touch()
    after = jobs.ended(name)
    assert states(after) == {"First": "SUCCEEDED", "Second": "SUCCEEDED"}
    assert task_of(after, "First") == task_of(before, "First")
    assert task_of(after, "Second").task_id != task_of(before, "Second").task_id
    assert after.start_time == before.start_time


def test_a_task_that_had_failed_before_the_interruption_is_not_tried_again(jobs, tmp_path):
    gate = tmp_path / "gate"
    pipeline = Pipeline().container("Broken", fail="broken").container("Slow", wait_for=str(gate))
    name = jobs.create(pipeline.job())
    before = jobs.until(name, lambda job: states(job) == {"Broken": "FAILED", "Slow": "RUNNING"})

    jobs.restart()

    gate.touch()
    after = jobs.ended(name)
    assert after.state.name == "PIPELINE_STATE_FAILED"
    assert task_of(after, "Broken") == task_of(before, "Broken")
    assert "The failed tasks are: [Broken]" in after.error.message


def test_an_interrupted_job_that_can_no_longer_be_run_fails_with_the_reason(jobs, tmp_path):
    name = jobs.create(Pipeline().container("Task", wait_for=str(tmp_path / "never")).job())
    jobs.until(name, lambda job: states(job).get("Task") == "RUNNING")
    jobs.service.stop()
    job = jobs.get(name)
    job.network = "projects/1/global/networks/n"
    jobs.store.put(name, job)

    jobs.restart()

    assert jobs.get(name).state.name == "PIPELINE_STATE_FAILED"
    assert "PipelineJob.network" in jobs.get(name).error.message
