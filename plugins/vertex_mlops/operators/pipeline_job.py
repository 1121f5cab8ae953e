"""Operator that runs one Vertex AI pipeline job for one task instance, however often it is tried."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.google.cloud.operators.vertex_ai.pipeline_job import RunPipelineJobOperator
from airflow.providers.google.cloud.triggers.vertex_ai import RunPipelineJobTrigger
from airflow.sdk.exceptions import AirflowSkipException
from google.api_core.exceptions import AlreadyExists
from google.cloud.aiplatform_v1.types import PipelineState

from vertex_mlops.exceptions import PipelineJobFailedError, SpecError
from vertex_mlops.links.vertex_ai import PipelineJobLink
from vertex_mlops.pipeline_jobs import (
    COMPLETE_STATES,
    DEAD_STATES,
    PipelineResult,
    attempt_id,
    failure,
    pipeline_job_id,
    read_result,
    resource_id,
)

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import PipelineJob


class RunPipelineJobOnceOperator(RunPipelineJobOperator):
    """
    Run a pipeline job once for each task instance, and return what it pushed and where that is deployed.

    Takes the parameters of the provider's RunPipelineJobOperator, and differs from it in this:

    - the job id is made from the DAG, the run, the task and the map index, so that a retry finds the job
      which an earlier try started and waits for it; only a job that failed or was cancelled is followed
      by another;
    - an error while polling does not end the wait;
    - a paused job is not a success;
    - the result is the same in both modes, and small: a PipelineResult instead of the whole job;
    - ``job_id``, ``labels``, ``display_name`` and ``enable_caching`` are templated.

    :param validate_only: If True, build the job, check it as a submission would, log it and skip the task;
        nothing is created (templated: take ``dag.param(...)``).
    :return: a :class:`vertex_mlops.pipeline_jobs.PipelineResult`.
    :raises PipelineJobFailedError: names the job, the failed task and its error. Vertex AI has tried each
        task again by itself, so Airflow does not; clear the task to start another job.
    :raises SpecError: the compiled pipeline does not take these parameters, labels or this id.
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
    operator_extra_links = (PipelineJobLink(),)

    def __init__(self, *, validate_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validate_only = validate_only

    def execute(self, context: Context) -> PipelineResult:
        first_id = self.job_id or self._job_id_of(context)
        if self.validate_only:
            self._validate(first_id)
        self.job_id = self._submit_or_attach(first_id)
        context["ti"].xcom_push(key="pipeline_job_id", value=self.job_id)
        PipelineJobLink.persist(context=context, pipeline_id=self.job_id)
        job = self._get_job()
        if job.state not in COMPLETE_STATES and self.deferrable:
            self._wait_deferred()
        while job.state not in COMPLETE_STATES:
            time.sleep(self.poll_interval)
            job = self._get_job()
        return self._result(job)

    def execute_complete(  # type: ignore[override]
        self, context: Context, event: dict[str, Any], job_id: str = ""
    ) -> PipelineResult:
        """
        Take over from the trigger.

        :param context: the task's context.
        :param event: what the trigger saw; its job is read again, because only that tells one kind of
            failure from the other.
        :param job_id: id of the job that was waited for.
        """
        self.job_id = job_id or resource_id(event["job"]["name"])
        job = self._get_job()
        if job.state not in COMPLETE_STATES:
            self.log.warning("The wait ended before the job did: %s", event.get("message"))
            self._wait_deferred()
        return self._result(job)

    def on_kill(self) -> None:
        """Cancel the job, also one that an earlier try started."""
        if self.job_id:
            client = self.hook.get_pipeline_service_client(self.region)
            name = client.pipeline_job_path(self.project_id, self.region, self.job_id)
            client.cancel_pipeline_job(name=name)

    @staticmethod
    def _job_id_of(context: Context) -> str:
        ti = context["ti"]
        return pipeline_job_id(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=ti.map_index)

    def _submit_or_attach(self, first_id: str) -> str:
        for attempt in itertools.count(1):
            self.job_id = attempt_id(first_id, attempt)
            try:
                self._submit()
            except AlreadyExists:
                state = self._get_job().state
                if state in DEAD_STATES:
                    self.log.info("Pipeline job %s ended as %s", self.job_id, state.name)
                    continue
                self.log.info("Attaching to pipeline job %s, which is %s", self.job_id, state.name)
            return self.job_id
        raise AssertionError("counted to infinity")

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
            # an XCom that is a number would be refused as a label
            "labels": {key: str(value) for key, value in (self.labels or {}).items()},
            "failure_policy": self.failure_policy,
        }

    def _validate(self, job_id: str) -> NoReturn:
        # not kept: a job of this id, which killing the task would cancel, is another try's
        definition = self._definition() | {"job_id": job_id}
        with self._definition_checked():
            # reads the file, and refuses what submit refuses before it sends anything
            self.hook.get_pipeline_job_object(**definition, project=self.project_id, location=self.region)
        self.log.info("A job that would be submitted to %s in %s:", self.project_id, self.region)
        for name, value in {**definition, "service_account": self.service_account}.items():
            self.log.info("  %s: %s", name, value)
        raise AirflowSkipException(f"only validated: pipeline job {job_id} could be submitted, and was not")

    def _submit(self) -> None:
        self.log.info("Submitting pipeline job %s", self.job_id)
        with self._definition_checked():
            self.hook.submit_pipeline_job(
                **self._definition(),
                project_id=self.project_id,
                region=self.region,
                service_account=self.service_account,
                network=self.network,
                reserved_ip_ranges=self.reserved_ip_ranges,
                create_request_timeout=self.create_request_timeout,
                experiment=self.experiment,
            )

    @contextmanager
    def _definition_checked(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise SpecError(f"{self.template_path}: {' '.join(str(error).split())}") from error

    def _get_job(self) -> PipelineJob:
        return self.hook.get_pipeline_job(
            project_id=self.project_id, region=self.region, pipeline_job_id=self.job_id
        )

    def _wait_deferred(self) -> None:
        # a trigger of our own would need plugins/ on the triggerer, which Composer does not give it
        self.defer(
            trigger=RunPipelineJobTrigger(
                conn_id=self.gcp_conn_id,
                project_id=self.project_id,
                location=self.region,
                job_id=str(self.job_id),
                poll_interval=self.poll_interval,
                impersonation_chain=self.impersonation_chain,
            ),
            method_name="execute_complete",
            kwargs={"job_id": self.job_id},
        )

    def _result(self, job: PipelineJob) -> PipelineResult:
        if job.state != PipelineState.PIPELINE_STATE_SUCCEEDED:
            raise PipelineJobFailedError(failure(job))
        result = read_result(job)
        if result["model"]:
            result["endpoint"], result["deployed_model_id"] = self._deployment(result["model"])
        self.log.info("Pipeline job succeeded: %s", result)
        return result

    def _deployment(self, model_name: str) -> tuple[str | None, str | None]:
        from airflow.providers.google.cloud.hooks.vertex_ai.model_service import ModelServiceHook

        hook = ModelServiceHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        model = hook.get_model(
            project_id=self.project_id, region=self.region, model_id=resource_id(model_name)
        )
        for deployment in model.deployed_models:
            return deployment.endpoint, deployment.deployed_model_id
        return None, None
