"""Operator that cancels the Vertex AI pipeline job of a task that was killed or failed."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import XCOM_RETURN_KEY
from airflow.sdk import TaskInstanceState, TriggerRule
from airflow.sdk.exceptions import AirflowRescheduleException
from google.api_core.exceptions import FailedPrecondition, NotFound

from vertex_mlops.contract.pipeline_states import TERMINAL_STATES
from vertex_mlops.contract.retries import REQUEST_SECONDS, transient_retry
from vertex_mlops.exceptions import DagRunMarkedFailedError, PipelineJobNotCancelledError
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.runs.pipeline_jobs import (
    JOB_ID_KEY,
    RUN_LABEL,
    SUBMISSION_KEY,
    attempt_id,
    job_id_of_task,
    list_attempts,
    run_label,
)

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook
    from airflow.sdk import BaseOperator, Context
    from google.cloud.aiplatform_v1.types import PipelineJob

_RETRY_SECONDS = 300.0
# Vertex AI cancels in its own time; a job that shows it already is adopted by nobody
_POLL_SECONDS = 1.0
_MOST_POLLS = 60
# Airflow stops the worker of a task that was marked failed at its next heartbeat, and kills it soon after
_WORKER_SECONDS = 30.0
_SECONDS_BETWEEN_LOOKS = 30.0

# of the task that runs the job: nobody waits for the job any more; see also _given_up
_GIVEN_UP = frozenset(
    {TaskInstanceState.FAILED, TaskInstanceState.UPSTREAM_FAILED, TaskInstanceState.SKIPPED}
)


class CancelPipelineJobOperator(VertexBaseOperator):
    """
    Cancel the pipeline job that a task has left running: the teardown of a RunPipelineJobOnceOperator.

    If the task or its run is marked failed, or the task fails after its last retry, its job would continue:
    a deferred task has no process that could be notified. This task runs whenever that task has ended, and
    cancels the job unless the task succeeded or runs again. A task that was marked success
    while its job ran has no result, so no task would use the job's output, and it is cancelled, too.
    Declare it with ``cancel.as_teardown(setups=train)``: Airflow still runs a teardown when the run is
    marked failed, and clears it whenever the task is cleared. After a success with a result it makes no call
    to Google.

    A task that is marked failed while it submits can leave a job that appears only later. As long as that is
    possible, this task is rescheduled and polls again, without a worker slot.

    A run that was marked failed and whose last tasks were all skipped would end as a success, since
    Airflow waits for the teardown and then derives the run's state from its last tasks; so this task fails.
    A run that was marked success ends as a success, unless the task was between two tries: Airflow skips it
    then, as if the run had been marked failed, and the run fails.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/pipelines/cancel-pipeline-run

    :param project_id: The ID of the Google Cloud project of the job (templated).
    :param region: The ID of the Google Cloud region of the job (templated).
    :param pipeline_task_id: The task id of the RunPipelineJobOnceOperator. In a mapped task group, each
        teardown belongs to the task instance with its own map index (templated).
    :param job_id: The ``job_id`` that was given to that operator, if any (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``cancelled``, the resource names of the jobs that the last poll cancelled.
    :raises AirflowRescheduleException: a job may still appear.
    :raises DagRunMarkedFailedError: the run was marked failed; it ends as failed.
    :raises PipelineJobNotCancelledError: the job is still running a minute after it was cancelled.
    """

    template_fields = (
        "project_id",
        "region",
        "pipeline_task_id",
        "job_id",
        "gcp_conn_id",
        "impersonation_chain",
    )

    # a teardown runs also after a task that has left no result
    optional_results = ("job_id",)

    def __init__(
        self,
        *,
        pipeline_task_id: str,
        job_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline_task_id = pipeline_task_id
        self.job_id = job_id

    def as_teardown(
        self,
        *,
        setups: BaseOperator | Iterable[BaseOperator] | None = None,
        on_failure_fail_dagrun: bool | None = True,
    ) -> CancelPipelineJobOperator:
        """
        Declare this task the teardown of the one that runs the job.

        :param setups: that task.
        :param on_failure_fail_dagrun: whether the run fails if this task does.
        :return: this task.
        """
        super().as_teardown(setups=setups, on_failure_fail_dagrun=on_failure_fail_dagrun)
        # a teardown runs by default only after a setup that succeeded
        self.trigger_rule = TriggerRule.ALL_DONE
        return self

    @cached_property
    def hook(self) -> PipelineJobHook:
        from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

        return PipelineJobHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    def execute(self, context: Context) -> dict[str, list[str]]:
        state = self._task_state(context)
        cancelled: list[str] = []
        if self._given_up(context, state):
            cancelled = [job.name for job in self._running_jobs(context) if self._cancel(job, context)]
            self._look_again_if_a_job_may_still_appear(context, state)
        else:
            self.log.info("%s has not failed: its job is not cancelled", self.pipeline_task_id)
        if state in _GIVEN_UP or state == TaskInstanceState.SUCCESS:
            # a run that was marked success has cancelled a job, too, and has skipped what had not begun
            given_up = cancelled if state in _GIVEN_UP else []
            self._fail_with_a_run_that_was_marked_failed(context, given_up)
        return {"cancelled": cancelled}

    def _given_up(self, context: Context, state: str | None) -> bool:
        if state != TaskInstanceState.SUCCESS:
            return state in _GIVEN_UP
        # marked by hand: nobody has taken the job's result
        return not _xcom(context["ti"], self.pipeline_task_id, XCOM_RETURN_KEY, _index(context["ti"]))

    def _states(self, context: Context) -> dict[str, str]:
        ti = context["ti"]
        states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])
        return dict(states.get(ti.run_id, {}))

    def _task_state(self, context: Context) -> str | None:
        index = context["ti"].map_index
        mapped = index is not None and index >= 0
        key = f"{self.pipeline_task_id}_{index}" if mapped else self.pipeline_task_id
        return self._states(context).get(key)

    def _running_jobs(self, context: Context) -> Iterator[PipelineJob]:
        first_id = self.job_id or job_id_of_task(context["ti"], self.pipeline_task_id)
        run = run_label(context["ti"])
        known = list_attempts(
            self.hook, project_id=self.project_id, region=self.region, first_id=first_id, run=run
        )
        # the list may lag behind, and an attempt may have been deleted
        for attempt in itertools.chain(known, itertools.count(max(known, default=0) + 1)):
            try:
                job = self._get(attempt_id(first_id, attempt))
            except NotFound:
                if attempt in known:
                    continue
                return
            if job.state.name not in TERMINAL_STATES and job.labels.get(RUN_LABEL) == run:
                yield job

    def _look_again_if_a_job_may_still_appear(self, context: Context, state: str | None) -> None:
        seconds = self._seconds_to_watch(context, state)
        now = datetime.now(UTC)
        began = context["ti"].get_first_reschedule_date(context) or now
        if now < began + timedelta(seconds=seconds):
            self.log.info("%s may have a job on its way: looking again", self.pipeline_task_id)
            raise AirflowRescheduleException(now + timedelta(seconds=_SECONDS_BETWEEN_LOOKS))

    def _seconds_to_watch(self, context: Context, state: str | None) -> float:
        ti: Any = context["ti"]
        index = _index(ti)
        if _xcom(ti, self.pipeline_task_id, JOB_ID_KEY, index):
            return 0.0
        if deadline := _xcom(ti, self.pipeline_task_id, SUBMISSION_KEY, index):
            return _WORKER_SECONDS + float(deadline)
        ran = any(
            (task["task_id"], task["map_index"]) == (self.pipeline_task_id, index) and task["duration"]
            for task in ti.get_task_breadcrumbs(dag_id=ti.dag_id, run_id=ti.run_id)
        )
        marked = state in (TaskInstanceState.FAILED, TaskInstanceState.SUCCESS)
        return _WORKER_SECONDS if marked and ran else 0.0

    def _get(self, job_id: str) -> PipelineJob:
        return self.hook.get_pipeline_job(
            project_id=self.project_id,
            region=self.region,
            pipeline_job_id=job_id,
            retry=transient_retry(_RETRY_SECONDS),
            timeout=REQUEST_SECONDS,
        )

    def _cancel(self, job: PipelineJob, context: Context) -> bool:
        # asked at the last moment: who has cleared the task since wants the job
        if not self._given_up(context, self._task_state(context)):
            self.log.info("%s runs again: %s is left to it", self.pipeline_task_id, job.name)
            return False
        client = self.hook.get_pipeline_service_client(self.region)
        try:
            client.cancel_pipeline_job(
                name=job.name, retry=transient_retry(_RETRY_SECONDS), timeout=REQUEST_SECONDS
            )
        except FailedPrecondition as error:
            self.log.info("%s has already ended: %s", job.name, error.message)
            return False
        self.log.info("Cancelled %s, because %s is over", job.name, self.pipeline_task_id)
        for _ in range(_MOST_POLLS):
            if self._get(job.name.rpartition("/")[-1]).state.name in TERMINAL_STATES:
                return True
            time.sleep(_POLL_SECONDS)
        raise PipelineJobNotCancelledError(f"{job.name} was cancelled and still does not end")

    def _fail_with_a_run_that_was_marked_failed(self, context: Context, cancelled: list[str]) -> None:
        states = self._states(context)
        task = self.dag.get_task(self.pipeline_task_id)
        after = [other for other in task.get_flat_relatives(upstream=False) if not other.is_teardown] or [
            task
        ]
        # by which Airflow judges the run
        last = [other for other in after if all(next_.is_teardown for next_ in other.downstream_list)]
        seen = {
            states.get(other.task_id) for other in (*task.get_flat_relatives(upstream=True), task, *after)
        }
        # a task that fails by itself, or is marked so, leaves its downstream tasks in another state
        by_itself = TaskInstanceState.UPSTREAM_FAILED in seen
        skipped = all(states.get(other.task_id) == TaskInstanceState.SKIPPED for other in last)
        if skipped and not by_itself and (TaskInstanceState.FAILED in seen or cancelled):
            told = f"; cancelled: {', '.join(cancelled)}" if cancelled else ""
            raise DagRunMarkedFailedError(f"the run was marked failed{told}")


def _index(ti: Any) -> int:
    return -1 if ti.map_index is None else int(ti.map_index)


def _xcom(ti: Any, task_id: str, key: str, map_index: int) -> Any:
    return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=map_index)
