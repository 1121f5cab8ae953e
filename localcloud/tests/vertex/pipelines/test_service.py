"""What PipelineService accepts, lists, cancels and removes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.aiplatform_v1.types import (
    CancelPipelineJobRequest,
    CreatePipelineJobRequest,
    DeletePipelineJobRequest,
    ListPipelineJobsRequest,
    PipelineJob,
)
from google.protobuf import field_mask_pb2
from tests.vertex.pipelines.jobs import LOCATION, Jobs, states

from localcloud.config import Settings
from localcloud.vertex.pipelines import PipelineService
from localcloud.vertex.resources.operations import Operations
from localcloud.vertex.resources.store import ResourceStore
from localcloud.vertex.worker.pool import WorkerPool

from .specs import Pipeline


def one_task(**parameters: str) -> Pipeline:
    return Pipeline().container("Task", **parameters)


@pytest.mark.parametrize("job_id", ["Upper", "1st", "a_b", "a" * 129])
def test_a_job_id_with_other_characters_is_refused(jobs, job_id):
    with pytest.raises(exceptions.InvalidArgument, match="Invalid pipeline_job_id"):
        jobs.create(one_task().job(), job_id)


def test_a_second_job_of_the_same_id_is_refused(jobs):
    jobs.ended(jobs.create(one_task().job(), "once"))

    with pytest.raises(exceptions.AlreadyExists, match="pipelineJobs/once already exists"):
        jobs.create(one_task().job(), "once")


def test_a_job_without_an_id_gets_one_from_its_pipeline(jobs):
    request = CreatePipelineJobRequest(parent=LOCATION, pipeline_job=one_task().job())

    job = jobs.service.create(request)

    assert re.fullmatch(r"small-\d+", job.name.rsplit("/", 1)[1])
    assert jobs.ended(job.name).display_name == job.name.rsplit("/", 1)[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "parameter 'text' is required and has no value"),
        ({"text": "a", "extra": "b"}, "has no parameter 'extra'"),
        ({"text": 3}, "parameter 'text' must be STRING"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_by_name(jobs, values: dict[str, Any], message: str):
    pipeline = Pipeline(text="STRING").container("Task", note="$text")

    with pytest.raises(exceptions.InvalidArgument, match=message):
        jobs.create(pipeline.job(**values))


def test_a_bucket_that_does_not_exist_is_refused_by_name(jobs):
    with pytest.raises(exceptions.InvalidArgument, match="the bucket 'absent' does not exist"):
        jobs.create(one_task().job(bucket="absent"))


@pytest.mark.parametrize("name", ["../../x", "..", "a/b", "/etc/x", "a\0b", "", "x" * 300])
def test_a_task_whose_name_is_no_name_of_a_file_is_refused(jobs, name: str):
    with pytest.raises(exceptions.InvalidArgument, match="its name must match"):
        jobs.create(Pipeline().container(name).job())


@pytest.mark.parametrize("directory", ["gs://pipelines/../../x", "gs://../x", "gs://pipelines//x", "gs://"])
def test_an_output_directory_that_leads_out_of_its_bucket_is_refused(jobs, directory: str):
    job = one_task().job()
    job.runtime_config.gcs_output_directory = directory

    with pytest.raises(exceptions.InvalidArgument, match="must have no empty, "):
        jobs.create(job)


def test_an_output_directory_that_is_not_in_a_bucket_is_refused(jobs):
    job = one_task().job()
    job.runtime_config.gcs_output_directory = "/tmp/root"

    with pytest.raises(exceptions.InvalidArgument, match="must be a gs:// path, not '/tmp/root'"):
        jobs.create(job)


def changed(pipeline: Pipeline, part: str, key: str, value: Any) -> PipelineJob:
    """Return a job whose task, executor or specification has one more entry."""
    places = {"task": pipeline.tasks["Task"], "executor": pipeline.executors["Task_executor"]}
    places |= {"spec": pipeline.spec, "component": pipeline.components["Task"]}
    places[part][key] = value
    return pipeline.job()


@pytest.mark.parametrize(
    ("part", "key", "value", "named"),
    [
        ("spec", "schemaVersion", "2.0.0", "schemaVersion '2.0.0'"),
        ("task", "triggerPolicy", {"condition": "x"}, "a condition .* .task Task."),
        ("task", "triggerPolicy", {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}, "an exit handler"),
        ("task", "parameterIterator", {"itemInput": "x"}, "a loop"),
        ("component", "dag", {"tasks": {}}, "a sub-dag"),
        (
            "task",
            "inputs",
            {"parameters": {"a": {"taskOutputParameter": {}}}},
            "'a' from taskOutputParameter",
        ),
        (
            "task",
            "inputs",
            {"parameters": {"a": {"runtimeValue": {"constant": "{{$.pipeline_task_uuid}}"}}}},
            "a placeholder in the constant of input parameter 'a'",
        ),
        (
            "task",
            "inputs",
            {"artifacts": {"a": {"componentInputArtifact": "x"}}},
            "from componentInputArtifact",
        ),
        ("executor", "container", {"image": "i", "command": ["bash"]}, "Task Task: .*`python -m MODULE`"),
        (
            "executor",
            "container",
            {"image": "i", "command": ["python", "-m", "x"], "args": ["{{$.inputs.parameters['a']}}"]},
            "the placeholder",
        ),
        (
            "executor",
            "container",
            {"image": "i", "command": ["python", "-m", "x"], "args": ["--runner=DataflowRunner"]},
            r"Dataflow, which --runner=DataflowRunner needs \(task Task\)",
        ),
        (
            "executor",
            "container",
            {
                "image": "i",
                "command": ["python", "-m", "x"],
                "args": [
                    "--executor_class_path",
                    "tfx.extensions.google_cloud_ai_platform.trainer.executor.GenericExecutor",
                ],
            },
            "CreateCustomJob",
        ),
    ],
)
def test_what_localcloud_cannot_run_is_refused_by_name(jobs, part, key, value, named):
    job = changed(one_task(), part, key, value)

    with pytest.raises(exceptions.MethodNotImplemented, match=named):
        jobs.create(job)


def test_an_importer_is_refused_by_name(jobs):
    pipeline = one_task()
    pipeline.executors["Task_executor"] = {"importer": {"artifactUri": {"constant": "gs://b/x"}}}

    with pytest.raises(exceptions.MethodNotImplemented, match="an executor of kind importer"):
        jobs.create(pipeline.job())


def test_a_reference_to_a_task_that_does_not_exist_is_refused(jobs):
    pipeline = one_task()
    pipeline.tasks["Task"]["dependentTasks"] = ["Absent"]

    with pytest.raises(exceptions.InvalidArgument, match="task Task: it comes after 'Absent'"):
        jobs.create(pipeline.job())


def test_a_missing_pipeline_environment_is_refused_before_the_job_exists(objects, tmp_path):
    settings = Settings(state=tmp_path, pipeline_python=Path("/absent/python"))
    store = ResourceStore(tmp_path / "other.sqlite")
    service = PipelineService(store, WorkerPool(settings, {}), objects, settings, Operations(store))
    request = CreatePipelineJobRequest(parent=LOCATION, pipeline_job=one_task().job())

    with pytest.raises(exceptions.FailedPrecondition, match=r"/absent/python.*LOCALCLOUD_PIPELINE_PYTHON"):
        service.create(request)

    assert not service.list(ListPipelineJobsRequest(parent=LOCATION)).pipeline_jobs


def test_a_cancelled_job_ends_cancelled_and_its_tasks_with_it(jobs, tmp_path):
    pipeline = one_task(wait_for=str(tmp_path / "never")).container("Next", after=["Task"])
    name = jobs.create(pipeline.job())
    jobs.until(name, lambda job: states(job).get("Task") == "RUNNING")

    jobs.service.cancel(CancelPipelineJobRequest(name=name))

    job = jobs.ended(name)
    assert job.state.name == "PIPELINE_STATE_CANCELLED"
    assert states(job) == {"Task": "CANCELLED", "Next": "NOT_TRIGGERED"}


def test_a_job_that_has_ended_cannot_be_cancelled(jobs):
    name = jobs.ended(jobs.create(one_task().job())).name

    with pytest.raises(exceptions.FailedPrecondition, match="PIPELINE_STATE_SUCCEEDED"):
        jobs.service.cancel(CancelPipelineJobRequest(name=name))


def test_only_a_job_that_has_ended_can_be_deleted(jobs, tmp_path):
    gate = tmp_path / "gate"
    name = jobs.create(one_task(wait_for=str(gate)).job())
    with pytest.raises(exceptions.FailedPrecondition, match="cannot be deleted"):
        jobs.service.delete(DeletePipelineJobRequest(name=name))
    gate.touch()
    jobs.ended(name)

    operation = jobs.service.delete(DeletePipelineJobRequest(name=name))

    assert not operation.done
    assert jobs.operation_ended(operation.name).response.type_url.endswith(".Empty")
    with pytest.raises(exceptions.NotFound):
        jobs.get(name)


def labelled(jobs: Jobs, wine: str) -> str:
    job = one_task().job()
    job.labels = {"wine": wine}
    return jobs.ended(jobs.create(job)).name


def listed(jobs: Jobs, **fields: Any) -> list[PipelineJob]:
    return list(jobs.service.list(ListPipelineJobsRequest(parent=LOCATION, **fields)).pipeline_jobs)


@pytest.mark.parametrize("paths", [[], ["*"], ["name", "job_detail"]], ids=str)
def test_a_list_holds_no_details_of_the_tasks(jobs: Jobs, paths: list[str]) -> None:
    made = jobs.run(one_task().job())

    (job,) = listed(jobs, read_mask=field_mask_pb2.FieldMask(paths=paths))

    assert job.name == made.name
    assert not job.job_detail
    assert jobs.get(made.name).job_detail


def test_jobs_are_listed_newest_first_and_by_label(jobs):
    old, _, new = labelled(jobs, "white"), labelled(jobs, "red"), labelled(jobs, "white")

    found = listed(jobs, filter='labels.wine="white" AND state="PIPELINE_STATE_SUCCEEDED"')

    assert [job.name for job in found] == [new, old]


def test_jobs_are_ordered_as_asked(jobs):
    names = [labelled(jobs, "white"), labelled(jobs, "red")]

    assert [job.name for job in listed(jobs, order_by="end_time")] == names


def test_jobs_are_found_by_the_name_of_their_pipeline(jobs):
    name = labelled(jobs, "white")

    assert [job.name for job in listed(jobs, filter='pipeline_name="small"')] == [name]
    assert listed(jobs, filter='pipeline_name="other"') == []


def test_a_read_mask_leaves_the_rest_out(jobs):
    name = labelled(jobs, "white")

    (job,) = listed(jobs, read_mask=field_mask_pb2.FieldMask(paths=["name", "pipeline_spec.pipeline_info"]))

    assert job.name == name
    assert PipelineJob.to_dict(job)["pipeline_spec"] == {"pipelineInfo": {"name": "small"}}
    assert not job.labels
