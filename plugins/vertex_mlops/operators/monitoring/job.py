"""Operator that keeps an endpoint's monitoring job up to date with the models that serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound

from vertex_mlops.contract.data_contract import DataContract
from vertex_mlops.contract.monitoring.diff import diff, keep_recipients, updated_job
from vertex_mlops.contract.monitoring.job import monitoring_job, objectives_of
from vertex_mlops.contract.monitoring.settings import MonitoringSettings
from vertex_mlops.contract.monitoring.states import FAILED, PAUSED
from vertex_mlops.contract.names import RAW_SIGNATURE
from vertex_mlops.exceptions import (
    ModelMonitoringJobError,
    ModelMonitoringJobImmutableError,
    ModelMonitoringJobPausedError,
)
from vertex_mlops.links.model_monitoring import ModelMonitoringJobLink
from vertex_mlops.links.vertex_ai import EndpointLink
from vertex_mlops.monitoring.objective import objective_config
from vertex_mlops.monitoring.service_agents import awaiting_service_agents
from vertex_mlops.operators.monitoring.base import ModelMonitoringBaseOperator
from vertex_mlops.runs.compiled_pipeline import part_of_job, read_pipeline_job
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.runs.results import skip

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1.types import ModelDeploymentMonitoringJob


class CreateOrUpdateModelMonitoringJobOperator(ModelMonitoringBaseOperator):
    """
    Create or update an endpoint's ModelDeploymentMonitoringJob, so that it monitors the serving models.

    An endpoint has at most one such job, and the job's objectives name deployed models, so each new model
    needs an update. The job is found through the endpoint, and only fields that differ are updated.
    Recipients of its alerts are kept, in addition to those in the settings. If the job is PENDING or UPDATING
    and must change, the task is rescheduled and polls again later. It does not wait for its own update: use
    :class:`~vertex_mlops.sensors.model_monitoring.ModelMonitoringJobSensor`.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs

    :param project_id: The ID of the Google Cloud project of the endpoint (templated).
    :param region: The ID of the Google Cloud region of the endpoint (templated).
    :param endpoint: Resource name of the endpoint (templated).
    :param deployed_model_id: The ID of the model that was just deployed to it (templated).
    :param training_examples: ``gs://`` folder of the training examples of this model (templated).
    :param pipeline_job: Resource name of the pipeline job that created this model; its contract names the
        features and the label (templated).
    :param display_name: Display name of the monitoring job (templated).
    :param settings: Thresholds, sampling, interval, alerts, storage.
    :param labels: Labels of the monitoring job; its other labels are kept (templated).
    :param recreate: Whether to pause, delete and recreate the job if a field differs that Vertex AI
        cannot update. Its results so far are lost, and the new one runs even if the old one was paused.
    :param poll_interval: Seconds between two polls of a job that is PENDING or UPDATING, 15 at least.
    :param wait_timeout: Seconds to wait for such a job.
    :param retry: Designation of what errors, if any, should be retried within a request; by default those
        of the service or the connection, for a minute, if the request only reads.
    :param timeout: The timeout for each request, in seconds.
    :param metadata: Strings which should be sent along with each request as metadata.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``name`` of the job; its ``state``; the monitored ``deployed_model_ids``; whether it was
        ``created``; the names of the fields ``updated``; resource name of the ``operation`` that updates
        it, empty if there is none; whether the features of a request to ``predict`` are
        ``features_seen``: if not, no skew and no drift is found in it.
    :raises AirflowSkipException: the deployed model has no traffic, as after a rollback.
    :raises ModelMonitoringJobError: the job failed, there are no training examples, or a threshold names a
        feature that the model does not have.
    :raises ModelMonitoringJobImmutableError: fields differ that no update can change, and ``recreate`` is
        not set; the message lists them.
    :raises ModelMonitoringJobPausedError: the job must change, but is paused.
    :raises ModelMonitoringJobUnsettledError: the job stays PENDING or UPDATING for too long.
    :raises SpecError: the pipeline job is gone, or contains no contract.
    """

    template_fields = (
        "project_id",
        "region",
        "endpoint",
        "deployed_model_id",
        "training_examples",
        "pipeline_job",
        "display_name",
        "labels",
        "gcp_conn_id",
        "impersonation_chain",
    )
    operator_extra_links = (ModelMonitoringJobLink(), EndpointLink())

    def __init__(
        self,
        *,
        endpoint: str,
        deployed_model_id: str,
        training_examples: str,
        pipeline_job: str,
        display_name: str,
        settings: MonitoringSettings,
        labels: Mapping[str, str] | None = None,
        recreate: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.deployed_model_id = deployed_model_id
        self.training_examples = training_examples
        self.pipeline_job = pipeline_job
        self.display_name = display_name
        self.settings = settings
        self.labels = labels
        self.recreate = recreate

    def execute(self, context: Context) -> dict[str, Any]:
        EndpointLink.persist(context=context, endpoint_id=resource_id(self.endpoint))
        job = read_pipeline_job(self.pipeline_job, self.gcp_conn_id, self.impersonation_chain)
        contract = part_of_job(DataContract, job)
        if contract.hides_features:
            self.log.warning(
                "Requests to :predict contain serialized examples, whose features monitoring cannot read, so"
                " it finds neither skew nor drift; make %s the default signature",
                RAW_SIGNATURE,
            )
        if self.deployed_model_id not in self._serving():
            skip(
                context,
                f"deployed model {self.deployed_model_id} of {self.endpoint} has no traffic any more, so it"
                " is not monitored",
            )
        return self._keep(context, contract) | {"features_seen": not contract.hides_features}

    def _keep(self, context: Context, contract: DataContract) -> dict[str, Any]:
        current = self._find()
        if current is None:
            try:
                return self._create(context, self._wanted(contract, {}))
            except AlreadyExists:
                # another run was faster
                current = self._find()
                if current is None:
                    raise
        ModelMonitoringJobLink.persist(context=context, job_id=resource_id(current.name))
        return self._reconcile(context, current, contract)

    def _reconcile(
        self, context: Context, current: ModelDeploymentMonitoringJob, contract: DataContract
    ) -> dict[str, Any]:
        watched = objectives_of(current)
        wanted = self._wanted(contract, watched)
        if kept := keep_recipients(current, wanted):
            self.log.info("Alerts go on to %s, which the settings do not name", ", ".join(kept))
        difference = diff(current, wanted)
        if current.state.name == FAILED:
            raise ModelMonitoringJobError(f"{current.name} failed: {current.error.message}")
        if not difference:
            self.log.info("%s is up to date", current.name)
            if current.state.name == PAUSED:
                self.log.warning("%s is paused: nothing is monitored until it is resumed", current.name)
            return self._finish(context, current)
        if difference.immutable and not self.recreate:
            raise ModelMonitoringJobImmutableError(
                f"{current.name}: fields that Vertex AI cannot change differ:"
                f" {', '.join(difference.immutable)}; set recreate to have the job deleted and recreated"
            )
        self.wait_until_settled(context, current)
        if difference.immutable:
            return self._recreate(context, current, wanted, difference.immutable)
        if current.state.name == PAUSED:
            raise ModelMonitoringJobPausedError(
                f"{current.name} is paused and accepts no update of {', '.join(difference.update_mask)};"
                " resume it, then clear this task"
            )
        return self._update(context, current, wanted, difference.update_mask)

    def _find(self) -> ModelDeploymentMonitoringJob | None:
        job_id = self.hook.find_model_monitoring_job(
            endpoint_id=resource_id(self.endpoint), **self.read_options
        )
        if job_id:
            # it may have been deleted since
            with suppress(NotFound):
                return self.hook.get_model_monitoring_job(job_id=job_id, **self.read_options)
        return None

    def _create(self, context: Context, wanted: ModelDeploymentMonitoringJob) -> dict[str, Any]:
        with awaiting_service_agents(context):
            job = self.hook.create_model_monitoring_job(job=wanted, **self.write_options)
        self.log.info("Created %s", job.name)
        return self._finish(context, job, created=True)

    def _recreate(
        self,
        context: Context,
        current: ModelDeploymentMonitoringJob,
        wanted: ModelDeploymentMonitoringJob,
        fields: Sequence[str],
    ) -> dict[str, Any]:
        self.log.info("Deleting %s to recreate it: %s differ", current.name, ", ".join(fields))
        if current.state.name == PAUSED:
            # by a person, or by a try that broke off here: nothing tells them apart
            self.log.warning("%s is paused; the new one will run", current.name)
        # whatever ends this task in between, the next try finds a paused job, or none
        with suppress(NotFound):
            self.delete_settled_job(context, current)
        return self._create(context, wanted)

    def _update(
        self,
        context: Context,
        current: ModelDeploymentMonitoringJob,
        wanted: ModelDeploymentMonitoringJob,
        mask: Sequence[str],
    ) -> dict[str, Any]:
        self.log.info("Updating %s: %s", current.name, ", ".join(mask))
        job_id = resource_id(current.name)
        try:
            operation = self.hook.update_model_monitoring_job(
                job=updated_job(current, wanted), update_mask=mask, **self.write_options
            )
        except FailedPrecondition:
            # somebody else may have begun an update since
            self.wait_until_settled(
                context, self.hook.get_model_monitoring_job(job_id=job_id, **self.read_options)
            )
            raise
        job = self.hook.get_model_monitoring_job(job_id=job_id, **self.read_options)
        return self._finish(context, job, updated=mask, operation=operation.operation.name)

    def _finish(
        self,
        context: Context,
        job: ModelDeploymentMonitoringJob,
        created: bool = False,
        updated: Sequence[str] = (),
        operation: str = "",
    ) -> dict[str, Any]:
        ModelMonitoringJobLink.persist(context=context, job_id=resource_id(job.name))
        self.log.info("%s is %s", job.name, job.state.name)
        return {
            "name": job.name,
            "state": job.state.name,
            "deployed_model_ids": sorted(objectives_of(job)),
            "created": created,
            "updated": list(updated),
            "operation": operation,
        }

    def _wanted(self, contract: DataContract, watched: Mapping[str, Any]) -> ModelDeploymentMonitoringJob:
        # another model that shares the traffic keeps its own training data
        objectives = {id_: watched[id_] for id_ in self._serving() if id_ in watched}
        objectives[self.deployed_model_id] = objective_config(self.settings, contract, self.training_examples)
        return monitoring_job(
            display_name=self.display_name,
            endpoint=self.endpoint,
            objectives=objectives,
            settings=self.settings,
            sample_instance=contract.sample_instance,
            labels=self.labels,
        )

    def _serving(self) -> list[str]:
        client = self.hook.get_endpoint_service_client(self.region)
        traffic = client.get_endpoint(
            request={"name": self.endpoint},
            retry=self.read_options["retry"],
            timeout=self.timeout,
            metadata=self.metadata,
        ).traffic_split
        return [deployed_model_id for deployed_model_id, share in traffic.items() if share]
