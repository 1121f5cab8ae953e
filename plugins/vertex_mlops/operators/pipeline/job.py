"""Operator that runs one Vertex AI pipeline job for one task instance, however often it is tried."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.google.cloud.operators.vertex_ai.pipeline_job import RunPipelineJobOperator
from airflow.providers.google.cloud.triggers.vertex_ai import RunPipelineJobTrigger
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowSkipException
from google.api_core.exceptions import AlreadyExists
from google.auth.exceptions import GoogleAuthError

from vertex_mlops.exceptions import PipelineJobFailedError, PipelineJobMismatchError, SpecError
from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.links.vertex_ai import PipelineJobLink
from vertex_mlops.pipeline_jobs import (
    DATA_VERSION_LABEL,
    DEAD_STATES,
    ENDED_STATES,
    JOB_ID_KEY,
    LONGEST_FIRST_ID,
    OVER_STATES,
    PAUSED,
    RUN_LABEL,
    SUBMISSION_KEY,
    SUCCEEDED,
    PipelineResult,
    attempt_id,
    failure,
    job_id_of_task,
    list_attempts,
    read_result,
    resource_id,
    run_label,
)
from vertex_mlops.retries import LONGEST_BACKOFF, REQUEST_SECONDS, backoff, is_transient, patiently
from vertex_mlops.service_agents import awaiting_service_agents
from vertex_mlops.task_results import ResultsMixin

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.types import RuntimeTaskInstanceProtocol
    from airflow.triggers.base import BaseTrigger
    from google.cloud import aiplatform
    from google.cloud.aiplatform_v1.types import PipelineJob

# without a deadline, an answer that is lost on its way would be waited for forever
_CREATE_SECONDS = 120.0
# how long a task tries by itself, before it is for its own retries or for the next poll
_SUBMIT_PATIENCE = 300.0
_READ_PATIENCE = 60.0


class RunPipelineJobOnceOperator(ResultsMixin, RunPipelineJobOperator):
    """
    Run a pipeline job once for each task instance, and return what came of it.

    Takes the parameters of the provider's RunPipelineJobOperator, and differs from it in this:

    - the job id is made from the DAG, the run, the task and the map index, so that a retry finds the job
      which an earlier try started and waits for it; only a job that failed, was cancelled or learned from
      another data version is followed by another;
    - an error while polling does not end the wait: it is polled again, later each time, for as long as the
      job runs; an answer lost while submitting does not lead to a second job;
    - a paused job is waited for, not taken for a success: it goes on when a person resumes it;
    - killing the task does not cancel the job, because a worker that is stopped cannot know whether its
      task was failed, was cleared or will be retried: a
      :class:`vertex_mlops.operators.cancel_pipeline_job.CancelPipelineJobOperator` behind it does;
    - the result is the same in both modes, and small: a PipelineResult instead of the whole job;
    - while Vertex AI makes its service agents, at the first use of a project, the task gives its slot back
      and submits again later, for half an hour;
    - the job has a further label, ``airflow_run``, which stands for the DAG run;
    - ``job_id``, ``labels``, ``display_name`` and ``enable_caching`` are templated; a ``job_id`` leaves room
      for the number of a further attempt: 121 characters at most.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/pipelines/run-pipeline

    :param validate_only: If True, build the job, check it as a submission would, log it and skip the task;
        nothing is created (templated: take ``dag.param(...)``).
    :return: a :class:`vertex_mlops.pipeline_jobs.PipelineResult`.
    :raises PipelineJobFailedError: names the job, the failed task, its error and the job's page. Vertex AI
        has tried each task again by itself, so Airflow does not; clear the task to start another job.
    :raises PipelineJobMismatchError: the job of this id runs, and belongs to another run or data version.
    :raises SpecError: the compiled pipeline does not take these parameters, labels or this id.
    :raises MissingResultError: a task before has left no result that a parameter or a label needs.
    :raises ServiceAgentsMissingError: Vertex AI has made none in half an hour.
    :raises AirflowSkipException: ``validate_only`` is set, and the job could be submitted.
    """

    template_fields = [  # noqa: RUF012
        *RunPipelineJobOperator.template_fields,
        "job_id",
        "labels",
        "display_name",
        "enable_caching",
        "validate_only",
    ]
    operator_extra_links = (PipelineJobLink(), ModelCardLink())  # type: ignore[assignment]

    def __init__(self, *, validate_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validate_only = validate_only

    def execute(self, context: Context) -> PipelineResult:
        ti = context["ti"]
        first_id = self.job_id or job_id_of_task(ti, self.task_id)
        if len(first_id) > LONGEST_FIRST_ID:
            raise SpecError(f"job_id {first_id} is longer than {LONGEST_FIRST_ID} characters")
        # an XCom that is a number would be refused as a label
        self.labels = {key: str(value) for key, value in (self.labels or {}).items()}
        self.labels[RUN_LABEL] = run_label(ti)
        if self.validate_only:
            self._validate(first_id)
        with awaiting_service_agents(context):
            self.job_id = self._submit_or_adopt(first_id, ti)
        ti.xcom_push(key=JOB_ID_KEY, value=self.job_id)
        PipelineJobLink.persist(context=context, pipeline_id=self.job_id)
        return self._linked(context, self._follow())

    def execute_complete(  # type: ignore[override]
        self,
        context: Context,
        event: Any,
        job_id: str = "",
        errors: int = 0,
        paused: bool = False,
        since: float = 0.0,
    ) -> PipelineResult:
        """
        Take over from a trigger.

        :param context: the task's context.
        :param event: what the provider's trigger saw, or the time that it is; the job is read again, because
            only that tells one kind of failure from the other.
        :param job_id: id of the job that was waited for.
        :param errors: how many attempts to read it have failed so far.
        :param paused: whether the log tells already that the job is paused.
        :param since: when the trigger began, in seconds since the epoch.
        """
        polled = event if isinstance(event, dict) else None
        self.job_id = job_id or resource_id(event["job"]["name"])
        if polled and "job" not in polled:
            self.log.warning("Cannot read pipeline job %s: %s", self.job_id, polled.get("message"))
            if time.time() - since > LONGEST_BACKOFF:
                # the trigger has polled well meanwhile
                errors = 0
            return self._linked(context, self._follow(errors=errors + 1, paused=paused))
        return self._linked(context, self._follow(errors=errors, rested=True, paused=paused))

    def on_kill(self) -> None:
        """Leave the job alone: see the class."""

    def _submit_or_adopt(self, first_id: str, ti: RuntimeTaskInstanceProtocol) -> str:
        known = list_attempts(
            self.hook, project_id=self.project_id, region=self.region, first_id=first_id, run=run_label(ti)
        )
        # a job that somebody has deleted leaves a gap, which is not to be filled
        for attempt in itertools.count(max(known, default=1)):
            self.job_id = attempt_id(first_id, attempt)
            try:
                self._submit(ti)
            except AlreadyExists:
                if not self._adopts(self._get_job(_SUBMIT_PATIENCE), known=attempt in known):
                    continue
            return self.job_id
        raise AssertionError("counted to infinity")

    def _adopts(self, job: PipelineJob, *, known: bool) -> bool:
        wanted = {key: (self.labels or {}).get(key) for key in (RUN_LABEL, DATA_VERSION_LABEL)}
        others = [
            f"{key} {job.labels.get(key)}, not {value}"
            for key, value in wanted.items()
            if value and job.labels.get(key) != value
        ]
        if others and job.state.name not in OVER_STATES:
            raise PipelineJobMismatchError(
                f"{job.name} is {job.state.name} with {' and '.join(others)}: cancel it or let it end"
            )
        # one that is not known was submitted during this try, and whoever killed it meant this try
        if others or (known and job.state.name in DEAD_STATES):
            self.log.info(
                "%s ended as %s; %s", job.name, job.state.name, ", ".join(others) or "another follows"
            )
            return False
        self.log.info("Adopting %s, which is %s", job.name, job.state.name)
        return True

    def _definition(self) -> dict[str, Any]:
        return {
            "display_name": self.display_name,
            "template_path": self.template_path,
            "job_id": self.job_id,
            "pipeline_root": self.pipeline_root,
            "parameter_values": self.parameter_values,
            "input_artifacts": self.input_artifacts,
            "enable_caching": self.enable_caching,
            "encryption_spec_key_name": self.encryption_spec_key_name,
            "labels": self.labels,
            "failure_policy": self.failure_policy,
        }

    def _validate(self, job_id: str) -> NoReturn:
        # not kept: a job of this id, which killing the task would cancel, is another try's
        definition = self._definition() | {"job_id": job_id}
        self._build(definition)
        self.log.info("A job that would be submitted to %s in %s:", self.project_id, self.region)
        for name, value in {**definition, "service_account": self.service_account}.items():
            self.log.info("  %s: %s", name, value)
        raise AirflowSkipException(f"only validated: pipeline job {job_id} could be submitted, and was not")

    def _submit(self, ti: RuntimeTaskInstanceProtocol) -> None:
        job = self._build(self._definition())
        deadline = self.create_request_timeout or _CREATE_SECONDS
        ti.xcom_push(key=SUBMISSION_KEY, value=deadline)
        self.log.info("Submitting pipeline job %s", self.job_id)
        # the job may be there although no answer came: then the next call says that it is
        patiently(_SUBMIT_PATIENCE)(job.submit)(
            service_account=self.service_account,
            network=self.network,
            reserved_ip_ranges=self.reserved_ip_ranges,
            create_request_timeout=deadline,
            experiment=self.experiment,
        )

    def _build(self, definition: dict[str, Any]) -> aiplatform.PipelineJob:
        build = patiently(_SUBMIT_PATIENCE)(self.hook.get_pipeline_job_object)
        try:
            # reads the file, and refuses what does not fit it
            return build(**definition, project=self.project_id, location=self.region)
        except (GoogleAuthError, JSONDecodeError):
            # ValueErrors some of them, which tell of the way to the file and not of what is in it
            raise
        except ValueError as error:
            raise SpecError(f"{self.template_path}: {' '.join(str(error).split())}") from error

    def _get_job(self, patience: float) -> PipelineJob:
        return self.hook.get_pipeline_job(
            project_id=self.project_id,
            region=self.region,
            pipeline_job_id=self.job_id,
            retry=patiently(patience),
            timeout=REQUEST_SECONDS,
        )

    def _follow(self, errors: int = 0, rested: bool = False, paused: bool = False) -> PipelineResult:
        """
        Wait until the job has ended.

        :param errors: how many attempts to read it have failed.
        :param rested: whether there was a pause after the last of them.
        :param paused: whether the log tells already that the job is paused.
        """
        while True:
            job = self._look()
            if job is None:
                errors, rested = errors + 1, False
            elif job.state.name in ENDED_STATES:
                return self._result(job)
            else:
                paused = self._is_paused(job, told=paused)
            if self.deferrable:
                self._defer_until_next_look(errors, rested, paused)
            time.sleep(self._seconds_to_rest(errors, rested))
            errors = 0 if job else errors
            rested = True

    def _look(self) -> PipelineJob | None:
        try:
            return self._get_job(_READ_PATIENCE)
        except Exception as error:
            if not is_transient(error):
                raise
            self.log.warning("Cannot read pipeline job %s: %s", self.job_id, error)
            return None

    def _is_paused(self, job: PipelineJob, *, told: bool) -> bool:
        paused = job.state.name == PAUSED
        if paused and not told:
            self.log.warning("%s is paused: the task waits until somebody resumes or cancels it", job.name)
        return paused

    def _seconds_to_rest(self, errors: int, rested: bool) -> float:
        return backoff(errors, self.poll_interval) if errors and not rested else self.poll_interval

    def _defer_until_next_look(self, errors: int, rested: bool, paused: bool) -> NoReturn:
        trigger: BaseTrigger
        if paused or (errors and not rested):
            # the provider's trigger takes a paused job for an ended one, and would fail again at once
            trigger = TimeDeltaTrigger(timedelta(seconds=self._seconds_to_rest(errors, rested)))
        else:
            # a trigger of our own would need plugins/ on the triggerer, which Composer does not give it
            trigger = RunPipelineJobTrigger(
                conn_id=self.gcp_conn_id,
                project_id=self.project_id,
                location=self.region,
                job_id=str(self.job_id),
                poll_interval=self.poll_interval,
                impersonation_chain=self.impersonation_chain,
            )
        self.defer(
            trigger=trigger,
            method_name="execute_complete",
            kwargs={"job_id": self.job_id, "errors": errors, "paused": paused, "since": time.time()},
        )

    def _linked(self, context: Context, result: PipelineResult) -> PipelineResult:
        ModelCardLink.persist(context=context, uri=result["model_card"])
        return result

    def _result(self, job: PipelineJob) -> PipelineResult:
        if job.state.name != SUCCEEDED:
            page = PipelineJobLink.url(**self.extra_links_params, pipeline_id=self.job_id)
            raise PipelineJobFailedError(f"{failure(job)}; see {page}")
        result = read_result(job)
        self.log.info("Pipeline job succeeded: %s", result)
        return result
