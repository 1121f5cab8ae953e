"""The teardown of a pipeline job, against a real PipelineService."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import XCOM_RETURN_KEY
from airflow.sdk import DAG, BaseOperator, TriggerRule
from airflow.sdk.exceptions import AirflowRescheduleException, TaskDeferred
from google.cloud.aiplatform_v1 import PipelineServiceClient
from google.cloud.aiplatform_v1.types import PipelineJob
from vertex_mlops.exceptions import DagRunMarkedFailedError, PipelineJobNotCancelledError
from vertex_mlops.operators.pipeline import cancel as cancel_pipeline_job
from vertex_mlops.operators.pipeline.cancel import CancelPipelineJobOperator
from vertex_mlops.operators.pipeline.job import RunPipelineJobOnceOperator
from vertex_mlops.runs.pipeline_jobs import JOB_ID_KEY, SUBMISSION_KEY

from localcloud.gateway.faults import Fault, Faults
from tests.plugins.runs.pipelines import pipeline, step
from tests.support.task_context import REGION, Upload, context_of

SLEEPS = pipeline(step("Sleeper", "import time", "time.sleep(120)"))
NOTHING = pipeline(step("Nothing", "pass"))
RUNNING, SUCCEEDED = "PIPELINE_STATE_RUNNING", "PIPELINE_STATE_SUCCEEDED"
CANCELLED = {"PIPELINE_STATE_CANCELLING", "PIPELINE_STATE_CANCELLED"}


class Flow:
    """A task that runs a job, its teardown, one task before it and two behind it; in one run."""

    def __init__(self, place: dict[str, str], spec_uri: str, **changes: Any) -> None:
        with DAG("adhoc", schedule=None):
            self.train = RunPipelineJobOnceOperator(
                task_id="train",
                display_name="wine-white",
                template_path=spec_uri,
                pipeline_root="gs://plugins/root",
                parameter_values={"input_config": "{}"},
                deferrable=True,
                poll_interval=1,
                **place | changes,
            )
            self.cancel = CancelPipelineJobOperator(
                task_id="cancel", pipeline_task_id="train", **place | changes
            )
            self.cancel.as_teardown(setups=self.train)
            BaseOperator(task_id="check_data") >> self.train
            self.train >> BaseOperator(task_id="verify") >> BaseOperator(task_id="monitor")
            BaseOperator(task_id="unrelated")
        self.context = context_of(self.train)
        # not if a person marks it success
        self.took_result = True
        self._client = PipelineServiceClient(
            client_options={"api_endpoint": f"{REGION}-aiplatform.googleapis.com"}
        )
        self._place = place

    def start(self) -> None:
        with pytest.raises(TaskDeferred):
            self.train.prepare_for_execution().execute(self.context)

    def tear_down(self, **states: str | None) -> list[str]:
        ti = self.context["ti"]
        ti.states = {"monitor": states.get("verify")} | states
        if self.took_result and states.get("train") == "success":
            ti.xcoms[XCOM_RETURN_KEY] = {"name": "the job"}
        return self.cancel.prepare_for_execution().execute(self.context)["cancelled"]

    def job(self) -> PipelineJob:
        job_id = self.context["ti"].xcoms[JOB_ID_KEY]
        name = self._client.pipeline_job_path(self._place["project_id"], REGION, job_id)
        return self._client.get_pipeline_job(name=name)

    def state(self) -> str:
        return self.job().state.name

    def delete(self, name: str) -> None:
        """Delete a job on its page."""
        self._client.delete_pipeline_job(name=name).result()

    def clean_up(self) -> None:
        if "pipeline_job_id" in self.context["ti"].xcoms and self.state() == RUNNING:
            self.tear_down(train="failed", verify="upstream_failed")


@pytest.fixture
def flow(place: dict[str, str], upload: Upload) -> Iterator[Flow]:
    made = Flow(place, upload(SLEEPS))
    yield made
    made.clean_up()


def test_it_comes_behind_its_task_however_that_ends_and_can_fail_the_run(place: dict[str, str]) -> None:
    cancel = Flow(place, "gs://b/spec.json").cancel

    assert cancel.is_teardown
    assert cancel.trigger_rule == TriggerRule.ALL_DONE
    assert cancel.on_failure_fail_dagrun


def test_every_argument_is_a_template(place: dict[str, str]) -> None:
    assert set(CancelPipelineJobOperator.template_fields) == {
        "project_id",
        "region",
        "pipeline_task_id",
        "job_id",
        "gcp_conn_id",
        "impersonation_chain",
    }
    cancel = Flow(place, "gs://b/spec.json", job_id="{{ run_id }}-job").cancel

    cancel.render_template_fields({"run_id": "r1"})  # type: ignore[typeddict-item]

    assert cancel.job_id == "r1-job"


def test_the_job_of_a_task_that_failed_is_cancelled(flow: Flow) -> None:
    flow.start()

    (name,) = flow.tear_down(train="failed", verify="upstream_failed")

    assert name.endswith(flow.context["ti"].xcoms["pipeline_job_id"])
    assert flow.state() in CANCELLED


def test_a_job_with_an_id_of_its_own_is_found_by_it(place: dict[str, str], upload: Upload) -> None:
    flow = Flow(place, upload(SLEEPS), job_id="named-by-hand")
    flow.start()

    (name,) = flow.tear_down(train="failed", verify="upstream_failed")

    assert name.endswith("/named-by-hand")
    assert flow.state() in CANCELLED


def test_the_job_of_the_latest_attempt_is_cancelled(flow: Flow) -> None:
    flow.start()
    flow.tear_down(train="failed", verify="upstream_failed")
    flow.start()

    (name,) = flow.tear_down(train="failed", verify="upstream_failed")

    assert name.endswith("-2")
    assert flow.state() in CANCELLED


def test_a_job_is_found_behind_one_that_was_deleted(flow: Flow) -> None:
    flow.start()
    first = flow.job().name
    flow.tear_down(train="failed", verify="upstream_failed")
    while flow.state() != "PIPELINE_STATE_CANCELLED":
        pass
    flow.start()
    flow.delete(first)

    (name,) = flow.tear_down(train="failed", verify="upstream_failed")

    assert name == f"{first}-2"


def test_a_job_of_another_run_is_left_alone_though_it_has_the_id(
    place: dict[str, str], upload: Upload
) -> None:
    uri = upload(SLEEPS)
    flow = Flow(place, uri, job_id="shared-by-all-runs")
    flow.start()
    other = Flow(place, uri, job_id="shared-by-all-runs")

    assert other.tear_down(train="failed", verify="upstream_failed") == []

    assert flow.state() == RUNNING
    flow.clean_up()


class TestLateJob:
    """The task is marked failed while its submission is on its way, and its worker is killed."""

    @pytest.fixture(autouse=True)
    def submitting(self, flow: Flow) -> None:
        flow.context["ti"].durations = {"train": 2.0}
        flow.context["ti"].xcoms = {SUBMISSION_KEY: 120.0}

    @staticmethod
    def arrive(flow: Flow) -> None:
        flow.start()
        xcoms = flow.context["ti"].xcoms
        xcoms["late"] = xcoms.pop(JOB_ID_KEY)

    @staticmethod
    def tear_down(flow: Flow, seconds_after: float | None) -> list[str]:
        begun = None if seconds_after is None else datetime.now(UTC) - timedelta(seconds=seconds_after)
        flow.context["ti"].first_reschedule = begun
        return flow.tear_down(train="failed", verify="upstream_failed")

    def test_it_is_looked_for_again_without_a_worker_until_it_is_there_and_cancelled(
        self, flow: Flow
    ) -> None:
        with pytest.raises(AirflowRescheduleException) as again:
            self.tear_down(flow, None)
        assert 0 < (again.value.reschedule_date - datetime.now(UTC)).total_seconds() <= 30
        self.arrive(flow)

        with pytest.raises(AirflowRescheduleException):
            self.tear_down(flow, 100)

        flow.context["ti"].xcoms[JOB_ID_KEY] = flow.context["ti"].xcoms["late"]
        assert flow.state() in CANCELLED

    def test_the_last_look_is_later_than_any_can_arrive(self, flow: Flow) -> None:
        with pytest.raises(AirflowRescheduleException):
            self.tear_down(flow, 149)
        self.arrive(flow)

        (name,) = self.tear_down(flow, 150)

        assert name.endswith(flow.context["ti"].xcoms["late"])

    def test_a_task_that_may_not_have_submitted_yet_is_watched_while_its_worker_may_live(
        self, flow: Flow
    ) -> None:
        flow.context["ti"].xcoms.clear()

        with pytest.raises(AirflowRescheduleException):
            self.tear_down(flow, 29)
        assert self.tear_down(flow, 30) == []

    def test_a_task_that_never_ran_is_not_waited_for(self, flow: Flow) -> None:
        flow.context["ti"].xcoms.clear()
        flow.context["ti"].durations["train"] = 0.0

        assert self.tear_down(flow, None) == []


def test_a_job_that_goes_on_running_though_it_was_cancelled_fails_the_task_for_its_retries(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.start()
    with monkeypatch.context() as patched:
        patched.setattr(PipelineServiceClient, "cancel_pipeline_job", lambda *_, **__: None)
        patched.setattr(cancel_pipeline_job, "_MOST_POLLS", 1)
        with pytest.raises(PipelineJobNotCancelledError, match="was cancelled and still does not end"):
            flow.tear_down(train="failed", verify="upstream_failed")

    assert flow.tear_down(train="failed", verify="upstream_failed") == [flow.job().name]


@pytest.mark.parametrize("state", [None, "scheduled", "queued", "running", "deferred", "success"])
def test_a_task_that_runs_again_or_succeeded_keeps_its_job(flow: Flow, state: str | None) -> None:
    flow.start()

    assert flow.tear_down(train=state, verify=None) == []

    assert flow.state() == RUNNING


def test_the_job_of_a_task_that_was_marked_success_while_it_ran_is_cancelled(flow: Flow) -> None:
    flow.start()
    flow.took_result = False

    assert flow.tear_down(train="success", verify="failed", monitor="upstream_failed") == [flow.job().name]

    assert flow.state() in CANCELLED


def test_a_run_that_was_marked_success_while_its_job_ran_stays_so_and_its_job_is_cancelled(
    flow: Flow,
) -> None:
    flow.start()
    flow.took_result = False

    # Airflow marks what runs a success, and skips what has not begun
    assert flow.tear_down(train="success", verify="skipped") == [flow.job().name]

    assert flow.state() in CANCELLED


def test_a_task_that_is_cleared_at_the_last_moment_keeps_its_job(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow.start()
    seen = iter(["failed", "deferred"])
    ti = flow.context["ti"]
    monkeypatch.setattr(
        ti,
        "get_task_states",
        lambda **_: {ti.run_id: {"train": next(seen, "deferred"), "verify": None}},
    )

    assert flow.cancel.execute(flow.context) == {"cancelled": []}

    assert flow.state() == RUNNING


def test_without_a_job_there_is_nothing_to_do(flow: Flow) -> None:
    assert flow.tear_down(check_data="failed", train="upstream_failed", verify="upstream_failed") == []


def test_a_job_that_has_ended_is_left_as_it_is(place: dict[str, str], upload: Upload) -> None:
    flow = Flow(place, upload(NOTHING))
    flow.train.deferrable = False
    flow.train.execute(flow.context)

    assert flow.tear_down(train="failed", verify="upstream_failed") == []

    assert flow.state() == SUCCEEDED


@pytest.mark.parametrize("error", [{"code": "UNAVAILABLE"}, {"drop": True}], ids=["unavailable", "dropped"])
@pytest.mark.parametrize("method", ["GetPipelineJob", "CancelPipelineJob"])
def test_trouble_on_the_way_is_tried_through(
    flow: Flow, faults: Faults, method: str, error: dict[str, Any]
) -> None:
    flow.start()
    faults.add(Fault(f"PipelineService.{method}", **error))

    flow.tear_down(train="failed", verify="upstream_failed")

    assert flow.state() in CANCELLED
    assert faults.pending() == []


def test_a_run_that_was_marked_failed_stays_so(flow: Flow) -> None:
    flow.start()

    with pytest.raises(DagRunMarkedFailedError, match="the run was marked failed; cancelled: projects/"):
        flow.tear_down(train="failed", verify="skipped")

    assert flow.state() in CANCELLED


def test_a_run_that_was_marked_failed_while_its_task_was_to_be_retried_stays_so(flow: Flow) -> None:
    flow.start()

    with pytest.raises(DagRunMarkedFailedError):
        flow.tear_down(train="skipped", verify="skipped")

    assert flow.state() in CANCELLED


def test_a_run_that_was_marked_failed_before_there_was_a_job_stays_so(flow: Flow) -> None:
    with pytest.raises(DagRunMarkedFailedError, match=r"^the run was marked failed$"):
        flow.tear_down(check_data="failed", train="skipped", verify="skipped")


def test_a_run_that_was_marked_failed_after_its_job_had_succeeded_stays_so(flow: Flow) -> None:
    with pytest.raises(DagRunMarkedFailedError):
        flow.tear_down(train="success", verify="failed", monitor="skipped")


def test_a_task_behind_it_that_failed_by_itself_is_no_mark_of_the_run(flow: Flow) -> None:
    assert flow.tear_down(train="success", verify="failed", monitor="upstream_failed") == []


def test_a_task_that_a_branch_has_skipped_is_not_blamed_for_one_that_it_has_nothing_to_do_with(
    flow: Flow,
) -> None:
    states = {"check_data": "success", "train": "skipped", "verify": "skipped", "unrelated": "failed"}

    assert flow.tear_down(**states) == []


def test_a_task_that_was_only_validated_leaves_the_run_alone(flow: Flow) -> None:
    assert flow.tear_down(check_data="success", train="skipped", verify="skipped") == []
