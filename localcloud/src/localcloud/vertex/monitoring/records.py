"""The results of monitoring: stored by window, and searched as the API defines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1
from google.protobuf import wrappers_pb2

from localcloud.vertex.api.calls import unimplemented
from localcloud.vertex.resources.filters import Queryable
from localcloud.vertex.resources.query import select_for
from localcloud.vertex.resources.store import ResourceStore

# The reference allows so many entries in one answer.
_LARGEST_PAGE = 1000
_RAW_FEATURES = (
    v1.ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_SKEW,
    v1.ModelDeploymentMonitoringObjectiveType.RAW_FEATURE_DRIFT,
)
_COLLECTIONS = ("statistics", "notes")
Record = v1.ModelMonitoringStatsAnomalies
Feature = v1.ModelMonitoringStatsAnomalies.FeatureHistoricStatsAnomalies


class _Entry(NamedTuple):
    """One feature in one window, for one objective."""

    record: Record
    feature: Feature


class MonitoringRecords:
    """
    Keep one record for each window, deployed model and objective of a job.

    :param store: where they are.
    """

    def __init__(self, store: ResourceStore) -> None:
        self._store = store

    def add(self, job: str, records: list[Record], end: datetime) -> None:
        """
        Keep the records of one window.

        :param job: name of the job.
        :param end: of the window.
        """
        with self._store.transaction():
            for record in records:
                key = f"{record.deployed_model_id}-{int(record.objective)}-{int(end.timestamp() * 1e6)}"
                self._store.put(f"{job}/statistics/{key}", record)

    def all(self, job: str) -> list[Record]:
        """Return every record of a job, the oldest window first."""
        return self._store.list(f"{job}/statistics", Record)

    def note(self, job: str, key: str) -> Mapping[str, Any]:
        """Return the value that was stored for the next window, if any."""
        name = f"{job}/notes/{key}"
        if not self._store.exists(name):
            return {}
        kept: Mapping[str, Any] = json.loads(self._store.get(name, wrappers_pb2.StringValue).value)
        return kept

    def put_metadata(self, job: str, key: str, content: Mapping[str, Any]) -> None:
        """Store a value for the next window."""
        self._store.put(f"{job}/notes/{key}", wrappers_pb2.StringValue(value=json.dumps(content)))

    def delete(self, job: str) -> None:
        """Delete all records of a job."""
        with self._store.transaction():
            for collection in _COLLECTIONS:
                for name in self._store.names(f"{job}/{collection}"):
                    self._store.delete(name)

    def search(
        self, request: v1.SearchModelDeploymentMonitoringStatsAnomaliesRequest
    ) -> v1.SearchModelDeploymentMonitoringStatsAnomaliesResponse:
        """
        Return the result of a search: for each objective, the measured features, each with its windows.

        A page counts windows of features, of which an answer holds 1,000 at most.

        Source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.modelDeploymentMonitoringJobs/searchModelDeploymentMonitoringStatsAnomalies

        :raises google.api_core.exceptions.InvalidArgument: it names no deployed model or no objective.
        """
        if not request.deployed_model_id:
            raise exceptions.InvalidArgument("deployed_model_id is required.")
        if not request.objectives:
            raise exceptions.InvalidArgument("objectives is required.")
        wanted = [objective.type_ for objective in request.objectives]
        if any(objective.top_feature_count for objective in request.objectives):
            raise unimplemented("top_feature_count, which ranks feature attributions")
        for type_ in wanted:
            if type_ not in _RAW_FEATURES:
                raise exceptions.InvalidArgument(f"objectives: {type_!r} is not monitored here.")
        request.page_size = min(request.page_size or _LARGEST_PAGE, _LARGEST_PAGE)
        found = [
            entry
            for entry in self._entries(request)
            if entry.record.objective in wanted and _is_within(entry.feature.prediction_stats[0], request)
        ]
        found.sort(key=lambda entry: (wanted.index(entry.record.objective), _name(entry)))
        page = select_for(request, found, Queryable(Feature, ()))
        return v1.SearchModelDeploymentMonitoringStatsAnomaliesResponse(
            monitoring_stats=_grouped(page.items), next_page_token=page.next_page_token
        )

    def _entries(self, request: v1.SearchModelDeploymentMonitoringStatsAnomaliesRequest) -> Iterator[_Entry]:
        for record in self.all(request.model_deployment_monitoring_job):
            if record.deployed_model_id == request.deployed_model_id:
                for feature in record.feature_stats:
                    if request.feature_display_name in ("", feature.feature_display_name):
                        yield _Entry(record, feature)


def is_anomaly(window: v1.FeatureStatsAnomaly) -> bool:
    """Return whether a feature was beyond its threshold in a window."""
    return bool(window.distribution_deviation > window.anomaly_detection_threshold)


def _name(entry: _Entry) -> str:
    return str(entry.feature.feature_display_name)


def _is_within(
    window: v1.FeatureStatsAnomaly, request: v1.SearchModelDeploymentMonitoringStatsAnomaliesRequest
) -> bool:
    """Return whether a window ended in the time asked for; the reference dates statistics by their end."""
    end: Any = window.end_time
    after = "start_time" not in request or end >= request.start_time
    before = "end_time" not in request or end <= request.end_time
    return bool(after and before)


def _grouped(entries: list[_Entry]) -> list[Record]:
    records = []
    for objective, of_objective in groupby(entries, key=lambda entry: entry.record.objective):
        record = Record(objective=objective)
        for _, group in groupby(of_objective, key=_name):
            windows = list(group)
            record.deployed_model_id = windows[-1].record.deployed_model_id
            # the threshold and the training data of the last window are those that hold now
            feature = Feature(windows[-1].feature)
            feature.prediction_stats = [entry.feature.prediction_stats[0] for entry in windows]
            record.anomaly_count += sum(is_anomaly(window) for window in feature.prediction_stats)
            record.feature_stats.append(feature)
        records.append(record)
    return records
