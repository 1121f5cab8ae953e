"""One pipeline job for each task instance, against a real PipelineService."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from airflow.providers.google.cloud.operators.vertex_ai.pipeline_job import RunPipelineJobOperator
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from google.auth.exceptions import MalformedError
from google.cloud import aiplatform
from google.cloud.aiplatform_v1 import PipelineServiceClient
from google.cloud.aiplatform_v1.types import PipelineState
from requests.exceptions import JSONDecodeError
from vertex_mlops.exceptions import PipelineJobFailedError, PipelineJobMismatchError, SpecError
from vertex_mlops.links.vertex_ai import PipelineJobLink
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.runs.pipeline_results import PipelineResult

from tests.plugins.runs.pipelines import pipeline, producer, step
from tests.support.task_context import REGION, Upload, context_of

NOTHING = pipeline(step("Nothing", "pass"))
FAILS = pipeline(step("Trainer", "raise SystemExit('the loss is NaN')"))
SLEEPS = pipeline(step("Sleeper", "import time", "time.sleep(120)"))


def parameters(operator: Any) -> set[str]:
    """Return the names of the arguments that a class of operators takes itself."""
    return set(inspect.signature(operator.__init__).parameters)


@pytest.fixture
def client(place: dict[str, str]) -> PipelineServiceClient:
    return PipelineServiceClient(client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"})


def train(place: dict[str, str], spec_uri: str, **changes: Any) -> RunPipelineJobOnceOperator:
    arguments: dict[str, Any] = {
        "task_id": "train",
        "display_name": "wine-white",
        "template_path": spec_uri,
        "pipeline_root": "gs://plugins/root",
        "parameter_values": {"input_config": "{}"},
        "labels": {"wine": "white", "data_version": 1700000000000},
        "poll_interval": 0.2,
    }
    return RunPipelineJobOnceOperator(**arguments | place | changes)


def jobs(client: PipelineServiceClient, place: dict[str, str], context: Any) -> list[Any]:
    """Return all jobs of one task instance, the oldest first."""
    first = context["ti"].xcoms["pipeline_job_id"]
    stem = first if len(first.rpartition("-")[2]) == 16 else first.rpartition("-")[0]
    found = client.list_pipeline_jobs(parent=client.common_location_path(place["project_id"], REGION))
    return sorted((job for job in found if stem in job.name), key=lambda job: job.create_time)


async def deferred_result(operator: RunPipelineJobOnceOperator, context: Any) -> Any:
    """Execute as a deferrable task: let the trigger wait, then hand over to a fresh operator."""
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    event = await anext(deferred.value.trigger.run())
    resumed = operator.prepare_for_execution()
    method = getattr(resumed, deferred.value.method_name)
    return method(context=context, event=event.payload, **deferred.value.kwargs)


def test_the_result_tells_the_artifacts_the_verdict_and_the_data_version(
    place: dict[str, str], upload: Upload
) -> None:
    spec = pipeline(
        producer("BigQueryExampleGen", "examples", "tfx.Examples"),
        producer("Evaluator", "blessing", "tfx.ModelBlessing", blessed=0),
        producer("MetricsReporter", "metrics", "tfx.Metrics", auc=0.75, examples=980, reason="too bad"),
    )
    operator = train(place, upload(spec))

    result = operator.execute(context_of(operator))

    assert result["state"] == "PIPELINE_STATE_SUCCEEDED"
    assert result["data_version"] == "1700000000000"
    assert result["blessed"] is False
    assert result["metrics"] == {"auc": 0.75, "examples": 980}
    assert result["reason"] == "too bad"
    assert str(result["training_examples"]).startswith("gs://plugins/root/")


async def test_the_result_is_the_same_whether_the_task_waits_itself_or_defers(
    place: dict[str, str], upload: Upload
) -> None:
    uri = upload(NOTHING)
    waiting, deferring = train(place, uri), train(place, uri, deferrable=True)

    waited = waiting.execute(context_of(waiting))
    deferred = await deferred_result(deferring, context_of(deferring))

    assert {**waited, "name": ""} == {**deferred, "name": ""}


def test_it_takes_every_parameter_of_the_providers_operator() -> None:
    ours = parameters(RunPipelineJobOnceOperator) | parameters(VertexBaseOperator)

    assert ours == parameters(RunPipelineJobOperator) | {"validate_only"}


def test_every_argument_that_a_run_may_set_is_a_template(place: dict[str, str]) -> None:
    assert set(RunPipelineJobOnceOperator.template_fields) == {
        *RunPipelineJobOperator.template_fields,
        "job_id",
        "labels",
        "display_name",
        "enable_caching",
        "validate_only",
    }
    operator = train(
        place, "gs://b/{{ run_id }}.json", display_name="{{ run_id }}", job_id="{{ run_id }}-job"
    )

    operator.render_template_fields({"run_id": "r1"})  # type: ignore[typeddict-item]

    assert (operator.template_path, operator.display_name, operator.job_id) == (
        "gs://b/r1.json",
        "r1",
        "r1-job",
    )


def test_a_retry_finds_the_job_that_succeeded_and_starts_no_other(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    uri = upload(NOTHING)
    operator = train(place, uri)
    context = context_of(operator, run_id="manual__found")
    first = operator.execute(context)

    retry = train(place, uri)
    second = retry.execute(context_of(retry, run_id="manual__found"))

    assert second == first
    assert len(jobs(client, place, context)) == 1


async def test_a_retry_waits_for_the_job_that_still_runs(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    uri = upload(pipeline(step("Nap", "import time", "time.sleep(2)")))
    lost = train(place, uri, deferrable=True)
    context = context_of(lost, run_id="manual__running")
    with pytest.raises(TaskDeferred):
        lost.execute(context)

    retry = train(place, uri, deferrable=True)
    result = await deferred_result(retry, context_of(retry, run_id="manual__running"))

    assert resource_id(result["name"]) == context["ti"].xcoms["pipeline_job_id"]
    assert len(jobs(client, place, context)) == 1


def test_a_failed_pipeline_names_the_task_and_its_error_in_one_line(
    place: dict[str, str], upload: Upload
) -> None:
    operator = train(place, upload(FAILS))

    with pytest.raises(PipelineJobFailedError) as error:
        operator.execute(context_of(operator))

    assert "task Trainer: " in str(error.value)
    assert "the loss is NaN" in str(error.value)
    job_id = resource_id(str(error.value).partition(" ")[0])
    assert str(error.value).endswith(f"/runs/{job_id}?project={place['project_id']}")
    assert "\n" not in str(error.value)


async def test_a_failed_pipeline_fails_the_deferred_task_alike(place: dict[str, str], upload: Upload) -> None:
    operator = train(place, upload(FAILS), deferrable=True)

    with pytest.raises(PipelineJobFailedError, match="task Trainer: "):
        await deferred_result(operator, context_of(operator))


def cleared_after_a_failure(place: dict[str, str], upload: Upload, run_id: str) -> tuple[Any, PipelineResult]:
    """Run a task whose job fails, and clear it; give the context and the result of the second job."""
    failed = train(place, upload(FAILS))
    with pytest.raises(PipelineJobFailedError):
        failed.execute(context_of(failed, run_id=run_id))
    cleared = train(place, upload(NOTHING))
    context = context_of(cleared, run_id=run_id)
    return context, cleared.execute(context)


def test_clearing_a_failed_task_starts_another_job(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    context, result = cleared_after_a_failure(place, upload, "manual__cleared")

    assert [job.state for job in jobs(client, place, context)] == [
        PipelineState.PIPELINE_STATE_FAILED,
        PipelineState.PIPELINE_STATE_SUCCEEDED,
    ]
    assert resource_id(result["name"]).endswith("-2")


def test_a_job_that_ended_on_other_data_is_followed_by_one_on_this(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    uri = upload(NOTHING)
    before = train(place, uri, labels={"data_version": 1})
    before.execute(context_of(before, run_id="manual__new_data"))

    again = train(place, uri, labels={"data_version": 2})
    context = context_of(again, run_id="manual__new_data")
    result = again.execute(context)

    assert result["data_version"] == "2"
    assert [job.labels["data_version"] for job in jobs(client, place, context)] == ["1", "2"]


def test_a_job_that_runs_on_other_data_is_neither_adopted_nor_joined_by_another(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    uri = upload(SLEEPS)
    before = train(place, uri, labels={"data_version": 1}, deferrable=True)
    context = context_of(before, run_id="manual__newer_data")
    with pytest.raises(TaskDeferred):
        before.execute(context)
    again = train(place, uri, labels={"data_version": 2}, deferrable=True)

    with pytest.raises(PipelineJobMismatchError) as error:
        again.execute(context_of(again, run_id="manual__newer_data"))

    (job,) = jobs(client, place, context)
    assert str(error.value) == (
        f"{job.name} is {job.state.name} with data_version 1, not 2: cancel it or let it end"
    )
    client.cancel_pipeline_job(name=job.name)


def test_an_attempt_that_was_deleted_is_not_made_anew(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    context, result = cleared_after_a_failure(place, upload, "manual__deleted")
    client.delete_pipeline_job(name=jobs(client, place, context)[0].name).result()

    cleared = train(place, upload(NOTHING))

    assert cleared.execute(context_of(cleared, run_id="manual__deleted")) == result
    assert [job.name for job in jobs(client, place, context)] == [result["name"]]


def test_an_id_without_room_for_a_second_attempt_is_refused(place: dict[str, str]) -> None:
    operator = train(place, "gs://b/spec.json", job_id="j" * 122)

    with pytest.raises(SpecError, match=r"^job_id j+ is longer than 121 characters$"):
        operator.execute(context_of(operator))


@pytest.mark.parametrize(
    "error", [JSONDecodeError("no JSON", "<html>", 0), MalformedError("no key")], ids=["answer", "account"]
)
@pytest.mark.parametrize("call", ["__init__", "submit"])
def test_trouble_on_the_way_is_not_blamed_on_the_compiled_pipeline(
    place: dict[str, str],
    upload: Upload,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    error: Exception,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    operator = train(place, upload(NOTHING))
    monkeypatch.setattr(aiplatform.PipelineJob, call, fail)

    with pytest.raises(type(error)):
        operator.execute(context_of(operator))


def test_stopping_the_worker_leaves_the_job_to_the_next_try(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    operator = train(place, upload(SLEEPS), deferrable=True)
    context = context_of(operator)
    with pytest.raises(TaskDeferred):
        operator.execute(context)

    operator.on_kill()

    (job,) = jobs(client, place, context)
    assert job.state == PipelineState.PIPELINE_STATE_RUNNING
    client.cancel_pipeline_job(name=job.name)


def test_while_the_job_runs_its_link_and_its_id_are_there_already(
    place: dict[str, str], upload: Upload, client: PipelineServiceClient
) -> None:
    operator = train(place, upload(SLEEPS), deferrable=True)
    context = context_of(operator)

    with pytest.raises(TaskDeferred):
        operator.execute(context)

    job_id = context["ti"].xcoms["pipeline_job_id"]
    assert f"/pipelines/runs/{job_id}?" in context["ti"].xcoms[PipelineJobLink.key]
    client.cancel_pipeline_job(name=jobs(client, place, context)[0].name)


def test_the_link_of_a_failed_job_leads_to_the_failed_job(place: dict[str, str], upload: Upload) -> None:
    uri = upload(FAILS)
    first = train(place, uri)
    with pytest.raises(PipelineJobFailedError):
        first.execute(context_of(first, run_id="manual__link"))
    second = train(place, uri)
    context = context_of(second, run_id="manual__link")

    with pytest.raises(PipelineJobFailedError) as error:
        second.execute(context)

    job_id = context["ti"].xcoms["pipeline_job_id"]
    assert job_id.endswith("-2")
    assert f"/{job_id} ended as" in str(error.value)
    assert f"/pipelines/runs/{job_id}?" in context["ti"].xcoms[PipelineJobLink.key]


class TestValidateOnly:
    def test_the_task_is_skipped_and_nothing_is_created(
        self, place: dict[str, str], upload: Upload, client: PipelineServiceClient
    ) -> None:
        operator = train(place, upload(NOTHING), validate_only=True, deferrable=True)
        context = context_of(operator)
        parent = client.common_location_path(place["project_id"], REGION)
        before = {job.name for job in client.list_pipeline_jobs(parent=parent)}

        with pytest.raises(AirflowSkipException) as skipped:
            operator.execute(context)

        assert {job.name for job in client.list_pipeline_jobs(parent=parent)} == before
        assert context["ti"].xcoms == {}
        assert str(skipped.value).startswith("only validated: pipeline job adhoc-manual-")
        assert str(skipped.value).endswith(" could be submitted, and was not")

    @pytest.mark.parametrize("validate_only", [True, False])
    def test_what_the_compiled_pipeline_does_not_take_is_an_error_with_and_without_it(
        self, place: dict[str, str], upload: Upload, validate_only: bool
    ) -> None:
        uri = upload(NOTHING)
        operator = train(place, uri, parameter_values={"grape": "riesling"}, validate_only=validate_only)

        with pytest.raises(SpecError) as error:
            operator.execute(context_of(operator))

        assert str(error.value).startswith(f"{uri}: The pipeline parameter grape is not found")
        assert "\n" not in str(error.value)

    def test_the_next_try_without_it_submits_the_job_under_the_id_that_was_logged(
        self, place: dict[str, str], upload: Upload
    ) -> None:
        uri = upload(NOTHING)
        dry = train(place, uri, validate_only=True)
        with pytest.raises(AirflowSkipException) as skipped:
            dry.execute(context_of(dry, run_id="manual__dry"))

        operator = train(place, uri)
        result = operator.execute(context_of(operator, run_id="manual__dry"))

        assert f"pipeline job {resource_id(result['name'])} " in str(skipped.value)
