"""Operator that runs one batch prediction job for one task instance, from a BigQuery table to BigQuery."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry
from vertex_mlops.exceptions import BatchPredictionJobFailedError, VertexOperationTimeoutError
from vertex_mlops.links.vertex_ai import BatchPredictionJobLink
from vertex_mlops.monitoring.service_agents import awaiting_service_agents
from vertex_mlops.operators.vertex_base import VertexBaseOperator
from vertex_mlops.runs.pipeline_jobs import label_filter, resource_id, task_label
from vertex_mlops.waiting.reschedule import first_execution, reschedule_or_fail

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.google.cloud.hooks.vertex_ai.batch_prediction_job import BatchPredictionJobHook
    from airflow.sdk import Context
    from google.cloud.aiplatform_v1 import JobServiceClient
    from google.cloud.aiplatform_v1.types import BatchPredictionJob

# label of a batch prediction job: the task instance that it belongs to
TASK_LABEL = "airflow_task"
_FORMAT = "bigquery"
_CREATE_SECONDS = 120.0
_CREATE_RETRY_SECONDS = 300.0
# names: the enum would load all types of Vertex AI with every DAG file
_SUCCESSFUL = frozenset({"JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED"})
_UNSUCCESSFUL = frozenset({"JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED"})
_CANCELLING = "JOB_STATE_CANCELLING"


class BatchPredictionResult(TypedDict):
    """
    The result of a batch prediction job.

    :param name: resource name of the job.
    :param model: resource name of the model with the version that answered: ``.../models/ID@VERSION``.
    :param table: the predictions: ``PROJECT.DATASET.TABLE``.
    :param predicted: number of rows with a prediction.
    :param failed: number of rows without one.
    """

    name: str
    model: str
    table: str
    predicted: int
    failed: int


class RunBatchPredictionJobOnceOperator(VertexBaseOperator):
    """
    Predict the rows of a BigQuery table with a model of the registry, once for each task instance.

    The model needs no endpoint. The predictions are in a new table: the columns of the source, and
    ``prediction``, a JSON string with the response of the model's ``serving_default``.

    Differences from the provider's CreateBatchPredictionJobOperator:

    - a row is sent as an object of its columns, which TensorFlow Serving requires for several inputs; the
      provider's operator, and the SDK that it calls, can only send arrays
      (https://github.com/googleapis/python-aiplatform/issues/3031);
    - columns that are not features can be excluded from the requests;
    - a retry finds the job of an earlier try by a label; it creates another one only if that job failed, was
      cancelled or left too many rows without a prediction;
    - while the job runs, the task holds no worker slot and needs no triggerer;
    - rows without a prediction fail the task.

    Killing the task does not cancel the job, since a retry may need it.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions

    :param project_id: The ID of the Google Cloud project that the service belongs to (templated).
    :param region: The ID of the Google Cloud region of the model; both data sets must be in it, or in the
        multi-region around it (templated).
    :param model_name: The ID of the model, or its resource name; ``@`` and a version or an alias may follow,
        as in ``wine-white@champion`` (templated).
    :param bigquery_source: The table to read, as ``bq://PROJECT.DATASET.TABLE`` (templated).
    :param bigquery_destination_prefix: The data set to write to, as ``bq://PROJECT.DATASET``; each job makes
        a table of its own there (templated).
    :param job_display_name: The user-defined name of the job; the task's ID by default (templated).
    :param instance_type: ``object`` to send each row as an object, ``array`` as an array of its columns.
    :param included_fields: The columns to send; all by default (templated).
    :param excluded_fields: The columns not to send, such as the label; they are in the output, too. Only one
        of both can be set (templated).
    :param max_failed_rows: The maximum number of rows without a prediction.
    :param machine_type: The type of each machine.
    :param starting_replica_count: The number of machines.
    :param batch_size: The number of rows in each request to the model; Vertex AI's default is 64. One row
        that the model refuses fails its whole request.
    :param labels: Labels of the job (templated).
    :param poll_interval: Seconds between two polls of the job, 15 at least.
    :param wait_timeout: Seconds to wait for the job.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: a :class:`vertex_mlops.operators.batch_prediction.job.BatchPredictionResult`.
    :raises BatchPredictionJobFailedError: the job has failed or was cancelled, or has left more than
        ``max_failed_rows`` rows without a prediction; names the job, the error and the job's page.
    :raises VertexOperationTimeoutError: the job runs for too long; a retry finds it.
    :raises MissingResultError: an upstream task has no result that an argument needs.
    :raises ServiceAgentsMissingError: Vertex AI has not created them within half an hour.
    :raises google.api_core.exceptions.NotFound: there is no such model, or no version has the alias.
    """

    template_fields: Sequence[str] = (
        "project_id",
        "region",
        "model_name",
        "bigquery_source",
        "bigquery_destination_prefix",
        "job_display_name",
        "included_fields",
        "excluded_fields",
        "labels",
        "gcp_conn_id",
        "impersonation_chain",
    )
    operator_extra_links = (BatchPredictionJobLink(),)

    def __init__(
        self,
        *,
        model_name: str,
        bigquery_source: str,
        bigquery_destination_prefix: str,
        job_display_name: str | None = None,
        instance_type: Literal["object", "array"] = "object",
        included_fields: Sequence[str] | None = None,
        excluded_fields: Sequence[str] | None = None,
        max_failed_rows: int = 0,
        machine_type: str = "n1-standard-2",
        starting_replica_count: int = 1,
        batch_size: int | None = None,
        labels: dict[str, str] | None = None,
        poll_interval: float = 60,
        wait_timeout: float = 6 * 3600,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_name = model_name
        self.bigquery_source = bigquery_source
        self.bigquery_destination_prefix = bigquery_destination_prefix
        self.job_display_name = job_display_name
        self.instance_type = instance_type
        self.included_fields = included_fields
        self.excluded_fields = excluded_fields
        self.max_failed_rows = max_failed_rows
        self.machine_type = machine_type
        self.starting_replica_count = starting_replica_count
        self.batch_size = batch_size
        self.labels = labels
        self.poll_interval = poll_interval
        self.wait_timeout = wait_timeout

    @cached_property
    def hook(self) -> BatchPredictionJobHook:
        from airflow.providers.google.cloud.hooks.vertex_ai.batch_prediction_job import BatchPredictionJobHook

        return BatchPredictionJobHook(
            gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain
        )

    @cached_property
    def client(self) -> JobServiceClient:
        return self.hook.get_job_service_client(self.region)

    @property
    def parent(self) -> str:
        return f"projects/{self.project_id}/locations/{self.region}"

    def execute(self, context: Context) -> BatchPredictionResult:
        label = task_label(context["ti"], self.task_id)
        with awaiting_service_agents(context):
            # one that was found at the first execution of this try, or created then, is this try's own
            job = self._find_or_create(label, is_ours=first_execution(context) is not None)
        BatchPredictionJobLink.persist(context=context, batch_prediction_job_id=resource_id(job.name))
        if job.state.name not in _SUCCESSFUL | _UNSUCCESSFUL:
            self.log.info("%s is %s", job.name, job.state.name)
            problem = VertexOperationTimeoutError(f"{job.name} still runs after {self.wait_timeout:g} s")
            reschedule_or_fail(context, problem, self.poll_interval, self.wait_timeout)
        return self._result(job)

    def _find_or_create(self, label: str, *, is_ours: bool) -> BatchPredictionJob:
        known = self._list(label)
        if known and (is_ours or self._is_good(known[-1])):
            self.log.info("Found %s, which is %s", known[-1].name, known[-1].state.name)
            return known[-1]
        before = {job.name for job in known}

        def create() -> BatchPredictionJob:
            # the answer to a request before may have been lost
            for job in self._list(label):
                if job.name not in before:
                    return job
            return self.client.create_batch_prediction_job(
                parent=self.parent, batch_prediction_job=self._definition(label), timeout=_CREATE_SECONDS
            )

        job = transient_retry(_CREATE_RETRY_SECONDS)(create)()
        self.log.info("Created %s with %s@%s", job.name, job.model, job.model_version_id)
        return job

    def _list(self, label: str) -> list[BatchPredictionJob]:
        """Return the jobs of the task instance, the oldest first."""
        request = {"parent": self.parent, "filter": label_filter({TASK_LABEL: label})}
        found = transient_retry(READ_RETRY_SECONDS)(
            lambda: list(self.client.list_batch_prediction_jobs(request=request, timeout=REQUEST_SECONDS))
        )()
        # DatetimeWithNanoseconds, which mypy takes for the protobuf message
        return sorted(found, key=lambda job: cast("datetime", job.create_time))

    def _definition(self, label: str) -> BatchPredictionJob:
        from google.cloud.aiplatform_v1.types import BatchPredictionJob

        model = self.model_name if "/" in self.model_name else f"{self.parent}/models/{self.model_name}"
        definition = {
            "display_name": self.job_display_name or self.task_id,
            "model": model,
            "input_config": {
                "instances_format": _FORMAT,
                "bigquery_source": {"input_uri": self.bigquery_source},
            },
            "instance_config": {
                "instance_type": self.instance_type,
                "included_fields": list(self.included_fields or ()),
                "excluded_fields": list(self.excluded_fields or ()),
            },
            "output_config": {
                "predictions_format": _FORMAT,
                "bigquery_destination": {"output_uri": self.bigquery_destination_prefix},
            },
            "dedicated_resources": {
                "machine_spec": {"machine_type": self.machine_type},
                "starting_replica_count": self.starting_replica_count,
            },
            "manual_batch_tuning_parameters": {"batch_size": self.batch_size or 0},
            "labels": {**(self.labels or {}), TASK_LABEL: label},
        }
        return BatchPredictionJob(definition)

    def _is_good(self, job: BatchPredictionJob) -> bool:
        if job.state.name in _SUCCESSFUL:
            return _failed(job) <= self.max_failed_rows
        return job.state.name not in _UNSUCCESSFUL | {_CANCELLING}

    def _result(self, job: BatchPredictionJob) -> BatchPredictionResult:
        page = BatchPredictionJobLink.url(
            **self.extra_links_params, batch_prediction_job_id=resource_id(job.name)
        )
        for failure in job.partial_failures:
            self.log.warning("Partial failure: %s", failure.message)
        if job.state.name in _UNSUCCESSFUL:
            reason = " ".join(job.error.message.split()) or "without an error"
            raise BatchPredictionJobFailedError(f"{job.name} ended as {job.state.name}: {reason}; see {page}")
        dataset = job.output_info.bigquery_output_dataset.removeprefix("bq://")
        result = BatchPredictionResult(
            name=job.name,
            model=f"{job.model.partition('@')[0]}@{job.model_version_id}",
            table=f"{dataset}.{job.output_info.bigquery_output_table}",
            predicted=job.completion_stats.successful_count,
            failed=_failed(job),
        )
        if result["failed"] > self.max_failed_rows:
            raise BatchPredictionJobFailedError(
                f"{job.name} has left {result['failed']} of {result['failed'] + result['predicted']} rows"
                f" without a prediction, more than {self.max_failed_rows}: the errors table in {dataset}"
                f" says why; see {page}"
            )
        self.log.info("Batch prediction succeeded: %s", result)
        return result


def _failed(job: BatchPredictionJob) -> int:
    # -1 stands for an unknown number
    stats = job.completion_stats
    return int(stats.failed_count) + max(int(stats.incomplete_count), 0)
