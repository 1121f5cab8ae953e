"""Operator that checks whether a BigQuery table has new data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import XCOM_RETURN_KEY
from airflow.providers.standard.utils.skipmixin import SkipMixin

from vertex_mlops.contract.names import DATA_VERSION_LABEL, ROW_COUNT_LABEL
from vertex_mlops.contract.retries import READ_RETRY_SECONDS, REQUEST_SECONDS, transient_retry
from vertex_mlops.links.bigquery import TableLink
from vertex_mlops.monitoring.drift_events import describe, triggering_events
from vertex_mlops.monitoring.drift_settings import DriftSettings
from vertex_mlops.operators.bigquery.base import BigQueryTableBaseOperator, now_ms
from vertex_mlops.operators.bigquery.data_versions import check_data_version
from vertex_mlops.operators.bigquery.trainable_tables import streaming_buffer
from vertex_mlops.runs.pipeline_jobs import (
    RUN_LABEL,
    SUBMISSION_KEY,
    label_filter,
    run_label,
    run_label_of,
)

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.bigquery import Table

    from vertex_mlops.monitoring.drift_events import DriftEvent


# states of a task that runs no more; one that was skipped has not been marked
_ENDED = ("success", "failed")


class BigQueryTableFreshnessOperator(BigQueryTableBaseOperator, SkipMixin):
    """
    Skip all downstream tasks unless a table has changed since the last successful training.

    The watermark is stored in Vertex AI: the label ``data_version`` of the newest pipeline job that succeeded
    on this table. A job of the same DAG run does not count, so that a run which is cleared as a whole
    does not skip its own steps; nor does a job of another run of this DAG whose ``pipeline_task_id`` has
    no result, since it was marked while the job ran and its model was not used. No query runs:
    ``tables.get`` returns when the table was last changed. An earlier ``data_version`` is trained on unless
    the last training used the same one; the watermark goes back to it, so that the next run without one
    finds the table changed and trains on all of it again.

    Streamed rows count as new when ``lastModifiedTime`` has changed; at the latest, that is when
    BigQuery has written its streaming buffer to the table, within 90 minutes. Until then the training query
    does not read them: the watermark covers only rows that were trained on.

    A run started by drift, an asset event of
    :class:`~vertex_mlops.operators.monitoring.drift.EmitModelDriftOperator`, returns it. It is also skipped
    if any training started within ``drift_cooldown_hours``, whatever its result: drift that no training
    removes, or a failing pipeline, must not start a training every hour.

    .. seealso::
        https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/get,
        https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#dataavailability and
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.pipelineJobs/list

    :param project_id: The ID of the Google Cloud project of the table and of the pipeline jobs (templated).
    :param region: The ID of the Google Cloud region of the pipeline jobs (templated).
    :param dataset_id: The ID of the dataset (templated).
    :param table_id: The ID of the table (templated).
    :param pipeline_job_labels: Labels of the pipeline jobs that are trained on this table (templated).
    :param pipeline_task_id: The ID of the downstream RunPipelineJobOnceOperator task; None if all jobs count.
    :param force: If True, train even if the last training used this state (templated: use
        ``dag.param(...)``, since a Jinja expression returns a string, and "False" is true).
    :param data_version: State of the table to train on, in milliseconds since the epoch; None for the current
        one (templated: use ``dag.param(...)``).
    :param drift_settings: When drift causes a training. The defaults of DriftSettings if not set.
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).

    :return: ``table``; ``data_version``, the one asked for or else when the table was modified last, in
        milliseconds since the epoch; ``num_rows`` of the table at present, without those in its streaming
        buffer; ``last_trained_version``, None if there was no training yet; ``last_trained_rows``, how many
        rows that training had, None if its job does not tell; ``trigger``, ``drift`` or Airflow's type of the
        run; and ``drift``, the :class:`~vertex_mlops.monitoring.drift_events.DriftEvent` of each window that
        has caused the run. If the rest is skipped, the XCom ``skipped_because`` says why.
    :raises DataContractError: the table does not exist, or cannot be trained on, such as a view.
    :raises DataVersionError: the table cannot be read, or did not exist, at this ``data_version``.
    """

    template_fields = (
        "project_id",
        "region",
        "dataset_id",
        "table_id",
        "pipeline_job_labels",
        "force",
        "data_version",
        "gcp_conn_id",
        "impersonation_chain",
    )
    inherits_from_skipmixin = True

    def __init__(
        self,
        *,
        region: str,
        pipeline_job_labels: dict[str, str],
        pipeline_task_id: str | None = None,
        force: bool = False,
        data_version: int | None = None,
        drift_settings: DriftSettings | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.region = region
        self.pipeline_job_labels = pipeline_job_labels
        self.pipeline_task_id = pipeline_task_id
        self.force = force
        self.data_version = data_version
        self.drift_settings = drift_settings or DriftSettings()

    def execute(self, context: Context) -> dict[str, Any]:
        TableLink.persist(context=context)
        table = self.get_table()
        data_version = self._choose_version(table)
        this_run = run_label(context["ti"])
        training = self._last_training(context["ti"])
        last_trained = int(training.labels[DATA_VERSION_LABEL]) if training else None
        drift = triggering_events(context)
        for event in drift:
            self.log.info("This run was caused by drift: %s", describe(event))
        result = {
            "table": self.table,
            "data_version": data_version,
            "num_rows": table.num_rows,
            "last_trained_version": last_trained,
            "last_trained_rows": _rows_of(training),
            "trigger": "drift" if drift else context["dag_run"].run_type.value,
            "drift": drift,
        }
        self.log.info("%s: version %s, trained on: %s", self.table, data_version, last_trained)
        buffered = streaming_buffer(table)
        if buffered:
            self.log.info("%s: %s", self.table, buffered)
        unchanged = data_version == last_trained
        reason = None if self.force else self._reason_to_skip(drift, unchanged, buffered, this_run)
        if not reason:
            return result
        self.log.info("Skipping the rest: %s", reason)
        context["ti"].xcom_push(key="skipped_because", value=reason)
        # skip() raises when there is something to skip: what is returned would be lost
        context["ti"].xcom_push(key=XCOM_RETURN_KEY, value=result)
        self.skip(ti=context["ti"], tasks=context["task"].get_flat_relatives(upstream=False))
        return result

    def _reason_to_skip(
        self, drift: list[DriftEvent], unchanged: bool, buffered: str | None, this_run: str
    ) -> str | None:
        same = f"{self.table} has not changed since the last training"
        if buffered:
            same += f" ({buffered})"
        if not drift:
            return same if unchanged else None
        cause = f"caused by drift ({describe(drift[-1])})"
        if unchanged and not self.drift_settings.retrain_on_drift_without_new_data:
            return f"{cause}, but {same}, and retrain_on_drift_without_new_data is not set"
        cooldown = timedelta(hours=self.drift_settings.drift_cooldown_hours)
        training = self._newest_training(this_run)
        age = datetime.now(UTC) - training.create_time if training else cooldown
        if training and age < cooldown:
            hours = f"{age / timedelta(hours=1):.1f} h ago"
            limit = f"drift_cooldown_hours is {self.drift_settings.drift_cooldown_hours:g}"
            return f"{cause}, but the last training, {training.name}, began {hours}, and {limit}"
        return None

    def _choose_version(self, table: Table) -> int:
        resource = table.to_api_repr()
        modified = int(resource["lastModifiedTime"])
        if self.data_version is None:
            return modified
        check_data_version(
            self.table,
            self.data_version,
            created=int(resource["creationTime"]),
            modified=modified,
            now=now_ms(),
            time_travel_hours=self.get_time_travel_hours(),
        )
        return self.data_version

    def _last_training(self, ti: Any) -> Any:
        for job in self._trainings(run_label(ti), 'state="PIPELINE_STATE_SUCCEEDED"'):
            version = job.labels[DATA_VERSION_LABEL]
            if not version.isdecimal():
                self.log.warning("%s does not count: its data_version is %r", job.name, version)
            elif self._was_marked_early(ti, job.labels.get(RUN_LABEL)):
                self.log.warning(
                    "%s does not count: no task has used its result; clear that task to use it", job.name
                )
            else:
                return job
        return None

    def _was_marked_early(self, ti: Any, run: str | None) -> bool:
        """Return whether the task that ran a job was marked by hand before the job had ended."""
        if not (run and self.pipeline_task_id):
            return False
        task_id = self.pipeline_task_id
        # of every run: a label tells a run's digest, and not its id
        for run_id, states in ti.get_task_states(dag_id=ti.dag_id, task_ids=[task_id]).items():
            if run_label_of(ti.dag_id, run_id) == run:
                pulled = partial(ti.xcom_pull, task_ids=task_id, run_id=run_id)
                # without what it noted at its submission its XComs were deleted, which tells nothing
                submitted, result = pulled(key=SUBMISSION_KEY), pulled(key=XCOM_RETURN_KEY)
                return states.get(task_id) in _ENDED and bool(submitted) and not result
        return False

    def _newest_training(self, this_run: str) -> Any:
        return next(self._trainings(this_run), None)

    def _trainings(self, this_run: str, *conditions: str) -> Iterator[Any]:
        from airflow.providers.google.cloud.hooks.vertex_ai.pipeline_job import PipelineJobHook

        hook = PipelineJobHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)
        jobs = hook.list_pipeline_jobs(
            project_id=self.project_id,
            region=self.region,
            filter=label_filter(self.pipeline_job_labels, f"labels.{DATA_VERSION_LABEL}:*", *conditions),
            order_by="create_time desc",
            page_size=2,
            retry=transient_retry(READ_RETRY_SECONDS),
            timeout=REQUEST_SECONDS,
        )
        # after "clear run" the newest one is this run's own
        return (job for job in jobs if job.labels.get(RUN_LABEL) != this_run)


def _rows_of(training: Any) -> int | None:
    rows = training.labels.get(ROW_COUNT_LABEL, "") if training else ""
    return int(rows) if rows.isdecimal() else None
