"""What goes wrong around a pipeline job that runs, with the real client, trigger and service behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.google.cloud.triggers.vertex_ai import RunPipelineJobTrigger
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import TaskDeferred
from google.api_core.exceptions import NotFound
from google.cloud.aiplatform_v1 import PipelineServiceClient
from google.cloud.aiplatform_v1.types import PipelineJob, PipelineState
from vertex_mlops.exceptions import PipelineJobFailedError
from vertex_mlops.operators.pipeline import job as pipeline_job
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator
from vertex_mlops.runs.pipeline_jobs import job_id_of_task, resource_id

from localcloud.gateway.faults import Fault, Faults
from localcloud.testing import Cloud
from localcloud.vertex.resources.store import ResourceStore
from tests.plugins.runs.pipelines import pipeline, step
from tests.support.task_context import REGION, Upload, context_of

GET, CREATE = "PipelineService.GetPipelineJob", "PipelineService.CreatePipelineJob"
ERRORS = {
    "unavailable": {"code": "UNAVAILABLE"},
    "too late": {"code": "DEADLINE_EXCEEDED"},
    "dropped": {"drop": True},
}


@pytest.fixture
def client(place: dict[str, str]) -> PipelineServiceClient:
    return PipelineServiceClient(client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"})


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Return a file that ends the pipelines of :func:`gated` by being there."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def gated(gate: Path) -> dict[str, Any]:
    return pipeline(
        step("Gate", "import os, time", f"while not os.path.exists({str(gate)!r}): time.sleep(0.1)")
    )


def train(place: dict[str, str], spec_uri: str, **changes: Any) -> RunPipelineJobOnceOperator:
    arguments: dict[str, Any] = {
        "task_id": "train",
        "display_name": "wine-white",
        "template_path": spec_uri,
        "pipeline_root": "gs://plugins/root",
        "parameter_values": {"input_config": "{}"},
        "poll_interval": 0.2,
    }
    return RunPipelineJobOnceOperator(**arguments | place | changes)


def jobs_like(client: PipelineServiceClient, place: dict[str, str], job_id: str) -> list[PipelineJob]:
    """Return a job and its further attempts, the oldest first."""
    found = client.list_pipeline_jobs(parent=client.common_location_path(place["project_id"], REGION))
    return sorted((job for job in found if job_id in job.name), key=lambda job: job.create_time)


def deferral(operator: RunPipelineJobOnceOperator, context: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    return deferred.value


def resume(operator: RunPipelineJobOnceOperator, context: Any, deferred: TaskDeferred, event: Any) -> Any:
    """Resume in a new operator, with what Airflow keeps in between."""
    kwargs = json.loads(json.dumps(deferred.kwargs))
    method = getattr(operator.prepare_for_execution(), deferred.method_name)
    return method(context=context, event=event, **kwargs)


def seconds_until(trigger: Any) -> float:
    assert isinstance(trigger, DateTimeTrigger)
    return (trigger.moment - datetime.now(UTC)).total_seconds()


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_task_that_waits_itself_gets_over_errors(
    place: dict[str, str], upload: Upload, faults: Faults, error: dict[str, Any]
) -> None:
    operator = train(place, upload(pipeline(step("Nothing", "pass"))))
    faults.add(Fault(GET, calls=2, **error))

    result = operator.execute(context_of(operator))

    assert result["state"] == "PIPELINE_STATE_SUCCEEDED"
    assert faults.pending() == []


def test_errors_that_outlast_its_patience_do_not_end_the_wait_either(
    place: dict[str, str], upload: Upload, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_job, "_READ_RETRY_SECONDS", 0)
    operator = train(place, upload(pipeline(step("Nothing", "pass"))))
    faults.add(Fault(GET, calls=3, code="UNAVAILABLE"))

    result = operator.execute(context_of(operator))

    assert result["state"] == "PIPELINE_STATE_SUCCEEDED"
    assert faults.pending() == []


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
async def test_an_error_of_the_trigger_is_waited_out_without_a_worker_and_then_the_trigger_polls_again(
    place: dict[str, str], upload: Upload, faults: Faults, gate: Path, error: dict[str, Any]
) -> None:
    operator = train(place, upload(gated(gate)), deferrable=True, poll_interval=1)
    context = context_of(operator)
    polling = deferral(operator, context)
    faults.add(Fault(GET, **error))
    event = await anext(polling.trigger.run())
    assert event.payload["status"] == "error"

    with pytest.raises(TaskDeferred) as resting:
        resume(operator, context, polling, event.payload)
    assert 0 < seconds_until(resting.value.trigger) <= 1
    with pytest.raises(TaskDeferred) as again:
        resume(operator, context, resting.value, datetime.now(UTC))

    assert isinstance(again.value.trigger, RunPipelineJobTrigger)
    assert again.value.trigger.job_id == polling.trigger.job_id
    gate.touch()
    ended = await anext(again.value.trigger.run())
    assert resume(operator, context, again.value, ended.payload)["state"] == "PIPELINE_STATE_SUCCEEDED"


def test_each_further_error_of_the_trigger_doubles_the_pause(
    place: dict[str, str], upload: Upload, gate: Path
) -> None:
    operator = train(place, upload(gated(gate)), deferrable=True, poll_interval=100)
    context = context_of(operator)
    last = deferral(operator, context)
    pauses = []

    for _ in range(3):
        with pytest.raises(TaskDeferred) as resting:
            resume(operator, context, last, {"status": "error", "message": "503 the connection was lost"})
        last = resting.value
        pauses.append(seconds_until(last.trigger))

    assert pauses == pytest.approx([100, 200, 300], abs=50)


def test_an_error_long_after_the_one_before_is_the_first_again(
    place: dict[str, str], upload: Upload, gate: Path
) -> None:
    operator = train(place, upload(gated(gate)), deferrable=True, poll_interval=100)
    context = context_of(operator)
    polling = deferral(operator, context)
    assert polling.kwargs is not None
    polling.kwargs |= {"errors": 2, "since": polling.kwargs["since"] - 301}

    with pytest.raises(TaskDeferred) as resting:
        resume(operator, context, polling, {"status": "error", "message": "503 the connection was lost"})

    assert seconds_until(resting.value.trigger) == pytest.approx(100, abs=50)


def test_a_worker_that_cannot_read_the_job_gives_up_its_slot(
    place: dict[str, str], upload: Upload, faults: Faults, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline_job, "_READ_RETRY_SECONDS", 0)
    operator = train(place, upload(gated(gate)), deferrable=True, poll_interval=1)
    faults.add(Fault(GET, code="UNAVAILABLE"))

    deferred = deferral(operator, context_of(operator))

    assert 0 < seconds_until(deferred.trigger) <= 1


def test_an_error_that_is_no_trouble_of_servers_or_connections_is_raised(
    place: dict[str, str], upload: Upload, faults: Faults
) -> None:
    operator = train(place, upload(pipeline(step("Nothing", "pass"))))
    faults.add(Fault(GET, code="NOT_FOUND"))

    with pytest.raises(NotFound):
        operator.execute(context_of(operator))


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
def test_a_submission_without_an_answer_ends_with_one_job(
    place: dict[str, str],
    upload: Upload,
    faults: Faults,
    client: PipelineServiceClient,
    error: dict[str, Any],
) -> None:
    operator = train(place, upload(pipeline(step("Nothing", "pass"))))
    context = context_of(operator)
    faults.add(Fault(CREATE, **error))

    result = operator.execute(context)

    job_id = context["ti"].xcoms["pipeline_job_id"]
    assert [job.name for job in jobs_like(client, place, job_id)] == [result["name"]]
    assert faults.pending() == []


def test_a_job_that_is_cancelled_before_its_worker_hears_of_it_is_not_followed_by_another(
    place: dict[str, str], upload: Upload, faults: Faults, client: PipelineServiceClient, gate: Path
) -> None:
    operator = train(place, upload(gated(gate)))
    context = context_of(operator)
    first_id = job_id_of_task(context["ti"], "train")
    faults.add(Fault(CREATE, drop=True))
    faults.add(Fault(CREATE, calls=1000, code="UNAVAILABLE"))

    with ThreadPoolExecutor(1) as workers:
        killed = workers.submit(operator.execute, context)
        while not (made := jobs_like(client, place, first_id)):
            assert not killed.done()
        client.cancel_pipeline_job(name=made[0].name)
        while client.get_pipeline_job(name=made[0].name).state != PipelineState.PIPELINE_STATE_CANCELLED:
            assert not killed.done()
        gate.touch()
        faults.clear()

        with pytest.raises(PipelineJobFailedError, match="ended as PIPELINE_STATE_CANCELLED"):
            killed.result()

    assert len(jobs_like(client, place, first_id)) == 1


class TestTwoWorkersAtOnce:
    def race(self, place: dict[str, str], uri: str, run_id: str) -> list[Any]:
        def work(_: int) -> Any:
            operator = train(place, uri)
            return operator.execute(context_of(operator, run_id=run_id))

        with ThreadPoolExecutor(2) as workers:
            return list(workers.map(work, range(2)))

    def test_end_with_one_job(
        self, place: dict[str, str], upload: Upload, client: PipelineServiceClient
    ) -> None:
        one, other = self.race(place, upload(pipeline(step("Nothing", "pass"))), "manual__race")

        assert one == other
        assert len(jobs_like(client, place, resource_id(one["name"]))) == 1

    def test_that_both_find_a_failed_job_end_with_one_more(
        self, place: dict[str, str], upload: Upload, client: PipelineServiceClient
    ) -> None:
        fails = upload(pipeline(step("Trainer", "raise SystemExit('the loss is NaN')")))
        failed = train(place, fails)
        context = context_of(failed, run_id="manual__race_again")
        with pytest.raises(PipelineJobFailedError):
            failed.execute(context)

        one, other = self.race(place, upload(pipeline(step("Nothing", "pass"))), "manual__race_again")

        assert one == other
        first = context["ti"].xcoms["pipeline_job_id"]
        assert [resource_id(job.name) for job in jobs_like(client, place, first)] == [first, f"{first}-2"]


class TestPaused:
    """No method of the API pauses a job, so these write the state where localcloud keeps it."""

    @pytest.fixture
    def store(self, cloud: Cloud) -> ResourceStore:
        return ResourceStore(cloud.settings.state / "vertex" / "resources.sqlite")

    @staticmethod
    def put(store: ResourceStore, name: str, state: PipelineState) -> None:
        with store.transaction():
            job = store.get(name, PipelineJob)
            job.state = state
            store.put(name, job)

    async def test_a_paused_job_is_waited_for_and_told_of_once(
        self,
        place: dict[str, str],
        upload: Upload,
        gate: Path,
        store: ResourceStore,
        client: PipelineServiceClient,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        told: list[tuple[str, ...]] = []
        monkeypatch.setattr(
            RunPipelineJobOnceOperator,
            "log",
            SimpleNamespace(info=lambda *_: None, warning=lambda *a: told.append(a)),
        )
        operator = train(place, upload(gated(gate)), deferrable=True)
        context = context_of(operator)
        polling = deferral(operator, context)
        (job,) = jobs_like(client, place, context["ti"].xcoms["pipeline_job_id"])
        self.put(store, job.name, PipelineState.PIPELINE_STATE_PAUSED)
        event = await anext(polling.trigger.run())
        assert event.payload["status"] == "success"

        with pytest.raises(TaskDeferred) as resting:
            resume(operator, context, polling, event.payload)
        with pytest.raises(TaskDeferred) as longer:
            resume(operator, context, resting.value, datetime.now(UTC))
        assert isinstance(longer.value.trigger, DateTimeTrigger)
        self.put(store, job.name, PipelineState.PIPELINE_STATE_RUNNING)
        with pytest.raises(TaskDeferred) as resumed:
            resume(operator, context, longer.value, datetime.now(UTC))

        assert isinstance(resumed.value.trigger, RunPipelineJobTrigger)
        assert [message for message, *_ in told if "paused" in message] == [
            "%s is paused: the task waits until it is resumed or cancelled"
        ]

    def test_a_retry_adopts_it(
        self,
        place: dict[str, str],
        upload: Upload,
        gate: Path,
        store: ResourceStore,
        client: PipelineServiceClient,
    ) -> None:
        uri = upload(gated(gate))
        first = train(place, uri, deferrable=True)
        context = context_of(first, run_id="manual__paused")
        deferral(first, context)
        job_id = context["ti"].xcoms["pipeline_job_id"]
        (job,) = jobs_like(client, place, job_id)
        self.put(store, job.name, PipelineState.PIPELINE_STATE_PAUSED)

        retry = train(place, uri, deferrable=True)
        again = deferral(retry, context_of(retry, run_id="manual__paused"))

        assert isinstance(again.trigger, DateTimeTrigger)
        assert again.kwargs is not None
        assert again.kwargs["job_id"] == job_id
        assert len(jobs_like(client, place, job_id)) == 1
