"""Operator that runs one Vertex AI pipeline job for each task instance, however often it is retried."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import conf
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk.exceptions import AirflowSkipException
from google.api_core.exceptions import AlreadyExists

from vertex_mlops.contract.names import DATA_VERSION_LABEL
from vertex_mlops.contract.pipeline_states import (
    ENDED_STATES,
    PAUSED,
    SUCCEEDED,
    TERMINAL_STATES,
    UNSUCCESSFUL_STATES,
)
from vertex_mlops.contract.retries import (
    LONGEST_BACKOFF,
    REQUEST_SECONDS,
    backoff,
    is_transient,
    transient_retry,
)
from vertex_mlops.exceptions import PipelineJobFailedError, PipelineJobMismatchError, SpecError
from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.links.vertex_ai import PipelineJobLink
from vertex_mlops.monitoring.service_agents import awaiting_service_agents
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.runs.compiled_pipeline import build_pipeline_job
from vertex_mlops.runs.pipeline_jobs import (
    JOB_ID_KEY,
    LONGEST_FIRST_ID,
    RUN_LABEL,
    SUBMISSION_KEY,
    attempt_id,
    differing_labels,
    job_id_of_task,
    list_attempts,
    resource_id,
    run_label,
)
from vertex_mlops.runs.pipeline_results import PipelineResult, failure, read_result

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook
    from airflow.sdk import Context
    from airflow.sdk.types import RuntimeTaskInstanceProtocol
    from airflow.triggers.base import BaseTrigger
    from google.cloud import aiplatform
    from google.cloud.aiplatform.metadata.experiment_resources import Experiment
    from google.cloud.aiplatform_v1.types import PipelineJob

# without a deadline, an answer that is lost on its way would be waited for forever
_CREATE_SECONDS = 120.0
# how long a task tries by itself, before it is for its own retries or for the next poll
_SUBMIT_RETRY_SECONDS = 300.0
_READ_RETRY_SECONDS = 60.0


class RunPipelineJobOnceOperator(VertexBaseOperator):
    """
    Run a pipeline job once for each task instance, and return its result.

    Has the parameters of the provider's RunPipelineJobOperator, with these differences:

    - the job id is built from the DAG, the run, the task and the map index, so that a retry finds the job
      of an earlier try and waits for it; it submits another one only if that job failed, was cancelled or
      was trained on another data version;
    - an error while polling does not end the wait: the task polls again, with growing intervals, as long as
      the job runs; a response lost while submitting does not lead to a second job;
    - the task waits while a job is paused, instead of succeeding;
    - killing the task does not cancel the job, because a worker that is stopped cannot know whether its
      task was marked failed, was cleared or will be retried: a
      :class:`vertex_mlops.operators.pipeline.cancel.CancelPipelineJobOperator` downstream does;
    - the result is the same in both modes, and small: a PipelineResult instead of the whole job;
    - while Vertex AI creates its service agents, at the first use of a project, the task is rescheduled
      and submits again later, for half an hour;
    - the job has an additional label, ``airflow_run``, which identifies the DAG run.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/pipelines/run-pipeline

    :param project_id: The ID of the Google Cloud project that the service belongs to (templated).
    :param region: The ID of the Google Cloud region that the service belongs to (templated).
    :param display_name: The user-defined name of the job (templated).
    :param template_path: The path of the compiled pipeline, JSON or YAML: a local path, a Cloud Storage URI
        (``gs://``), an Artifact Registry URI or an HTTPS URI (templated).
    :param job_id: The ID of the job, 121 characters at most, so that the number of a further attempt fits
        after it. If not set, it is made from the task instance (templated).
    :param pipeline_root: The root of the outputs; if not set, as compiled into the pipeline (templated).
    :param parameter_values: The mapping from runtime parameter names to their values (templated).
    :param input_artifacts: The mapping from names of input artifacts to their resource IDs (templated).
    :param enable_caching: Whether all tasks use the cache; if not set, as compiled (templated).
    :param encryption_spec_key_name: The Cloud KMS key that encrypts the job and what it creates.
    :param labels: Labels of the job (templated).
    :param failure_policy: ``fast`` to schedule no new tasks after one has failed, or ``slow``.
    :param service_account: The service account that the job runs as (templated).
    :param network: The full name of the Compute Engine network to peer the job with.
    :param create_request_timeout: The timeout for the create request, in seconds.
    :param experiment: The Vertex AI experiment, or its name, to associate the job with.
    :param reserved_ip_ranges: Names of reserved IP ranges under the network that the job may use.
    :param deferrable: If True, run the task in the deferrable mode.
    :param poll_interval: Seconds between two polls of the job.
    :param validate_only: If True, build the job, check it as a submission would, log it and skip the task;
        nothing is created (templated: take ``dag.param(...)``).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: a :class:`vertex_mlops.runs.pipeline_results.PipelineResult`.
    :raises PipelineJobFailedError: names the job, the failed task, its error and the job's page. Vertex AI
        has already retried each task, so Airflow does not; clear the task to start another job.
    :raises PipelineJobMismatchError: the job with this id runs, and belongs to another run or data version.
    :raises SpecError: the compiled pipeline does not accept these parameters, labels or this id.
    :raises MissingResultError: an upstream task has no result that a parameter or a label needs.
    :raises ServiceAgentsMissingError: Vertex AI has not created them within half an hour.
    :raises AirflowSkipException: ``validate_only`` is set, and the job could be submitted.
    """

    template_fields = (
        "region",
        "project_id",
        "input_artifacts",
        "impersonation_chain",
        "template_path",
        "pipeline_root",
        "parameter_values",
        "service_account",
        "gcp_conn_id",
        "job_id",
        "labels",
        "display_name",
        "enable_caching",
        "validate_only",
    )
    operator_extra_links = (PipelineJobLink(), ModelCardLink())

    def __init__(
        self,
        *,
        display_name: str,
        template_path: str,
        job_id: str | None = None,
        pipeline_root: str | None = None,
        parameter_values: dict[str, Any] | None = None,
        input_artifacts: dict[str, str] | None = None,
        enable_caching: bool | None = None,
        encryption_spec_key_name: str | None = None,
        labels: dict[str, str] | None = None,
        failure_policy: str | None = None,
        service_account: str | None = None,
        network: str | None = None,
        create_request_timeout: float | None = None,
        experiment: str | Experiment | None = None,
        reserved_ip_ranges: list[str] | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: int = 5 * 60,
        validate_only: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.display_name = display_name
        self.template_path = template_path
        self.job_id = job_id
        self.pipeline_root = pipeline_root
        self.parameter_values = parameter_values
        self.input_artifacts = input_artifacts
        self.enable_caching = enable_caching
        self.encryption_spec_key_name = encryption_spec_key_name
        self.labels = labels
        self.failure_policy = failure_policy
        self.service_account = service_account
        self.network = network
        self.create_request_timeout = create_request_timeout
        self.experiment = experiment
        self.reserved_ip_ranges = reserved_ip_ranges
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.validate_only = validate_only

    @cached_property
    def hook(self) -> PipelineJobHook:
        from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

        return PipelineJobHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

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

    def execute_complete(
        self,
        context: Context,
        event: Any,
        job_id: str = "",
        errors: int = 0,
        paused: bool = False,
        since: float = 0.0,
    ) -> PipelineResult:
        """
        Resume the task after a trigger has fired.

        :param context: the task's context.
        :param event: what the provider's trigger saw, or the time that it is; the job is read again, because
            only that tells one kind of failure from the other.
        :param job_id: id of the job that was waited for.
        :param errors: how many attempts to read it have failed so far.
        :param paused: whether a warning that the job is paused was logged.
        :param since: when the trigger began, in seconds since the epoch.
        :return: the result of the job.
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
                if not self._adopts(self._get_job(_SUBMIT_RETRY_SECONDS), known=attempt in known):
                    continue
            return self.job_id
        raise AssertionError("counted to infinity")

    def _adopts(self, job: PipelineJob, *, known: bool) -> bool:
        wanted = {key: (self.labels or {}).get(key) for key in (RUN_LABEL, DATA_VERSION_LABEL)}
        others = differing_labels(job, wanted)
        if others and job.state.name not in TERMINAL_STATES:
            raise PipelineJobMismatchError(
                f"{job.name} is {job.state.name} with {' and '.join(others)}: cancel it or let it end"
            )
        # one that is not known was submitted during this try, and whoever killed it meant this try
        if others or (known and job.state.name in UNSUCCESSFUL_STATES):
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
        transient_retry(_SUBMIT_RETRY_SECONDS)(job.submit)(
            service_account=self.service_account,
            network=self.network,
            reserved_ip_ranges=self.reserved_ip_ranges,
            create_request_timeout=deadline,
            experiment=self.experiment,
        )

    def _build(self, definition: dict[str, Any]) -> aiplatform.PipelineJob:
        return build_pipeline_job(
            self.hook,
            project_id=self.project_id,
            region=self.region,
            retry_seconds=_SUBMIT_RETRY_SECONDS,
            **definition,
        )

    def _get_job(self, retry_seconds: float) -> PipelineJob:
        return self.hook.get_pipeline_job(
            project_id=self.project_id,
            region=self.region,
            pipeline_job_id=self.job_id,
            retry=transient_retry(retry_seconds),
            timeout=REQUEST_SECONDS,
        )

    def _follow(self, errors: int = 0, rested: bool = False, paused: bool = False) -> PipelineResult:
        """
        Wait until the job has ended.

        :param errors: how many attempts to read it have failed.
        :param rested: whether there was a pause after the last of them.
        :param paused: whether a warning that the job is paused was logged.
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
            return self._get_job(_READ_RETRY_SECONDS)
        except Exception as error:
            if not is_transient(error):
                raise
            self.log.warning("Cannot read pipeline job %s: %s", self.job_id, error)
            return None

    def _is_paused(self, job: PipelineJob, *, told: bool) -> bool:
        paused = job.state.name == PAUSED
        if paused and not told:
            self.log.warning("%s is paused: the task waits until it is resumed or cancelled", job.name)
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
            from airflow.providers.google.cloud.triggers.vertex_ai import RunPipelineJobTrigger

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
