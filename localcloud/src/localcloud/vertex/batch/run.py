"""One run of a batch prediction job."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import grpc  # type: ignore[import-untyped]
import urllib3
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.rpc import code_pb2, status_pb2  # type: ignore[import-untyped]

from localcloud.bigquery.api.client import InProcessClient
from localcloud.bigquery.store.types import Field
from localcloud.config import Settings
from localcloud.errors import ApiError
from localcloud.vertex.api.calls import now
from localcloud.vertex.batch.admission import table_name
from localcloud.vertex.batch.tables import (
    ERRORS,
    PREDICTION,
    Row,
    Source,
    check_location,
    chosen_fields,
    instances_of,
    read_source,
)
from localcloud.vertex.endpoints.prediction import read_predictions
from localcloud.vertex.endpoints.replicas import Replicas
from localcloud.vertex.resources.names import id_of, location_of
from localcloud.vertex.resources.store import ResourceStore

log = logging.getLogger(__name__)

# the client library gives its enums no types
JobState: Any = v1.JobState
TERMINAL_STATES = frozenset(
    {JobState.JOB_STATE_SUCCEEDED, JobState.JOB_STATE_FAILED, JobState.JOB_STATE_CANCELLED}
)
# https://cloud.google.com/vertex-ai/docs/predictions/get-batch-predictions, BATCH_SIZE
_DEFAULT_BATCH_SIZE = 64
_MOST_ROWS_OF_A_WRITE = 10_000
_PREDICTION_FIELD: Field = {"name": PREDICTION, "type": "STRING", "mode": "NULLABLE"}
_ERRORS_FIELD: Field = {"name": ERRORS, "type": "STRING", "mode": "NULLABLE"}


class _StoppedError(Exception):
    """The run is stopped: the job was cancelled, or localcloud stops and resumes it at the next start."""


class _Output(NamedTuple):
    predictions: list[Row]
    errors: list[Row]


class BatchRun:
    """
    Send the rows of a table to the job's own model server, and write its predictions.

    :param name: resource name of the job.
    :param store: keeps the job.
    :param replicas: the model servers.
    :param bigquery: the tables.
    :param settings: knows the project.
    """

    def __init__(
        self,
        name: str,
        store: ResourceStore,
        replicas: Replicas,
        bigquery: InProcessClient,
        settings: Settings,
    ) -> None:
        self._name = name
        self._store = store
        self._replicas = replicas
        self._bigquery = bigquery
        self._settings = settings
        self._abandoned = threading.Event()

    def abandon(self) -> None:
        """End soon without changing the job; another run starts it again."""
        self._abandoned.set()

    def run(self) -> None:
        """Run the job to its end."""
        try:
            self._run()
        except _StoppedError:
            if not self._abandoned.is_set():
                self._finish(JobState.JOB_STATE_CANCELLED, code_pb2.CANCELLED, "The job was cancelled.")
        except (exceptions.GoogleAPICallError, ApiError) as error:
            self._fail(_code_of(error), error.message)
        except urllib3.exceptions.HTTPError as error:
            self._fail(code_pb2.INTERNAL, f"The model server exited unexpectedly: {error}")
        except Exception as error:
            if not self._abandoned.is_set():
                log.exception("%s failed", self._name)
            self._fail(code_pb2.INTERNAL, f"localcloud failed: {type(error).__name__}: {error}")
        finally:
            self._replicas.stop(self._name, id_of(self._name))

    def _run(self) -> None:
        job = self._begin()
        region = id_of(location_of(self._name))
        source_name = table_name(job.input_config.bigquery_source.input_uri, "input_uri", self._settings)
        check_location(self._bigquery, source_name.dataset, region)
        target = self._target(job, region)
        source = read_source(self._bigquery, source_name)
        output = self._predict(job, source)
        self._check_running()
        self._write(job, source, target, output)
        if output.errors and not output.predictions:
            first = json.loads(output.errors[0][ERRORS])
            self._fail(first["code"], f"All {len(output.errors)} instances failed: {first['message']}")
        else:
            self._finish(JobState.JOB_STATE_SUCCEEDED)

    def _begin(self) -> v1.BatchPredictionJob:
        def change(job: v1.BatchPredictionJob) -> None:
            if job.state == JobState.JOB_STATE_PENDING:
                job.state = JobState.JOB_STATE_RUNNING
                job.start_time = now()

        job = self._update(change)
        self._check_running()
        return job

    def _check_running(self) -> None:
        state = self._store.get(self._name, v1.BatchPredictionJob).state
        if self._abandoned.is_set() or state == JobState.JOB_STATE_CANCELLING:
            raise _StoppedError

    def _target(self, job: v1.BatchPredictionJob, region: str) -> v1.BatchPredictionJob.OutputInfo:
        """Return the target of the output; drop a table that an interrupted run has left there."""
        uri = job.output_config.bigquery_destination.output_uri
        dataset, table = table_name(uri, "output_uri", self._settings)
        stamp = _timestamp(job.create_time)
        if job.output_info.bigquery_output_table:
            names = (job.output_info.bigquery_output_table, _errors_table(job))
            dataset = dataset or job.output_info.bigquery_output_dataset.rpartition(".")[2]
            for name in names:
                self._bigquery.query(f"DROP TABLE IF EXISTS `{dataset}.{name}`")
        if dataset:
            check_location(self._bigquery, dataset, region)
            if table and self._bigquery.exists(dataset, table):
                raise exceptions.AlreadyExists(f"Table {dataset}.{table} exists: the output needs a new one.")
        else:
            model = re.sub(r"\W", "_", self._display_name(job))
            dataset = f"prediction_{model}_{stamp}"
        return v1.BatchPredictionJob.OutputInfo(
            bigquery_output_dataset=f"bq://{self._settings.project}.{dataset}",
            bigquery_output_table=table or f"predictions_{stamp}",
        )

    def _display_name(self, job: v1.BatchPredictionJob) -> str:
        return self._store.get(job.model, v1.Model).display_name

    def _predict(self, job: v1.BatchPredictionJob, source: Source) -> _Output:
        fields = chosen_fields(source, job.instance_config)
        deployed = v1.DeployedModel(
            id=id_of(self._name), model=job.model, model_version_id=job.model_version_id
        )
        self._replicas.start(self._name, deployed)
        size = job.manual_batch_tuning_parameters.batch_size or _DEFAULT_BATCH_SIZE
        output = _Output([], [])
        for first in range(0, len(source.rows), size):
            self._check_running()
            rows = source.rows[first : first + size]
            instances = instances_of(rows, fields, as_objects=job.instance_config.instance_type == "object")
            body = json.dumps({"instances": instances}, ensure_ascii=False).encode()
            try:
                predictions = read_predictions(self._replicas.predict(self._name, deployed, body).data)
                _check_count(predictions, rows)
            except (exceptions.InvalidArgument, exceptions.InternalServerError) as error:
                # the whole request fails, and each of its rows with it
                failure = json.dumps({"code": _code_of(error), "message": error.message})
                output.errors.extend(row | {ERRORS: failure} for row in rows)
                continue
            output.predictions.extend(
                row | {PREDICTION: json.dumps(prediction, ensure_ascii=False, separators=(",", ":"))}
                for row, prediction in zip(rows, predictions, strict=True)
            )
        return output

    def _write(
        self,
        job: v1.BatchPredictionJob,
        source: Source,
        target: v1.BatchPredictionJob.OutputInfo,
        output: _Output,
    ) -> None:
        dataset = target.bigquery_output_dataset.rpartition(".")[2]

        def change(job: v1.BatchPredictionJob) -> None:
            job.output_info = target
            job.completion_stats = v1.CompletionStats(
                successful_count=len(output.predictions), failed_count=len(output.errors)
            )

        # from here on the tables are this job's: an interrupted run drops them
        job = self._update(change)
        for table, rows, field in (
            (target.bigquery_output_table, output.predictions, _PREDICTION_FIELD),
            (_errors_table(job), output.errors, _ERRORS_FIELD),
        ):
            fields = [*source.fields, field]
            self._bigquery.ensure_table(dataset, table, fields, id_of(location_of(self._name)))
            for first in range(0, len(rows), _MOST_ROWS_OF_A_WRITE):
                self._bigquery.append(dataset, table, rows[first : first + _MOST_ROWS_OF_A_WRITE])

    def _fail(self, code: int, message: str) -> None:
        self._finish(JobState.JOB_STATE_FAILED, code, message)

    def _finish(self, state: int, code: int = code_pb2.OK, message: str = "") -> None:
        if self._abandoned.is_set() and state != JobState.JOB_STATE_SUCCEEDED:
            return

        def change(job: v1.BatchPredictionJob) -> None:
            job.state = JobState(state)
            job.end_time = now()
            if code:
                job.error = status_pb2.Status(code=code, message=message)
            if state != JobState.JOB_STATE_SUCCEEDED and not job.completion_stats:
                job.completion_stats = v1.CompletionStats(incomplete_count=-1)

        self._update(change)

    def _update(self, change: Callable[[v1.BatchPredictionJob], None]) -> v1.BatchPredictionJob:
        with self._store.transaction():
            job = self._store.get(self._name, v1.BatchPredictionJob)
            change(job)
            job.update_time = now()
            self._store.put(self._name, job)
        return job


def _errors_table(job: v1.BatchPredictionJob) -> str:
    return f"errors_{_timestamp(job.create_time)}"


def _timestamp(moment: Any) -> str:
    """Write a time as the proto of OutputConfig has it: YYYY_MM_DDThh_mm_ss_sssZ."""
    time = datetime.fromtimestamp(moment.timestamp(), UTC)
    return f"{time:%Y_%m_%dT%H_%M_%S}_{time.microsecond // 1000:03}Z"


def _check_count(predictions: Any, rows: list[Row]) -> None:
    if not isinstance(predictions, list) or len(predictions) != len(rows):
        raise exceptions.InternalServerError(
            "The model server did not return one prediction for each instance."
        )


def _code_of(error: exceptions.GoogleAPICallError | ApiError) -> int:
    status = grpc.StatusCode[error.status] if isinstance(error, ApiError) else error.grpc_status_code
    code: int = status.value[0] if status else code_pb2.UNKNOWN
    return code
