"""One window of a monitoring job: read the log, measure it, store and mail the results."""

from __future__ import annotations

import base64
import json
import shutil
import tempfile
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from google.cloud import aiplatform_v1 as v1

from localcloud.bigquery.api.client import InProcessClient
from localcloud.config import Settings
from localcloud.errors import ApiError
from localcloud.storage import ObjectStore
from localcloud.vertex.endpoints.request_log import RequestLog, monitoring_table
from localcloud.vertex.monitoring.records import Feature, MonitoringRecords, Record, is_anomaly
from localcloud.vertex.monitoring.training_data import TrainingData, fingerprint
from localcloud.vertex.resources.names import id_of
from localcloud.vertex.worker.pool import WorkerPool

_DAY = timedelta(days=1)
_Type = v1.ModelDeploymentMonitoringObjectiveType
Job = v1.ModelDeploymentMonitoringJob
Objective = v1.ModelMonitoringObjectiveConfig


class Window(NamedTuple):
    """A span of time: from ``start`` until just before ``end``."""

    start: datetime
    end: datetime


class MonitoringWindows:
    """
    Analyse windows of requests, one at a time.

    Statistics and anomalies go to the job's ``stats_anomalies_base_directory`` or, without one, to the bucket
    ``cloud-ai-platform-PROJECT_NUMBER-REGION``.

    :param settings: where mail goes, and the project.
    :param objects: the buckets.
    :param bigquery: where requests were logged.
    :param requests: the log.
    :param pool: the pipeline environment, which computes.
    :param records: stores the results.
    """

    def __init__(
        self,
        settings: Settings,
        objects: ObjectStore,
        bigquery: InProcessClient,
        requests: RequestLog,
        pool: WorkerPool,
        records: MonitoringRecords,
    ) -> None:
        self._settings = settings
        self._objects = objects
        self._bigquery = bigquery
        self._requests = requests
        self._pool = pool
        self._records = records
        self._training = TrainingData(objects, bigquery)
        self._scratch = settings.state / "monitoring"
        self._lock = threading.Lock()

    def clean(self) -> None:
        """Remove the files of windows that were interrupted."""
        shutil.rmtree(self._scratch, ignore_errors=True)

    def current(self, job: Job, now: datetime) -> Window:
        """Return the window since the last one, no longer than the job's windows are."""
        last = self._records.note(job.name, "window").get("end")
        since: Any = datetime.fromisoformat(last) if last else job.create_time
        return Window(max(since, now - length_of(job)), now)

    def analyse(self, job: Job, window: Window) -> list[Record]:
        """
        Measure the requests to the deployed models of a job in a window.

        :raises ApiError: the training data are not there.
        :raises WorkerError: the statistics cannot be computed.
        """
        with self._lock:
            self._requests.flush()
            self._expire(job, window.end)
            self._scratch.mkdir(exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=self._scratch))
            try:
                records = [
                    record
                    for config in job.model_deployment_monitoring_objective_configs
                    for record in self._measure(job, config, window, folder / config.deployed_model_id)
                ]
            finally:
                shutil.rmtree(folder)
            self._records.add(job.name, records, window.end)
            self._records.put_metadata(job.name, "window", {"end": window.end.isoformat()})
            return records

    def _expire(self, job: Job, now: datetime) -> None:
        """Delete logged requests that are older than the job keeps them, in whole days."""
        kept: Any = job.log_ttl
        if not kept:
            return
        days = -(-kept // _DAY)
        table = monitoring_table(job.endpoint)
        self._requests.ensure(table)
        self._bigquery.query(
            f"DELETE FROM `{table.dataset}.{table.name}`"  # noqa: S608
            f" WHERE logging_time < {_timestamp(now - days * _DAY)}"
        )

    def _measure(
        self, job: Job, config: v1.ModelDeploymentMonitoringObjectiveConfig, window: Window, folder: Path
    ) -> list[Record]:
        deployed_id, objective = config.deployed_model_id, config.objective_config
        instances = self._instances(job, deployed_id, window)
        if not instances:
            return []
        folder.mkdir()
        request = self._request(job, deployed_id, objective, instances, folder)
        (folder / "request.json").write_text(json.dumps(request))
        self._pool.measure(folder)
        result = json.loads((folder / "result.json").read_text())
        base = self._base(job)
        place = f"{base}/serving/{window.end.isoformat()}/stats_and_anomalies/{deployed_id}"
        stats = self._write_features(place, result["serving_by_feature"], "stats")
        self._note(job, f"serving-{deployed_id}", f"{place}/statistics", result["serving"])
        training = self._keep_training(job, deployed_id, objective, base, result)
        records = []
        for type_, key in ((_Type.RAW_FEATURE_SKEW, "skew"), (_Type.RAW_FEATURE_DRIFT, "drift")):
            found = result[key]
            anomalies = {name: measured["anomaly"] for name, measured in found.items()}
            uris = self._write_features(f"{place}/{key}", anomalies, "anomalies")
            features = [
                _feature(name, found[name], window, stats[name], uris[name], training.get(name))
                for name in sorted(found)
            ]
            if features:
                records.append(_record(type_, deployed_id, features))
        return records

    def _request(
        self, job: Job, deployed_id: str, objective: Objective, instances: list[str], folder: Path
    ) -> dict[str, Any]:
        """Return the request: what to measure, against which baselines."""
        last = self._records.note(job.name, f"serving-{deployed_id}")
        known = self._records.note(job.name, f"training-{deployed_id}")
        skew = objective.training_prediction_skew_detection_config
        drift = objective.prediction_drift_detection_config
        return {
            "instances": instances,
            "schema": self._schema(job),
            "previous": self._text(last.get("statistics")) if drift else None,
            "training": self._baseline(objective, known, folder) if skew else None,
            "skew": _thresholds(skew.skew_thresholds, skew, "default_skew_threshold"),
            "drift": _thresholds(drift.drift_thresholds, drift, "default_drift_threshold"),
        }

    def _keep_training(
        self, job: Job, deployed_id: str, objective: Objective, base: str, result: Mapping[str, Any]
    ) -> dict[str, str]:
        """Write the statistics of the training data, which the next windows need again."""
        if not result["training"]:
            return {}
        place = f"{base}/training/{deployed_id}"
        dataset = fingerprint(objective.training_dataset)
        self._note(job, f"training-{deployed_id}", f"{place}/statistics", result["training"], dataset)
        return self._write_features(place, result["training_by_feature"], "stats")

    def _instances(self, job: Job, deployed_id: str, window: Window) -> list[str]:
        table = monitoring_table(job.endpoint)
        self._requests.ensure(table)
        rows = self._bigquery.query(
            f"SELECT payload FROM `{table.dataset}.{table.name}`, UNNEST(request_payload) AS payload"  # noqa: S608
            f" WHERE deployed_model_id = '{deployed_id}' AND ARRAY_LENGTH(response_payload) > 0"
            f" AND logging_time >= {_timestamp(window.start)} AND logging_time < {_timestamp(window.end)}"
        )
        return [row["payload"] for row in rows]

    def _base(self, job: Job) -> str:
        base = str(job.stats_anomalies_base_directory.output_uri_prefix).rstrip("/")
        if not base:
            region = job.name.split("/")[3]
            bucket = f"cloud-ai-platform-{self._settings.project_number}-{region}"
            self._objects.ensure_bucket(bucket)
            base = f"gs://{bucket}"
        return f"{base}/model_monitoring/job-{id_of(job.name)}"

    def _schema(self, job: Job) -> str | None:
        uri = job.analysis_instance_schema_uri or job.predict_instance_schema_uri
        return self._objects.read(uri).decode() if uri else None

    def _baseline(self, objective: Objective, known: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        dataset = objective.training_dataset
        digest = fingerprint(dataset)
        statistics = self._text(known["statistics"]) if digest and known.get("dataset") == digest else None
        fetched = {"files": [], "format": "jsonl"} if statistics else self._training.fetch(dataset, folder)
        return {**fetched, "statistics": statistics, "target": dataset.target_field}

    def _text(self, uri: str | None) -> str | None:
        """Return a protocol buffer as base64, or None where there is none."""
        try:
            return base64.b64encode(self._objects.read(uri)).decode() if uri else None
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def _write_features(self, place: str, messages: Mapping[str, str], kind: str) -> dict[str, str]:
        uris = {}
        for name, message in messages.items():
            uris[name] = f"{place}/{quote(name, safe='')}/{kind}"
            self._objects.write(uris[name], base64.b64decode(message))
        return uris

    def _note(self, job: Job, key: str, uri: str, message: str, dataset: str = "") -> None:
        self._objects.write(uri, base64.b64decode(message))
        self._records.put_metadata(job.name, key, {"statistics": uri, "dataset": dataset})


def length_of(job: Job) -> timedelta:
    """Return how long a job's windows are: as long as its interval, unless the job sets it."""
    schedule = job.model_deployment_monitoring_schedule_config
    length: Any = schedule.monitor_window or schedule.monitor_interval
    return timedelta(seconds=length.total_seconds())


def _thresholds(features: Mapping[str, v1.ThresholdConfig], config: Any, default: str) -> dict[str, Any]:
    return {
        "features": {name: threshold.value for name, threshold in features.items()},
        "default": getattr(config, default).value if default in config else None,
    }


def _record(type_: Any, deployed_id: str, features: list[Feature]) -> Record:
    count = sum(is_anomaly(feature.prediction_stats[0]) for feature in features)
    return Record(objective=type_, deployed_model_id=deployed_id, anomaly_count=count, feature_stats=features)


def _feature(
    name: str, measured: Mapping[str, Any], window: Window, stats: str, anomaly: str, training: str | None
) -> Feature:
    times: dict[str, Any] = {"start_time": window.start, "end_time": window.end}
    return Feature(
        feature_display_name=name,
        threshold=v1.ThresholdConfig(value=measured["threshold"]),
        training_stats=v1.FeatureStatsAnomaly(stats_uri=training) if training else None,
        prediction_stats=[
            v1.FeatureStatsAnomaly(
                stats_uri=stats,
                anomaly_uri=anomaly,
                distribution_deviation=measured["distance"],
                anomaly_detection_threshold=measured["threshold"],
                **times,
            )
        ],
    )


def _timestamp(moment: datetime) -> str:
    return f"TIMESTAMP '{moment.isoformat()}'"
